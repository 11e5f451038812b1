-- Facts of the topologies, what they say now, alerts, and what is derived from them.

CREATE TABLE container_level (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    distance_metres double precision,
    tilted boolean,
    site text,
    fill_ratio double precision,
    is_full boolean,
    since timestamptz,
    flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, observed_at)
);
SELECT create_hypertable('container_level', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
COMMENT ON TABLE container_level IS 'Facts: each measurement of a container, kept with what follows from it';
COMMENT ON COLUMN container_level.fill_ratio IS '0..1 from the distance and the site valid then; null where one of them is missing';
COMMENT ON COLUMN container_level.is_full IS 'With hysteresis: between the two limits it stays what it was';
COMMENT ON COLUMN container_level.since IS 'Since when is_full is what it is';

CREATE TABLE container (
    device text COLLATE "C" PRIMARY KEY,
    partition integer NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    site text,
    fill_ratio double precision,
    distance_metres double precision,
    tilted boolean,
    is_full boolean,
    since timestamptz
) WITH (fillfactor = 70);
CREATE INDEX container_site ON container (site);
CREATE INDEX container_partition ON container (partition);
COMMENT ON TABLE container IS 'Containers now: what the newest fact of each device says';
COMMENT ON COLUMN container.partition IS 'Of readings.container.v1: whose worker writes this row';
COMMENT ON COLUMN container.site IS 'The container that the device serves; null, as all after it, where it serves none';

CREATE TABLE parking_observation (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    reported boolean,
    site text,
    zone text,
    occupied boolean,
    since timestamptz,
    flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, observed_at)
);
SELECT create_hypertable('parking_observation', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
COMMENT ON TABLE parking_observation IS 'Facts: each frame of a bay''s sensor, kept with what follows from it';
COMMENT ON COLUMN parking_observation.reported IS 'What the frame said; null where it did not speak of the bay';
COMMENT ON COLUMN parking_observation.occupied IS 'The state from here on; null = unknown';
COMMENT ON COLUMN parking_observation.since IS 'Since when it is so';

CREATE TABLE parking_bay (
    device text COLLATE "C" PRIMARY KEY,
    partition integer NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    site text,
    zone text,
    occupied boolean,
    since timestamptz
) WITH (fillfactor = 70);
CREATE INDEX parking_bay_site ON parking_bay (site);
CREATE INDEX parking_bay_partition ON parking_bay (partition);
COMMENT ON TABLE parking_bay IS 'Bays now: what the newest fact of each device and the time since then say';
COMMENT ON COLUMN parking_bay.partition IS 'Of readings.parking.v1: whose worker writes this row';
COMMENT ON COLUMN parking_bay.site IS 'The bay that the device serves; null, as all after it, where it serves none';
COMMENT ON COLUMN parking_bay.occupied IS 'Null = unknown: nothing was heard for too long, or of nothing but the device itself';

CREATE TABLE parking_zone (
    zone text PRIMARY KEY,
    bays integer NOT NULL,
    occupied integer NOT NULL,
    free integer NOT NULL,
    unknown integer NOT NULL,
    changed_at timestamptz
);
COMMENT ON TABLE parking_zone IS 'Zones now, recomputed from their bays; bays = occupied + free + unknown';
COMMENT ON COLUMN parking_zone.changed_at IS 'When the last of its bays changed, in event time; null while none was heard';

CREATE TABLE alert (
    id uuid PRIMARY KEY,
    rule text NOT NULL,
    family text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL,
    status text NOT NULL,
    since timestamptz NOT NULL,
    resolved_at timestamptz,
    opened_event uuid NOT NULL,
    value double precision,
    limit_value double precision,
    device text COLLATE "C" NOT NULL,
    site text NOT NULL,
    retrospective boolean NOT NULL,
    message_de text NOT NULL,
    message_en text NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_device ON alert (rule, device);
CREATE INDEX alert_open ON alert (family, since) WHERE status = 'open';
COMMENT ON TABLE alert IS 'Episodes in which something was wrong';
COMMENT ON COLUMN alert.id IS 'From rule, subject and opened_event; stays for the whole life';
COMMENT ON COLUMN alert.status IS 'open, resolved';
COMMENT ON COLUMN alert.since IS 'Event time; late data may move it';
COMMENT ON COLUMN alert.opened_event IS 'The frame that opened it first';
COMMENT ON COLUMN alert.retrospective IS 'Found by late data or a correction when it was over already; nobody was told';
COMMENT ON COLUMN alert.acknowledged_at IS 'Written by people; no topology reads or writes it';

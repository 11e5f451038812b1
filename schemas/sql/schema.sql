-- The database as it is, for new installations: `silkstream migrate` runs this file where there is nothing, and
-- migrations/ where there is an earlier version; a test builds both and compares them.
-- Wide tables reading_<family> are not here: their columns come from the installed decoders.
-- Times are timestamptz; device = DevEUI, 16 lower-case hex digits; ids are UUIDs derived from their input.

-- ── what runs ────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE ledger (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL DEFAULT -1,
    last_hash bytea,
    raw_offset bigint NOT NULL DEFAULT -1,
    bridges jsonb NOT NULL DEFAULT '{}',
    as_of timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
);
COMMENT ON TABLE ledger IS 'How far each consumer is, written in the transaction of its results';
COMMENT ON COLUMN ledger.epoch IS 'Raised by whoever takes the partition; a writer with an older one is fenced out';
COMMENT ON COLUMN ledger.next_offset IS 'The next record to process; -1 = not begun';
COMMENT ON COLUMN ledger.last_hash IS 'Hash of the record before it: does the ledger belong to this log?';
COMMENT ON COLUMN ledger.raw_offset IS 'Highest raw offset seen in this partition; a repeated block is not above it';
COMMENT ON COLUMN ledger.bridges IS 'What each bridge vouches for, in microseconds since 1970';
COMMENT ON COLUMN ledger.as_of IS 'Up to when this partition is complete: the least of bridges';

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    event jsonb NOT NULL,
    suppressed boolean NOT NULL DEFAULT false,
    stored_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL AND NOT suppressed;
COMMENT ON TABLE outbox IS 'Events for Kafka, written with the change they tell of; the relay publishes what is unsent';
COMMENT ON COLUMN outbox.sequence IS 'Per topic and key, counted in subject; a consumer ignores lower ones';
COMMENT ON COLUMN outbox.suppressed IS 'Born in a replay: never published';

CREATE TABLE subject (
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, key)
);
COMMENT ON TABLE subject IS 'The last sequence of each subject of an outgoing topic, counted under its row lock';

CREATE TABLE mark (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what text NOT NULL,
    subject text NOT NULL,
    bucket timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE mark IS 'What derive has to recompute; -infinity = the state now';

CREATE TABLE recompute (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device text COLLATE "C" NOT NULL,
    from_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX recompute_device ON recompute (device);
COMMENT ON TABLE recompute IS 'Sites changed: the worker that owns the device runs it again from here';

CREATE TABLE dead_letter (
    id uuid PRIMARY KEY,
    stage text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    device text COLLATE "C",
    origin_topic text NOT NULL,
    origin_partition integer,
    origin_offset bigint,
    decoder text,
    decoder_version text,
    dead_partition integer NOT NULL,
    dead_offset bigint NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX dead_letter_reason ON dead_letter (reason, received_at DESC);
COMMENT ON TABLE dead_letter IS 'Index of the dead-letter topic, which holds the bytes';

-- ── what is out there ────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE device (
    device text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    profile text NOT NULL,
    application text NOT NULL,
    application_id text NOT NULL,
    tenant text NOT NULL,
    device_class text NOT NULL,
    region text NOT NULL,
    tags jsonb NOT NULL,
    decoder text,
    family text,
    described_at timestamptz NOT NULL,
    decoded_at timestamptz,
    seen_at timestamptz NOT NULL,
    battery_ratio double precision,
    battery_at timestamptz
);
COMMENT ON TABLE device IS 'Devices as ChirpStack describes them in their events';
COMMENT ON COLUMN device.described_at IS 'Time of the event that the description is from';
COMMENT ON COLUMN device.decoded_at IS 'Time of the newest uplink that decoder and family are from';
COMMENT ON COLUMN device.seen_at IS 'Time of the newest event of any kind';
COMMENT ON COLUMN device.battery_ratio IS '0..1, from the DevStatusAns';

CREATE TABLE site (
    site text NOT NULL,
    valid_from timestamptz NOT NULL,
    family text NOT NULL,
    name text NOT NULL,
    "group" text NOT NULL DEFAULT '',
    attributes jsonb NOT NULL DEFAULT '{}',
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, valid_from)
);
COMMENT ON TABLE site IS 'Places: a bay, a container, a well, a lamp. A version holds until the next one of its site';
COMMENT ON COLUMN site."group" IS 'Zone of a bay, district of a container, segment of a lamp';
COMMENT ON COLUMN site.attributes IS 'Geometry of the installation, units in the names';

CREATE TABLE assignment (
    device text COLLATE "C" NOT NULL,
    valid_from timestamptz NOT NULL,
    site text,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device, valid_from)
);
CREATE INDEX assignment_site ON assignment (site);
COMMENT ON TABLE assignment IS 'Which site a device serves, until its next row; site NULL = none from then on';

-- ── what came ────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE frame (
    event_id uuid NOT NULL,
    observed_at timestamptz NOT NULL,
    device text COLLATE "C" NOT NULL,
    event text NOT NULL,
    verdict text NOT NULL,
    reason text,
    duplicate_of uuid,
    frame_id uuid,
    dev_addr text,
    f_cnt bigint,
    f_port integer,
    data_rate integer,
    spreading_factor integer,
    payload_bytes integer,
    flags text[] NOT NULL DEFAULT '{}',
    decoder text,
    decoder_version text,
    ingested_at timestamptz NOT NULL,
    raw_partition integer NOT NULL,
    raw_offset bigint NOT NULL,
    PRIMARY KEY (event_id, observed_at)
);
SELECT create_hypertable('frame', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX frame_device ON frame (device, observed_at DESC);
COMMENT ON TABLE frame IS 'One row for every event that ChirpStack sent, with what became of it';
COMMENT ON COLUMN frame.verdict IS 'accepted, no_payload, duplicate, rejected, ignored, event';
COMMENT ON COLUMN frame.duplicate_of IS 'The event that was first: a late copy of the same radio frame';
COMMENT ON COLUMN frame.raw_offset IS 'Where its bytes are in lorawan.raw.v1, in partition raw_partition';

CREATE TABLE link_quality (
    event_id uuid NOT NULL,
    gateway text NOT NULL,
    observed_at timestamptz NOT NULL,
    device text COLLATE "C" NOT NULL,
    rssi_dbm integer NOT NULL,
    snr_db real NOT NULL,
    PRIMARY KEY (event_id, gateway, observed_at)
);
SELECT create_hypertable('link_quality', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX link_quality_device ON link_quality (device, observed_at DESC);
COMMENT ON TABLE link_quality IS 'How each gateway heard each radio frame; a late copy adds its gateways to the first';

CREATE TABLE device_latest (
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text NOT NULL,
    observed_at timestamptz NOT NULL,
    number double precision,
    text text,
    event_id uuid NOT NULL,
    PRIMARY KEY (device, channel, quantity)
);
COMMENT ON TABLE device_latest IS 'The newest value of each quantity of each device; a flag is 0 or 1';

-- ── what the topologies say of it ────────────────────────────────────────────────────────────────────────────────
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

CREATE TABLE reading_hour (
    family text NOT NULL,
    bucket timestamptz NOT NULL,
    readings integer NOT NULL,
    devices integer NOT NULL,
    PRIMARY KEY (family, bucket)
);
COMMENT ON TABLE reading_hour IS 'Readings of each family by hour of their observation, recomputed from the wide tables';
COMMENT ON COLUMN reading_hour.bucket IS 'Begin of the hour';
COMMENT ON COLUMN reading_hour.devices IS 'How many devices they came from';

-- ── what became of each quantity over time ───────────────────────────────────────────────────────────────────────
CREATE TABLE rollup_mark (
    family text NOT NULL,
    minutes integer NOT NULL DEFAULT 60,
    device text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (family, minutes, device, bucket, id)
);
COMMENT ON TABLE rollup_mark IS 'Hours and days of devices whose roll-ups derive has to recompute';
COMMENT ON COLUMN rollup_mark.family IS 'Whose wide table was written into';
COMMENT ON COLUMN rollup_mark.minutes IS '60: an hour, marked by the store; 1440: a day, marked by derive when it has done its hours';
COMMENT ON COLUMN rollup_mark.device IS 'DevEUI';
COMMENT ON COLUMN rollup_mark.bucket IS 'Begin of the hour or the day';
COMMENT ON COLUMN rollup_mark.id IS 'Tells marks of one hour apart: one that comes while the hour is recomputed stays';

CREATE FUNCTION rollup_buckets(first_at timestamptz, last_at timestamptz, zone text)
RETURNS TABLE (minutes integer, begins_at timestamptz, ends_at timestamptz)
LANGUAGE sql STABLE
AS $$
    SELECT 15, begins_at, begins_at + interval '15 minutes'
    FROM generate_series(date_bin('15 minutes', first_at, 'epoch'), last_at, interval '15 minutes') AS begins_at
    UNION ALL
    SELECT 60, begins_at, begins_at + interval '1 hour'
    FROM generate_series(date_bin('1 hour', first_at, 'epoch'), last_at, interval '1 hour') AS begins_at
    UNION ALL
    SELECT 1440, begins_on AT TIME ZONE zone, (begins_on + interval '1 day') AT TIME ZONE zone
    FROM generate_series(
        date_trunc('day', first_at AT TIME ZONE zone), last_at AT TIME ZONE zone, interval '1 day'
    ) AS begins_on
$$;
COMMENT ON FUNCTION rollup_buckets IS 'The buckets of each resolution (in minutes) that hold a moment from first_at to last_at; days in the legal time of zone';

CREATE TABLE rollup_quarter_hour (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    true_ratio double precision,
    known_seconds double precision,
    changes integer,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_quarter_hour IS 'Each quantity of each device by quarter of an hour, recomputed from the wide tables';
COMMENT ON COLUMN rollup_quarter_hour.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_quarter_hour.device IS 'DevEUI';
COMMENT ON COLUMN rollup_quarter_hour.channel IS 'Which of several probes';
COMMENT ON COLUMN rollup_quarter_hour.quantity IS 'A column of the wide table, whose comment tells its unit; the values here are in that unit';
COMMENT ON COLUMN rollup_quarter_hour.bucket IS 'Begin of the quarter of an hour';
COMMENT ON COLUMN rollup_quarter_hour.samples IS 'Values in the bucket; 0 where a state is known from the samples around it';
COMMENT ON COLUMN rollup_quarter_hour.minimum IS 'Of a gauge: the least value';
COMMENT ON COLUMN rollup_quarter_hour.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out';
COMMENT ON COLUMN rollup_quarter_hour.maximum IS 'Of a gauge or a level: the greatest value';
COMMENT ON COLUMN rollup_quarter_hour.first IS 'Of a counter: its first value';
COMMENT ON COLUMN rollup_quarter_hour.last IS 'Of a gauge, a counter or a state (0, 1): the last value';
COMMENT ON COLUMN rollup_quarter_hour.total IS 'Of a counter: the increase observed here, from the sample before; of an amount: the sum; of an event: how often it was true';
COMMENT ON COLUMN rollup_quarter_hour.resets IS 'Of a counter: how often it began again, by a reset or at its end';
COMMENT ON COLUMN rollup_quarter_hour.true_ratio IS 'Of a state: the share of known_seconds in which it was true, 0..1; null where nothing is known';
COMMENT ON COLUMN rollup_quarter_hour.known_seconds IS 'Of a state: how much of the bucket lies between two samples not further apart than derive.state_gap_hours';
COMMENT ON COLUMN rollup_quarter_hour.changes IS 'Of a state: how many samples differ from the one before, not further away than that';

CREATE TABLE rollup_hour (LIKE rollup_quarter_hour INCLUDING ALL);
COMMENT ON TABLE rollup_hour IS 'Each quantity of each device by hour, recomputed from the wide tables';
COMMENT ON COLUMN rollup_hour.bucket IS 'Begin of the hour';

CREATE TABLE rollup_day (LIKE rollup_quarter_hour INCLUDING ALL);
COMMENT ON TABLE rollup_day IS 'Each quantity of each device by day, recomputed from the wide tables';
COMMENT ON COLUMN rollup_day.bucket IS 'Begin of the day, in the legal time of derive.time_zone (Europe/Berlin unless set otherwise): 23 or 25 hours long when the clocks change';

SELECT create_hypertable(
    'rollup_quarter_hour', 'bucket', chunk_time_interval => interval '2 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_hour', 'bucket', chunk_time_interval => interval '7 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_day', 'bucket', chunk_time_interval => interval '180 days', create_default_indexes => false
);

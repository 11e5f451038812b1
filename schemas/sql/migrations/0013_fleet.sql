-- The fleet: every device and gateway by the frames that came, and the account of each day; alerts with a cause.

CREATE TABLE fleet_frame (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    raw_offset bigint NOT NULL,
    event text NOT NULL,
    is_copy boolean NOT NULL,
    profile text NOT NULL,
    family text NOT NULL,
    gateways text[] NOT NULL,
    reported_ratio double precision,
    site text,
    known_family text NOT NULL,
    gaps integer[] NOT NULL,
    interval_seconds integer,
    due_at timestamptz NOT NULL,
    usual text[] NOT NULL,
    missed integer[] NOT NULL,
    silent_from timestamptz,
    PRIMARY KEY (device, observed_at)
);
-- A day at a time: it is kept for a week.
SELECT create_hypertable('fleet_frame', 'observed_at', chunk_time_interval => interval '1 day', create_default_indexes => false);
CREATE INDEX fleet_frame_silence ON fleet_frame (device, observed_at) WHERE silent_from IS NOT NULL;
COMMENT ON TABLE fleet_frame IS 'Facts: each sign of life of each device, for some days; frame has all that is known of it, for long';
COMMENT ON COLUMN fleet_frame.device IS 'DevEUI';
COMMENT ON COLUMN fleet_frame.observed_at IS 'When it happened; a status a microsecond later, since its uplink may have the same time';
COMMENT ON COLUMN fleet_frame.event_id IS 'The event';
COMMENT ON COLUMN fleet_frame.raw_offset IS 'Where its bytes are in lorawan.raw.v1';
COMMENT ON COLUMN fleet_frame.event IS 'up, join or status';
COMMENT ON COLUMN fleet_frame.is_copy IS 'A late copy: the same radio frame by other gateways';
COMMENT ON COLUMN fleet_frame.profile IS 'The device''s profile in ChirpStack, as this event says';
COMMENT ON COLUMN fleet_frame.family IS 'Of the decoder that read it; empty = none did';
COMMENT ON COLUMN fleet_frame.gateways IS 'EUIs of the gateways that heard it';
COMMENT ON COLUMN fleet_frame.reported_ratio IS '0..1, charge of the battery, in a status only [1]';
COMMENT ON COLUMN fleet_frame.site IS 'What the device served; null = nothing';
COMMENT ON COLUMN fleet_frame.known_family IS 'The last family that there was; empty = none';
COMMENT ON COLUMN fleet_frame.gaps IS 'Between the last frames, the newest at the end [s]';
COMMENT ON COLUMN fleet_frame.interval_seconds IS 'How often it is expected to speak; null = not known [s]';
COMMENT ON COLUMN fleet_frame.due_at IS 'When it has been silent for too long, if nothing else comes';
COMMENT ON COLUMN fleet_frame.usual IS 'EUIs of the gateways that heard one of the last frames';
COMMENT ON COLUMN fleet_frame.missed IS 'How many frames ago each of them did [1]';
COMMENT ON COLUMN fleet_frame.silent_from IS 'Where this sign ended too long a silence: the last one before it';

CREATE TABLE fleet_device (
    device text COLLATE "C" PRIMARY KEY,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    raw_offset bigint NOT NULL,
    event text NOT NULL,
    is_copy boolean NOT NULL,
    profile text NOT NULL,
    family text NOT NULL,
    gateways text[] NOT NULL,
    reported_ratio double precision,
    fact_site text,
    known_family text NOT NULL,
    gaps integer[] NOT NULL,
    interval_seconds integer,
    due_at timestamptz NOT NULL,
    usual text[] NOT NULL,
    missed integer[] NOT NULL,
    silent_from timestamptz,
    site text,
    partition integer NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX fleet_device_due ON fleet_device (due_at);
CREATE INDEX fleet_device_partition ON fleet_device (partition);
CREATE INDEX fleet_device_site ON fleet_device (site);
COMMENT ON TABLE fleet_device IS 'Devices now: the newest sign of life of each';
COMMENT ON COLUMN fleet_device.device IS 'DevEUI';
COMMENT ON COLUMN fleet_device.observed_at IS 'When it was last heard';
COMMENT ON COLUMN fleet_device.event_id IS 'That event';
COMMENT ON COLUMN fleet_device.raw_offset IS 'Where its bytes are in lorawan.raw.v1';
COMMENT ON COLUMN fleet_device.event IS 'up, join or status';
COMMENT ON COLUMN fleet_device.is_copy IS 'A late copy: the same radio frame by other gateways';
COMMENT ON COLUMN fleet_device.profile IS 'Its profile in ChirpStack';
COMMENT ON COLUMN fleet_device.family IS 'Of the decoder that read that event; empty = none did';
COMMENT ON COLUMN fleet_device.gateways IS 'EUIs of the gateways that heard it';
COMMENT ON COLUMN fleet_device.reported_ratio IS '0..1, charge of the battery, where that event is a status [1]';
COMMENT ON COLUMN fleet_device.fact_site IS 'What the device served then; null = nothing';
COMMENT ON COLUMN fleet_device.known_family IS 'The last family that there was; empty = none';
COMMENT ON COLUMN fleet_device.gaps IS 'Between the last frames, the newest at the end [s]';
COMMENT ON COLUMN fleet_device.interval_seconds IS 'How often it is expected to speak; null = not known [s]';
COMMENT ON COLUMN fleet_device.due_at IS 'When it has been silent for too long, if nothing else comes';
COMMENT ON COLUMN fleet_device.usual IS 'EUIs of the gateways that heard one of the last frames';
COMMENT ON COLUMN fleet_device.missed IS 'How many frames ago each of them did [1]';
COMMENT ON COLUMN fleet_device.silent_from IS 'Where that event ended too long a silence: the last one before it';
COMMENT ON COLUMN fleet_device.site IS 'What the device serves now; null = nothing';
COMMENT ON COLUMN fleet_device.partition IS 'Of lorawan.frame.v1: whose worker writes this row';

CREATE TABLE fleet_recompute (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device text COLLATE "C" NOT NULL,
    from_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fleet_recompute_device ON fleet_recompute (device);
COMMENT ON TABLE fleet_recompute IS 'As recompute, for the fleet: its devices are others'' as well';
COMMENT ON COLUMN fleet_recompute.id IS 'Order in which requests were written';
COMMENT ON COLUMN fleet_recompute.device IS 'DevEUI';
COMMENT ON COLUMN fleet_recompute.from_at IS 'From when on its place is another one than was thought';
COMMENT ON COLUMN fleet_recompute.stored_at IS 'When it was asked for';

CREATE TABLE fleet_heard (
    gateway text COLLATE "C" NOT NULL,
    minute timestamptz NOT NULL,
    PRIMARY KEY (gateway, minute)
);
COMMENT ON TABLE fleet_heard IS 'Facts: minutes in which a gateway heard any device';
COMMENT ON COLUMN fleet_heard.gateway IS 'EUI of the gateway';
COMMENT ON COLUMN fleet_heard.minute IS 'Begin of the minute';

CREATE TABLE fleet_gateway (
    gateway text COLLATE "C" PRIMARY KEY,
    heard_at timestamptz NOT NULL,
    minutes integer NOT NULL,
    due_at timestamptz NOT NULL
);
CREATE INDEX fleet_gateway_due ON fleet_gateway (due_at);
COMMENT ON TABLE fleet_gateway IS 'Gateways now, as the frames of all devices tell of them';
COMMENT ON COLUMN fleet_gateway.gateway IS 'EUI of the gateway';
COMMENT ON COLUMN fleet_gateway.heard_at IS 'Begin of the last minute in which it heard a device';
COMMENT ON COLUMN fleet_gateway.minutes IS 'Minutes of the day before that in which it heard one [1]';
COMMENT ON COLUMN fleet_gateway.due_at IS 'When it has been silent for too long, if nothing else comes';

CREATE TABLE fleet_day (
    device text COLLATE "C" NOT NULL,
    day timestamptz NOT NULL,
    received integer NOT NULL,
    accepted integer NOT NULL,
    no_payload integer NOT NULL,
    ignored integer NOT NULL,
    rejected integer NOT NULL,
    copies integer NOT NULL,
    sessions integer NOT NULL,
    joins integer NOT NULL,
    resets integer NOT NULL,
    missing integer NOT NULL,
    lost integer NOT NULL,
    spreading_factor double precision,
    rssi_dbm double precision,
    snr_db double precision,
    gateways double precision,
    battery_ratio double precision,
    battery_low boolean,
    battery_days_left double precision,
    PRIMARY KEY (device, day)
);
CREATE INDEX fleet_day_day ON fleet_day (day);
COMMENT ON TABLE fleet_day IS 'Each device''s frames of each day (UTC), recomputed from frame and link_quality. received = accepted + no_payload + ignored + rejected';
COMMENT ON COLUMN fleet_day.device IS 'DevEUI';
COMMENT ON COLUMN fleet_day.day IS 'Begin of the day, UTC';
COMMENT ON COLUMN fleet_day.received IS 'Uplinks, without late copies [1]';
COMMENT ON COLUMN fleet_day.accepted IS 'Of them decoded [1]';
COMMENT ON COLUMN fleet_day.no_payload IS 'Of them without a payload [1]';
COMMENT ON COLUMN fleet_day.ignored IS 'Of them of profiles that are bound to nobody [1]';
COMMENT ON COLUMN fleet_day.rejected IS 'Of them refused; they are dead letters [1]';
COMMENT ON COLUMN fleet_day.copies IS 'Late copies: a radio frame again, by other gateways [1]';
COMMENT ON COLUMN fleet_day.sessions IS 'Sessions of which frames came [1]';
COMMENT ON COLUMN fleet_day.joins IS 'Join events [1]';
COMMENT ON COLUMN fleet_day.resets IS 'How often the frame counter fell without a join [1]';
COMMENT ON COLUMN fleet_day.missing IS 'Frames that the device counted and that never reached us [1]';
COMMENT ON COLUMN fleet_day.lost IS 'Events that we had and did not store: 0, or something is broken [1]';
COMMENT ON COLUMN fleet_day.spreading_factor IS 'Mean of the uplinks [1]';
COMMENT ON COLUMN fleet_day.rssi_dbm IS 'Mean of the best gateway of each uplink [dB[mW]]';
COMMENT ON COLUMN fleet_day.snr_db IS 'Mean of the best gateway of each uplink [dB]';
COMMENT ON COLUMN fleet_day.gateways IS 'Gateways that heard an uplink, mean [1]';
COMMENT ON COLUMN fleet_day.battery_ratio IS '0..1, the day''s last charge that was reported [1]';
COMMENT ON COLUMN fleet_day.battery_low IS 'The day''s last word of a device that reports no more than low or not';
COMMENT ON COLUMN fleet_day.battery_days_left IS 'Until it is empty at the rate of the last 90 days; null = it does not fall, or too little is known [d]';

CREATE TABLE fleet_session (
    device text COLLATE "C" NOT NULL,
    day timestamptz NOT NULL,
    begins_at timestamptz NOT NULL,
    begun_by text NOT NULL,
    dev_addr text NOT NULL,
    first_f_cnt bigint NOT NULL,
    last_f_cnt bigint NOT NULL,
    received integer NOT NULL,
    copies integer NOT NULL,
    missing integer NOT NULL,
    PRIMARY KEY (device, day, begins_at)
);
COMMENT ON TABLE fleet_session IS 'Sessions of devices by day (UTC): last_f_cnt - the last one of the day before = received + missing, within a session';
COMMENT ON COLUMN fleet_session.device IS 'DevEUI';
COMMENT ON COLUMN fleet_session.day IS 'Begin of the day, UTC';
COMMENT ON COLUMN fleet_session.begins_at IS 'Its first uplink of the day';
COMMENT ON COLUMN fleet_session.begun_by IS 'first (nothing is known before), goes_on (from the day before), join, address (another DevAddr, without a join that we heard), reset (the counter fell)';
COMMENT ON COLUMN fleet_session.dev_addr IS 'DevAddr, hexadecimal';
COMMENT ON COLUMN fleet_session.first_f_cnt IS 'Its first frame counter of the day [1]';
COMMENT ON COLUMN fleet_session.last_f_cnt IS 'Its last one of the day [1]';
COMMENT ON COLUMN fleet_session.received IS 'Frame counters that came [1]';
COMMENT ON COLUMN fleet_session.copies IS 'Late copies, and counters that came again [1]';
COMMENT ON COLUMN fleet_session.missing IS 'Frame counters that did not, also those between the day before and the first one [1]';

ALTER TABLE alert ADD COLUMN cause uuid;
COMMENT ON COLUMN alert.cause IS 'The alert that explains this one; nobody is told of it until that no longer does. null = none';
COMMENT ON COLUMN alert.silenced IS 'Nobody was told yet, because of maintenance or a cause; for ever where it was over by then';

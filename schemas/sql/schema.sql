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
COMMENT ON COLUMN ledger.consumer IS 'store, topology-parking, …: who reads';
COMMENT ON COLUMN ledger.topic IS 'What it reads, with the namespace';
COMMENT ON COLUMN ledger.partition IS 'Partition of the topic';
COMMENT ON COLUMN ledger.epoch IS 'Raised by whoever takes the partition; a writer with an older one is fenced out';
COMMENT ON COLUMN ledger.next_offset IS 'The next record to process; -1 = not begun';
COMMENT ON COLUMN ledger.last_hash IS 'Hash of the record before it: does the ledger belong to this log?';
COMMENT ON COLUMN ledger.raw_offset IS 'Highest raw offset seen in this partition; a repeated block is not above it';
COMMENT ON COLUMN ledger.bridges IS 'What each bridge vouches for, in microseconds since 1970';
COMMENT ON COLUMN ledger.as_of IS 'Up to when this partition is complete: the least of bridges';
COMMENT ON COLUMN ledger.updated_at IS 'When the row was moved last';

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
COMMENT ON COLUMN outbox.id IS 'Order in which events were written';
COMMENT ON COLUMN outbox.topic IS 'Where it goes, with the namespace';
COMMENT ON COLUMN outbox.key IS 'The record''s key: the subject';
COMMENT ON COLUMN outbox.sequence IS 'Per topic and key, counted in subject; a consumer ignores lower ones';
COMMENT ON COLUMN outbox.event IS 'The CloudEvent';
COMMENT ON COLUMN outbox.suppressed IS 'Born in a replay: never published';
COMMENT ON COLUMN outbox.stored_at IS 'When it was written';
COMMENT ON COLUMN outbox.sent_at IS 'When the relay published it; null = not yet';

CREATE TABLE subject (
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, key)
);
COMMENT ON TABLE subject IS 'The last sequence of each subject of an outgoing topic, counted under its row lock';
COMMENT ON COLUMN subject.topic IS 'The outgoing topic, with the namespace';
COMMENT ON COLUMN subject.key IS 'The subject';
COMMENT ON COLUMN subject.sequence IS 'Events counted so far [1]';

CREATE TABLE mark (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what text NOT NULL,
    subject text NOT NULL,
    bucket timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE mark IS 'What derive has to recompute; -infinity = the state now';
COMMENT ON COLUMN mark.id IS 'Order in which marks were written';
COMMENT ON COLUMN mark.what IS 'What kind of result: parking_zone, reading_hour, …';
COMMENT ON COLUMN mark.subject IS 'Of whom: a zone, a family, …';
COMMENT ON COLUMN mark.bucket IS 'Begin of the time to recompute; -infinity = the state now';

CREATE TABLE recompute (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device text COLLATE "C" NOT NULL,
    from_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX recompute_device ON recompute (device);
COMMENT ON TABLE recompute IS 'Sites, or what surrounds them, changed: the worker that owns the device runs it again from here';
COMMENT ON COLUMN recompute.id IS 'Order in which requests were written';
COMMENT ON COLUMN recompute.device IS 'DevEUI';
COMMENT ON COLUMN recompute.from_at IS 'From when on something is otherwise than was thought';
COMMENT ON COLUMN recompute.stored_at IS 'When it was asked for';

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
CREATE INDEX dead_letter_received ON dead_letter (received_at);
COMMENT ON TABLE dead_letter IS 'Index of the dead-letter topic, which holds the bytes';
COMMENT ON COLUMN dead_letter.id IS 'From the record''s origin and reason';
COMMENT ON COLUMN dead_letter.stage IS 'Who could not use it';
COMMENT ON COLUMN dead_letter.reason IS 'Why, from a closed list';
COMMENT ON COLUMN dead_letter.detail IS 'Why, as a sentence';
COMMENT ON COLUMN dead_letter.device IS 'DevEUI, where it is known';
COMMENT ON COLUMN dead_letter.origin_topic IS 'Where it came from';
COMMENT ON COLUMN dead_letter.origin_partition IS 'Partition of the origin; null for MQTT';
COMMENT ON COLUMN dead_letter.origin_offset IS 'Offset at the origin; null for MQTT';
COMMENT ON COLUMN dead_letter.decoder IS 'The decoder that refused it, where one did';
COMMENT ON COLUMN dead_letter.decoder_version IS 'In which version';
COMMENT ON COLUMN dead_letter.dead_partition IS 'Where its bytes are: partition of silkstream.deadletter.v1';
COMMENT ON COLUMN dead_letter.dead_offset IS 'Where its bytes are: offset in that partition';
COMMENT ON COLUMN dead_letter.received_at IS 'Kafka time of the dead letter';

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
COMMENT ON COLUMN device.device IS 'DevEUI';
COMMENT ON COLUMN device.name IS 'Its name in ChirpStack';
COMMENT ON COLUMN device.profile IS 'Its device profile in ChirpStack';
COMMENT ON COLUMN device.application IS 'Name of its application in ChirpStack';
COMMENT ON COLUMN device.application_id IS 'Id of its application in ChirpStack';
COMMENT ON COLUMN device.tenant IS 'Its tenant in ChirpStack';
COMMENT ON COLUMN device.device_class IS 'LoRaWAN class: CLASS_A, CLASS_B, CLASS_C';
COMMENT ON COLUMN device.region IS 'LoRaWAN region of its newest event';
COMMENT ON COLUMN device.tags IS 'Tags of device and profile in ChirpStack';
COMMENT ON COLUMN device.decoder IS 'Who decoded its newest uplink; null = nobody';
COMMENT ON COLUMN device.family IS 'The family of that decoder';
COMMENT ON COLUMN device.described_at IS 'Time of the event that the description is from';
COMMENT ON COLUMN device.decoded_at IS 'Time of the newest uplink that decoder and family are from';
COMMENT ON COLUMN device.seen_at IS 'Time of the newest event of any kind';
COMMENT ON COLUMN device.battery_ratio IS 'Charge, 0..1 [1], from the DevStatusAns';
COMMENT ON COLUMN device.battery_at IS 'Time of the event that battery_ratio is from';

CREATE TABLE site (
    site text NOT NULL,
    valid_from timestamptz NOT NULL,
    family text NOT NULL,
    name text NOT NULL,
    "group" text NOT NULL DEFAULT '',
    attributes jsonb NOT NULL DEFAULT '{}',
    class text NOT NULL DEFAULT '' CHECK (class IN ('', 'open', 'internal', 'personal')),
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, valid_from)
);
CREATE INDEX site_group ON site (family, "group");
COMMENT ON TABLE site IS 'Places: a bay, a container, a well, a lamp. A version holds until the next one of its site';
COMMENT ON COLUMN site.site IS 'The place''s own name, unique in the city';
COMMENT ON COLUMN site.valid_from IS 'From when on this version holds; the oldest one also before';
COMMENT ON COLUMN site.family IS 'What is measured there: parking, container, …';
COMMENT ON COLUMN site.name IS 'As the city calls it';
COMMENT ON COLUMN site."group" IS 'Zone of a bay, district of a container, segment of a lamp';
COMMENT ON COLUMN site.attributes IS 'Geometry of the installation, units in the names';
COMMENT ON COLUMN site.class IS 'Whose data it yields: open, internal, personal; empty = as usual in its family';
COMMENT ON COLUMN site.stored_at IS 'When the row was written';

CREATE TABLE assignment (
    device text COLLATE "C" NOT NULL,
    valid_from timestamptz NOT NULL,
    site text,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device, valid_from)
);
CREATE INDEX assignment_site ON assignment (site);
COMMENT ON TABLE assignment IS 'Which site a device serves, until its next row; site NULL = none from then on';
COMMENT ON COLUMN assignment.device IS 'DevEUI';
COMMENT ON COLUMN assignment.valid_from IS 'From when on';
COMMENT ON COLUMN assignment.site IS 'The site that it serves; null = none';
COMMENT ON COLUMN assignment.stored_at IS 'When the row was written';

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
COMMENT ON COLUMN frame.event_id IS 'From ChirpStack''s deduplication id and the event type';
COMMENT ON COLUMN frame.observed_at IS 'When the event happened: the gateway''s time, where it has one';
COMMENT ON COLUMN frame.device IS 'DevEUI';
COMMENT ON COLUMN frame.event IS 'ChirpStack''s event type: up, join, status, …';
COMMENT ON COLUMN frame.verdict IS 'accepted, no_payload, duplicate, rejected, ignored, event';
COMMENT ON COLUMN frame.reason IS 'Why it was rejected';
COMMENT ON COLUMN frame.duplicate_of IS 'The event that was first: a late copy of the same radio frame';
COMMENT ON COLUMN frame.frame_id IS 'From DevEUI, DevAddr, fCnt, fPort and payload: one radio transmission';
COMMENT ON COLUMN frame.dev_addr IS 'DevAddr of the session, hexadecimal';
COMMENT ON COLUMN frame.f_cnt IS 'Frame counter of the session [1]';
COMMENT ON COLUMN frame.f_port IS 'LoRaWAN port';
COMMENT ON COLUMN frame.data_rate IS 'LoRaWAN data rate of the region: DR0, DR1, …';
COMMENT ON COLUMN frame.spreading_factor IS 'LoRa spreading factor: 7 to 12';
COMMENT ON COLUMN frame.payload_bytes IS 'Length of the payload [By]';
COMMENT ON COLUMN frame.flags IS 'What was noticed: clock_ahead, copy_in_doubt, …';
COMMENT ON COLUMN frame.decoder IS 'Who decoded it';
COMMENT ON COLUMN frame.decoder_version IS 'In which version';
COMMENT ON COLUMN frame.ingested_at IS 'When the bridge took it in';
COMMENT ON COLUMN frame.raw_partition IS 'Where its bytes are: partition of lorawan.raw.v1';
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
COMMENT ON COLUMN link_quality.event_id IS 'The frame that was heard';
COMMENT ON COLUMN link_quality.gateway IS 'EUI of the gateway that heard it';
COMMENT ON COLUMN link_quality.observed_at IS 'As in frame';
COMMENT ON COLUMN link_quality.device IS 'DevEUI';
COMMENT ON COLUMN link_quality.rssi_dbm IS 'Received signal strength [dB[mW]]';
COMMENT ON COLUMN link_quality.snr_db IS 'Signal-to-noise ratio [dB]';

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
CREATE INDEX device_latest_quantity ON device_latest (quantity);
COMMENT ON TABLE device_latest IS 'The newest value of each quantity of each device; a flag is 0 or 1';
COMMENT ON COLUMN device_latest.device IS 'DevEUI';
COMMENT ON COLUMN device_latest.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN device_latest.quantity IS 'Name of the quantity; column of the family''s wide table';
COMMENT ON COLUMN device_latest.observed_at IS 'When it was measured';
COMMENT ON COLUMN device_latest.number IS 'Its value in the unit of its quantity, where it is no text';
COMMENT ON COLUMN device_latest.text IS 'Its value, where it is a text';
COMMENT ON COLUMN device_latest.event_id IS 'The frame it came with';

-- ── what the topologies say of it ────────────────────────────────────────────────────────────────────────────────
CREATE TABLE container_level (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    distance_metres double precision,
    tilted boolean,
    device_temperature_celsius double precision,
    sensor_fill_ratio double precision,
    site text,
    fill_ratio double precision,
    held_ratio double precision,
    prior_ratio double precision,
    is_full boolean,
    since timestamptz,
    drop_at timestamptz,
    drop_ratio double precision,
    emptying_ratio double precision,
    emptied_at timestamptz,
    watched_since timestamptz,
    due_at timestamptz,
    trend jsonb,
    alarms jsonb,
    flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, observed_at)
);
SELECT create_hypertable('container_level', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX container_level_emptying ON container_level (device) WHERE emptying_ratio IS NOT NULL;
COMMENT ON TABLE container_level IS 'Facts: each measurement of a container, kept with what follows from it';
COMMENT ON COLUMN container_level.device IS 'DevEUI';
COMMENT ON COLUMN container_level.observed_at IS 'When it was measured';
COMMENT ON COLUMN container_level.event_id IS 'The frame it came with';
COMMENT ON COLUMN container_level.distance_metres IS 'From the sensor to what is inside [m]; null = no echo';
COMMENT ON COLUMN container_level.tilted IS 'The device is not upright: lid open or container tipped';
COMMENT ON COLUMN container_level.site IS 'The container that the device served; null = none';
COMMENT ON COLUMN container_level.fill_ratio IS '0..1 as this frame gives it, from the distance and the site valid then; null where it gives none [1]';
COMMENT ON COLUMN container_level.device_temperature_celsius IS 'Inside the sensor, under the lid [Cel]';
COMMENT ON COLUMN container_level.sensor_fill_ratio IS '0..1 as the sensor computes it; used only where the site has no geometry (flag sensor_fill) [1]';
COMMENT ON COLUMN container_level.held_ratio IS '0..1, the last fill that there was, where this frame gives none [1]';
COMMENT ON COLUMN container_level.prior_ratio IS '0..1, the fill before that one [1]';
COMMENT ON COLUMN container_level.drop_at IS 'When the fill fell so far that the next one may confirm an emptying';
COMMENT ON COLUMN container_level.drop_ratio IS '0..1, the fill from which it fell [1]';
COMMENT ON COLUMN container_level.emptying_ratio IS 'By how much it was emptied at emptied_at, in the row that confirms it; else null [1]';
COMMENT ON COLUMN container_level.emptied_at IS 'The last emptying that is known of by then';
COMMENT ON COLUMN container_level.watched_since IS 'The last emptying, or when the device was first heard at its site';
COMMENT ON COLUMN container_level.due_at IS 'When it has to be emptied at the latest';
COMMENT ON COLUMN container_level.trend IS 'Points since the last emptying: least distance in microseconds, times in microseconds since 1970, fills; null: as in the row before';
COMMENT ON COLUMN container_level.alarms IS 'Conditions that are on or have just ended: rule, since, when long enough, end, until when a return is the same';
COMMENT ON COLUMN container_level.is_full IS 'With hysteresis: between the two limits it stays what it was';
COMMENT ON COLUMN container_level.since IS 'Since when is_full is what it is';
COMMENT ON COLUMN container_level.flags IS 'What was noticed';

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
    since timestamptz,
    suspected_full boolean,
    device_temperature_celsius double precision,
    sensor_fill_ratio double precision,
    emptied_at timestamptz,
    due_at timestamptz,
    rate_per_day double precision,
    nearly_full_at timestamptz,
    nearly_full_earliest_at timestamptz,
    nearly_full_latest_at timestamptz,
    full_at timestamptz,
    full_earliest_at timestamptz,
    full_latest_at timestamptz,
    watched_since timestamptz,
    trend jsonb,
    alarms jsonb
) WITH (fillfactor = 70);
CREATE INDEX container_site ON container (site);
CREATE INDEX container_partition ON container (partition);
COMMENT ON TABLE container IS 'Containers now: what the newest fact of each device says';
COMMENT ON COLUMN container.device IS 'DevEUI';
COMMENT ON COLUMN container.partition IS 'Of readings.container.v1: whose worker writes this row';
COMMENT ON COLUMN container.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN container.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN container.site IS 'The container that the device serves; null, as all after it, where it serves none';
COMMENT ON COLUMN container.distance_metres IS 'From the sensor to what is inside [m]';
COMMENT ON COLUMN container.tilted IS 'The device is not upright: lid open or container tipped';
COMMENT ON COLUMN container.is_full IS 'With hysteresis: between the two limits it stays what it was';
COMMENT ON COLUMN container.since IS 'Since when is_full is what it is';
COMMENT ON COLUMN container.fill_ratio IS '0..1, the last fill that there was [1]';
COMMENT ON COLUMN container.suspected_full IS 'The echo was lost when it was nearly full, and has not come back';
COMMENT ON COLUMN container.device_temperature_celsius IS 'Inside the sensor, as the newest frame says; null where it does not [Cel]';
COMMENT ON COLUMN container.sensor_fill_ratio IS '0..1 as the sensor computes it, by the newest frame [1]';
COMMENT ON COLUMN container.emptied_at IS 'The last emptying that was seen at this site by this device; null while there was none';
COMMENT ON COLUMN container.due_at IS 'When it has to be emptied at the latest';
COMMENT ON COLUMN container.rate_per_day IS 'Fill per day since the last emptying: the median of slopes; null while too little is known [1/d]';
COMMENT ON COLUMN container.nearly_full_at IS 'When it will be at 0.8 if it goes on so; null where that is past, or further than a year away';
COMMENT ON COLUMN container.nearly_full_earliest_at IS 'The same at the rate that a quarter of the slopes exceeds';
COMMENT ON COLUMN container.nearly_full_latest_at IS 'The same at the rate that three quarters of the slopes exceed; null: perhaps never';
COMMENT ON COLUMN container.full_at IS 'When it will be at 1; see nearly_full_at';
COMMENT ON COLUMN container.full_earliest_at IS 'See nearly_full_earliest_at';
COMMENT ON COLUMN container.full_latest_at IS 'See nearly_full_latest_at';
COMMENT ON COLUMN container.watched_since IS 'The last emptying, or when the device was first heard at its site';
COMMENT ON COLUMN container.trend IS 'The points that the rate is from; see container_level.trend';
COMMENT ON COLUMN container.alarms IS 'Conditions that are on or have just ended; see container_level.alarms';

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
    heartbeat boolean,
    earliest_at timestamptz,
    settles_at timestamptz,
    held boolean,
    held_since timestamptz,
    held_earliest_at timestamptz,
    silent_at timestamptz,
    overstay_at timestamptz,
    PRIMARY KEY (device, observed_at)
);
-- A day at a time: what tells of people is dropped on the day it is due, not up to a week later.
SELECT create_hypertable('parking_observation', 'observed_at', chunk_time_interval => interval '1 day', create_default_indexes => false);
COMMENT ON TABLE parking_observation IS 'Facts: each frame of a bay''s sensor, kept with what follows from it';
COMMENT ON COLUMN parking_observation.device IS 'DevEUI';
COMMENT ON COLUMN parking_observation.observed_at IS 'When the frame was heard';
COMMENT ON COLUMN parking_observation.event_id IS 'The frame';
COMMENT ON COLUMN parking_observation.reported IS 'What the frame said; null where it did not speak of the bay';
COMMENT ON COLUMN parking_observation.site IS 'The bay that the device served; null = none';
COMMENT ON COLUMN parking_observation.zone IS 'The bay''s group then';
COMMENT ON COLUMN parking_observation.occupied IS 'The state from here on; null = unknown';
COMMENT ON COLUMN parking_observation.since IS 'Since when it is so';
COMMENT ON COLUMN parking_observation.flags IS 'What was noticed';
COMMENT ON COLUMN parking_observation.heartbeat IS 'Whether the frame came because time had passed; null where the sensor does not say';
COMMENT ON COLUMN parking_observation.earliest_at IS 'When occupied may have become what it is at the earliest; null = not known';
COMMENT ON COLUMN parking_observation.settles_at IS 'When occupied will have lasted long enough to be a change; null where it is what is held';
COMMENT ON COLUMN parking_observation.held IS 'The state without what was too short; null = unknown';
COMMENT ON COLUMN parking_observation.held_since IS 'Since when that is so';
COMMENT ON COLUMN parking_observation.held_earliest_at IS 'When that may have begun at the earliest; null = not known';
COMMENT ON COLUMN parking_observation.silent_at IS 'From when on the sensor is silent, if no other frame comes';
COMMENT ON COLUMN parking_observation.overstay_at IS 'From when on the stay is too long, if it lasts; null where none is on, or there is no limit';

CREATE TABLE parking_bay (
    device text COLLATE "C" PRIMARY KEY,
    partition integer NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    site text,
    zone text,
    occupied boolean,
    since timestamptz,
    settled boolean
) WITH (fillfactor = 70);
CREATE INDEX parking_bay_site ON parking_bay (site);
CREATE INDEX parking_bay_partition ON parking_bay (partition);
CREATE INDEX parking_bay_zone ON parking_bay (zone);
COMMENT ON TABLE parking_bay IS 'Bays now: what the newest fact of each device and the time since then say';
COMMENT ON COLUMN parking_bay.device IS 'DevEUI';
COMMENT ON COLUMN parking_bay.partition IS 'Of readings.parking.v1: whose worker writes this row';
COMMENT ON COLUMN parking_bay.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN parking_bay.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN parking_bay.site IS 'The bay that the device serves; null, as all after it, where it serves none';
COMMENT ON COLUMN parking_bay.zone IS 'The bay''s group now';
COMMENT ON COLUMN parking_bay.occupied IS 'Null = unknown: nothing was heard for too long, or of nothing but the device itself';
COMMENT ON COLUMN parking_bay.since IS 'Since when occupied is what it is';
COMMENT ON COLUMN parking_bay.settled IS 'Whether that has lasted long enough to be a change';

CREATE TABLE parking_zone (
    zone text PRIMARY KEY,
    bays integer NOT NULL,
    occupied integer NOT NULL,
    free integer NOT NULL,
    unknown integer NOT NULL,
    changed_at timestamptz,
    told_at timestamptz,
    told integer[]
);
COMMENT ON TABLE parking_zone IS 'Zones now, recomputed from their bays; bays = occupied + free + unknown';
COMMENT ON COLUMN parking_zone.zone IS 'The group of bays';
COMMENT ON COLUMN parking_zone.bays IS 'Bays that a sensor serves, without personally assigned ones';
COMMENT ON COLUMN parking_zone.occupied IS 'Of them occupied';
COMMENT ON COLUMN parking_zone.free IS 'Of them free';
COMMENT ON COLUMN parking_zone.unknown IS 'Of them neither known to be occupied nor free';
COMMENT ON COLUMN parking_zone.changed_at IS 'When the last of its bays changed, in event time; null while none was heard';
COMMENT ON COLUMN parking_zone.told_at IS 'When subscribers were told of it last';
COMMENT ON COLUMN parking_zone.told IS 'What they were told: bays, occupied, free, unknown; what differs is told when it may be';

CREATE TABLE parking_phase (
    site text NOT NULL,
    begin_at timestamptz NOT NULL,
    zone text,
    device text COLLATE "C" NOT NULL,
    occupied boolean NOT NULL,
    begin_earliest_at timestamptz,
    end_at timestamptz,
    end_earliest_at timestamptz,
    ended_by text CHECK (ended_by IN ('sensor', 'heartbeat', 'silence', 'replaced', 'unassigned')),
    PRIMARY KEY (site, begin_at)
);
CREATE INDEX parking_phase_end ON parking_phase (site, end_at);
COMMENT ON TABLE parking_phase IS 'From when to when a bay was taken (a stay) or free, derived from the facts of its sensors; between phases it is unknown';
COMMENT ON COLUMN parking_phase.site IS 'The bay';
COMMENT ON COLUMN parking_phase.begin_at IS 'When it began, by the frame that showed it';
COMMENT ON COLUMN parking_phase.zone IS 'The bay''s group then';
COMMENT ON COLUMN parking_phase.device IS 'DevEUI of the sensor that saw it begin';
COMMENT ON COLUMN parking_phase.occupied IS 'True: a stay';
COMMENT ON COLUMN parking_phase.begin_earliest_at IS 'When it may have begun at the earliest; null = its begin was not seen';
COMMENT ON COLUMN parking_phase.end_at IS 'When it ended at the latest; null = it goes on';
COMMENT ON COLUMN parking_phase.end_earliest_at IS 'When it may have ended at the earliest; null = it goes on';
COMMENT ON COLUMN parking_phase.ended_by IS 'sensor: it told of the change; heartbeat: a frame of the change was lost; silence: nothing is known from then on; replaced, unassigned: the sensor left the bay';

CREATE TABLE parking_zone_history (
    zone text NOT NULL,
    period text NOT NULL CHECK (period IN ('quarter', 'hour', 'day')),
    begin_at timestamptz NOT NULL,
    audience text NOT NULL CHECK (audience IN ('operations', 'public')),
    end_at timestamptz NOT NULL,
    bays integer NOT NULL,
    occupied_seconds double precision NOT NULL,
    known_seconds double precision NOT NULL,
    occupancy_ratio double precision,
    known_ratio double precision NOT NULL,
    stays_begun integer NOT NULL,
    turnover_ratio double precision NOT NULL,
    stays_ended integer NOT NULL,
    stay_median_seconds double precision,
    stay_p90_seconds double precision,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (zone, period, begin_at, audience)
);
CREATE INDEX parking_zone_history_begin ON parking_zone_history (period, begin_at);
COMMENT ON TABLE parking_zone_history IS 'Parking zones over time, recomputed from phases; stretches that are over';
COMMENT ON COLUMN parking_zone_history.zone IS 'The group of bays';
COMMENT ON COLUMN parking_zone_history.period IS 'quarter: of an hour; hour; day: of legal time, 23 to 25 hours';
COMMENT ON COLUMN parking_zone_history.begin_at IS 'Begin of the stretch';
COMMENT ON COLUMN parking_zone_history.audience IS 'operations: all bays but personally assigned ones; public: open bays alone';
COMMENT ON COLUMN parking_zone_history.end_at IS 'Its end, not included';
COMMENT ON COLUMN parking_zone_history.bays IS 'Bays that a sensor served in it';
COMMENT ON COLUMN parking_zone_history.occupied_seconds IS 'Of all bays together [s]';
COMMENT ON COLUMN parking_zone_history.known_seconds IS 'Occupied or free, of all bays together [s]';
COMMENT ON COLUMN parking_zone_history.occupancy_ratio IS 'occupied_seconds / known_seconds; null where nothing is known [1]';
COMMENT ON COLUMN parking_zone_history.known_ratio IS 'known_seconds / (bays * length): share of bays with data [1]';
COMMENT ON COLUMN parking_zone_history.stays_begun IS 'Stays whose begin was seen in it [1]';
COMMENT ON COLUMN parking_zone_history.turnover_ratio IS 'stays_begun / bays [1]';
COMMENT ON COLUMN parking_zone_history.stays_ended IS 'Stays whose end was seen in it, and whose begin was seen [1]';
COMMENT ON COLUMN parking_zone_history.stay_median_seconds IS 'Their median duration; null where there is none [s]';
COMMENT ON COLUMN parking_zone_history.stay_p90_seconds IS 'Nine of ten were shorter; null where there is none [s]';
COMMENT ON COLUMN parking_zone_history.stored_at IS 'When the row was written last';

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
    silenced boolean NOT NULL DEFAULT false,
    message_de text NOT NULL,
    message_en text NOT NULL,
    cause uuid,
    acknowledged_at timestamptz,
    acknowledged_by text,
    acknowledged_note text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    class text NOT NULL DEFAULT 'internal' CHECK (class IN ('internal', 'personal'))
);
CREATE INDEX alert_device ON alert (rule, device);
CREATE INDEX alert_open ON alert (family, since) WHERE status = 'open';
COMMENT ON TABLE alert IS 'Episodes in which something was wrong';
COMMENT ON COLUMN alert.id IS 'From rule, subject and opened_event; stays for the whole life';
COMMENT ON COLUMN alert.rule IS 'Which rule: container_full, …';
COMMENT ON COLUMN alert.family IS 'The family of the rule';
COMMENT ON COLUMN alert.subject IS 'What is wrong: the site';
COMMENT ON COLUMN alert.severity IS 'How bad, as the rule says';
COMMENT ON COLUMN alert.status IS 'open, resolved';
COMMENT ON COLUMN alert.resolved_at IS 'Event time of its end; null = it is not over';
COMMENT ON COLUMN alert.value IS 'What was measured when it opened, in the unit of its rule';
COMMENT ON COLUMN alert.limit_value IS 'The limit that it passed, in the unit of its rule';
COMMENT ON COLUMN alert.device IS 'DevEUI';
COMMENT ON COLUMN alert.site IS 'The site that the device served';
COMMENT ON COLUMN alert.message_de IS 'A sentence in German';
COMMENT ON COLUMN alert.message_en IS 'A sentence in English';
COMMENT ON COLUMN alert.since IS 'When its condition began, in event time; late data may move it';
COMMENT ON COLUMN alert.opened_event IS 'The frame that opened it first; where time did, the last one before it';
COMMENT ON COLUMN alert.retrospective IS 'Found by late data or a correction when it was over already; nobody was told';
COMMENT ON COLUMN alert.cause IS 'The alert that explains this one; nobody is told of it until that no longer does. null = none';
COMMENT ON COLUMN alert.silenced IS 'Nobody was told yet, because of maintenance or a cause; for ever where it was over by then';
COMMENT ON COLUMN alert.acknowledged_at IS 'Written by people; no topology reads or writes it';
COMMENT ON COLUMN alert.acknowledged_by IS 'Who acknowledged it';
COMMENT ON COLUMN alert.updated_at IS 'When the row was written last';
COMMENT ON COLUMN alert.class IS 'internal, or personal where the site was somebody''s own when it opened';
COMMENT ON COLUMN alert.acknowledged_note IS 'What the person who acknowledged it wrote';

CREATE TABLE water_consumption (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    volumes jsonb,
    raised text[] NOT NULL DEFAULT '{}',
    cleared text[] NOT NULL DEFAULT '{}',
    site text,
    used_litres double precision,
    peak_litres_per_hour double precision,
    track jsonb,
    found text[] NOT NULL DEFAULT '{}',
    meter_alarms text[] NOT NULL DEFAULT '{}',
    alarms jsonb,
    flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, observed_at)
);
SELECT create_hypertable('water_consumption', 'observed_at', chunk_time_interval => interval '1 day', create_default_indexes => false);
COMMENT ON TABLE water_consumption IS 'What each frame of a water meter said, and what follows from it';
COMMENT ON COLUMN water_consumption.device IS 'DevEUI';
COMMENT ON COLUMN water_consumption.observed_at IS 'When the frame was heard';
COMMENT ON COLUMN water_consumption.event_id IS 'The frame';
COMMENT ON COLUMN water_consumption.volumes IS 'The volumes that it brought, in the order of time: begin and step in microseconds (since 1970), and litres from the begin on; null = none';
COMMENT ON COLUMN water_consumption.raised IS 'The meter''s own alarms that it says are on';
COMMENT ON COLUMN water_consumption.cleared IS 'Those that it says are off; it does not speak of the others';
COMMENT ON COLUMN water_consumption.site IS 'The site that the meter served; null = none';
COMMENT ON COLUMN water_consumption.used_litres IS 'What it adds to what was known, less what flowed back; null = nothing [L]';
COMMENT ON COLUMN water_consumption.peak_litres_per_hour IS 'The greatest flow of an interval that it completes; null = it completes none [L/h]';
COMMENT ON COLUMN water_consumption.track IS 'Last volume, begin of the next interval, since when flow is known, the volume stands still, it is fast, lows of the window';
COMMENT ON COLUMN water_consumption.found IS 'What the volumes say: leak, burst, backflow, no_consumption';
COMMENT ON COLUMN water_consumption.meter_alarms IS 'The meter''s own alarms that are on by then';
COMMENT ON COLUMN water_consumption.alarms IS 'Conditions that are on or have just ended: rule, since, when long enough, end, until when a return is the same';
COMMENT ON COLUMN water_consumption.flags IS 'What was noticed';

CREATE TABLE water_meter (
    device text COLLATE "C" PRIMARY KEY,
    partition integer NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    site text,
    volume_litres double precision,
    measured_at timestamptz,
    flow_litres_per_hour double precision,
    lowest_litres_per_hour double precision,
    still_since timestamptz,
    found text[] NOT NULL DEFAULT '{}',
    meter_alarms text[] NOT NULL DEFAULT '{}',
    track jsonb,
    alarms jsonb
) WITH (fillfactor = 70);
CREATE INDEX water_meter_site ON water_meter (site);
CREATE INDEX water_meter_partition ON water_meter (partition);
COMMENT ON TABLE water_meter IS 'Water meters now: what the newest fact of each says';
COMMENT ON COLUMN water_meter.device IS 'DevEUI';
COMMENT ON COLUMN water_meter.partition IS 'Of readings.water.v1: whose worker writes this row';
COMMENT ON COLUMN water_meter.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN water_meter.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN water_meter.site IS 'The site that the meter serves; null, as all after it, where it serves none';
COMMENT ON COLUMN water_meter.volume_litres IS 'What the meter shows [L]';
COMMENT ON COLUMN water_meter.measured_at IS 'When it showed that';
COMMENT ON COLUMN water_meter.flow_litres_per_hour IS 'Flow of the last interval; null while none is known [L/h]';
COMMENT ON COLUMN water_meter.lowest_litres_per_hour IS 'Smallest flow of an interval of the window (leak_hours) [L/h]';
COMMENT ON COLUMN water_meter.still_since IS 'Since when the volume has not risen';
COMMENT ON COLUMN water_meter.found IS 'What the volumes say: leak, burst, backflow, no_consumption';
COMMENT ON COLUMN water_meter.meter_alarms IS 'The meter''s own alarms that are on';
COMMENT ON COLUMN water_meter.track IS 'How the volume went so far; see water_consumption.track';
COMMENT ON COLUMN water_meter.alarms IS 'Conditions that are on or have just ended; see water_consumption.alarms';

CREATE TABLE reading_hour (
    family text NOT NULL,
    bucket timestamptz NOT NULL,
    readings integer NOT NULL,
    devices integer NOT NULL,
    PRIMARY KEY (family, bucket)
);
COMMENT ON TABLE reading_hour IS 'Readings of each family by hour of their observation, recomputed from the wide tables';
COMMENT ON COLUMN reading_hour.family IS 'Of which sensors';
COMMENT ON COLUMN reading_hour.bucket IS 'Begin of the hour';
COMMENT ON COLUMN reading_hour.readings IS 'Rows in the family''s wide table [1]';
COMMENT ON COLUMN reading_hour.devices IS 'How many devices they came from';

-- ── roll-ups ─────────────────────────────────────────────────────────────────────────────────────────────────────
-- Marks wait for minutes here, in the order in which they are done: among the others they would be in the way.
CREATE TABLE rollup_mark (
    minutes integer NOT NULL DEFAULT 15,
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (minutes, family, device, bucket, id)
);
COMMENT ON TABLE rollup_mark IS 'Of which devices derive has to recompute which roll-ups';
COMMENT ON COLUMN rollup_mark.minutes IS '15: a quarter of an hour, marked by the store; 1440: a day, marked by derive with its hours';
COMMENT ON COLUMN rollup_mark.family IS 'Whose wide table was written into';
COMMENT ON COLUMN rollup_mark.device IS 'DevEUI';
COMMENT ON COLUMN rollup_mark.bucket IS 'Begin of the quarter of an hour or of the day';
COMMENT ON COLUMN rollup_mark.id IS 'Tells marks of one time apart: one that comes while it is recomputed stays';

CREATE TABLE rollup_quarter_hour (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    resultant_length double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    changes integer,
    true_seconds double precision,
    known_seconds double precision,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_quarter_hour IS 'Each quantity of each device by quarter of an hour, recomputed from the wide tables; none of those that tell of people';
COMMENT ON COLUMN rollup_quarter_hour.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_quarter_hour.device IS 'DevEUI';
COMMENT ON COLUMN rollup_quarter_hour.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN rollup_quarter_hour.quantity IS 'A column of the wide table, whose comment tells its unit';
COMMENT ON COLUMN rollup_quarter_hour.bucket IS 'Begin of the quarter of an hour';
COMMENT ON COLUMN rollup_quarter_hour.samples IS 'Values in the bucket [1]';
COMMENT ON COLUMN rollup_quarter_hour.minimum IS 'Of a gauge: the least value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out; in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.maximum IS 'Of a gauge or a level: the greatest value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.resultant_length IS 'Of a direction: the length of the mean of the unit vectors, 0..1 [1]; 1 = always the same direction';
COMMENT ON COLUMN rollup_quarter_hour.first IS 'Of a counter: its first value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.last IS 'Of a gauge, a counter or a state (0, 1): the last value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.total IS 'Of a counter: the increase observed here, from the sample before, null where that is unknown; of an amount: the sum, in the unit of its quantity; of an event: how often it was true';
COMMENT ON COLUMN rollup_quarter_hour.resets IS 'Of a counter: how often it began again, by a reset or at its end [1]';
COMMENT ON COLUMN rollup_quarter_hour.changes IS 'Of a state: how many samples differ from the one before [1]';
COMMENT ON COLUMN rollup_quarter_hour.true_seconds IS 'Of a state: for how much of known_seconds it was true [s]';
COMMENT ON COLUMN rollup_quarter_hour.known_seconds IS 'Of a state: the time up to the samples here from the ones before them, where these are not further away than derive.state_gap_hours [s]; it may have begun before the bucket';

CREATE TABLE rollup_hour (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    resultant_length double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    changes integer,
    true_seconds double precision,
    known_seconds double precision,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_hour IS 'Each quantity of each device by hour, recomputed from its quarters; none of those that tell of people';
COMMENT ON COLUMN rollup_hour.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_hour.device IS 'DevEUI';
COMMENT ON COLUMN rollup_hour.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN rollup_hour.quantity IS 'A column of the wide table, whose comment tells its unit';
COMMENT ON COLUMN rollup_hour.bucket IS 'Begin of the hour';
COMMENT ON COLUMN rollup_hour.samples IS 'Values in the bucket [1]';
COMMENT ON COLUMN rollup_hour.minimum IS 'Of a gauge: the least value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out; in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.maximum IS 'Of a gauge or a level: the greatest value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.resultant_length IS 'Of a direction: the length of the mean of the unit vectors, 0..1 [1]; 1 = always the same direction';
COMMENT ON COLUMN rollup_hour.first IS 'Of a counter: its first value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.last IS 'Of a gauge, a counter or a state (0, 1): the last value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.total IS 'Of a counter: the increase observed here, from the sample before, null where that is unknown; of an amount: the sum, in the unit of its quantity; of an event: how often it was true';
COMMENT ON COLUMN rollup_hour.resets IS 'Of a counter: how often it began again, by a reset or at its end [1]';
COMMENT ON COLUMN rollup_hour.changes IS 'Of a state: how many samples differ from the one before [1]';
COMMENT ON COLUMN rollup_hour.true_seconds IS 'Of a state: for how much of known_seconds it was true [s]';
COMMENT ON COLUMN rollup_hour.known_seconds IS 'Of a state: the time up to the samples here from the ones before them, where these are not further away than derive.state_gap_hours [s]; it may have begun before the bucket';

CREATE TABLE rollup_day (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    resultant_length double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    changes integer,
    true_seconds double precision,
    known_seconds double precision,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_day IS 'Each quantity of each device by day, recomputed from its hours; none of those that tell of people';
COMMENT ON COLUMN rollup_day.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_day.device IS 'DevEUI';
COMMENT ON COLUMN rollup_day.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN rollup_day.quantity IS 'A column of the wide table, whose comment tells its unit';
COMMENT ON COLUMN rollup_day.bucket IS 'Begin of the day in the legal time of derive.time_zone (Europe/Berlin unless set otherwise): 23 or 25 hours long when the clocks change';
COMMENT ON COLUMN rollup_day.samples IS 'Values in the bucket [1]';
COMMENT ON COLUMN rollup_day.minimum IS 'Of a gauge: the least value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out; in the unit of its quantity';
COMMENT ON COLUMN rollup_day.maximum IS 'Of a gauge or a level: the greatest value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.resultant_length IS 'Of a direction: the length of the mean of the unit vectors, 0..1 [1]; 1 = always the same direction';
COMMENT ON COLUMN rollup_day.first IS 'Of a counter: its first value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.last IS 'Of a gauge, a counter or a state (0, 1): the last value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.total IS 'Of a counter: the increase observed here, from the sample before, null where that is unknown; of an amount: the sum, in the unit of its quantity; of an event: how often it was true';
COMMENT ON COLUMN rollup_day.resets IS 'Of a counter: how often it began again, by a reset or at its end [1]';
COMMENT ON COLUMN rollup_day.changes IS 'Of a state: how many samples differ from the one before [1]';
COMMENT ON COLUMN rollup_day.true_seconds IS 'Of a state: for how much of known_seconds it was true [s]';
COMMENT ON COLUMN rollup_day.known_seconds IS 'Of a state: the time up to the samples here from the ones before them, where these are not further away than derive.state_gap_hours [s]; it may have begun before the bucket';

SELECT create_hypertable(
    'rollup_quarter_hour', 'bucket', chunk_time_interval => interval '7 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_hour', 'bucket', chunk_time_interval => interval '28 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_day', 'bucket', chunk_time_interval => interval '365 days', create_default_indexes => false
);

-- ── from when on facts are whole ─────────────────────────────────────────────────────────────────────────────────
CREATE TABLE facts_from (
    fact_table text PRIMARY KEY,
    facts_from timestamptz NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE facts_from IS 'What maintain has dropped: of a table that is not here, nothing';
COMMENT ON COLUMN facts_from.fact_table IS 'The table that lost rows';
COMMENT ON COLUMN facts_from.facts_from IS 'What begins earlier is never recomputed: facts may be gone; only ever raised, before the drop';
COMMENT ON COLUMN facts_from.raised_at IS 'When maintain raised it last';

-- ── what others may see ──────────────────────────────────────────────────────────────────────────────────────────
-- A water meter hangs in somebody's home unless every site that it ever served is said to be none.
CREATE VIEW personal_device WITH (security_barrier) AS
SELECT assignment.device
FROM assignment
JOIN site USING (site)
WHERE site.class = 'personal' OR (site.class = '' AND site.family = 'water')
UNION
SELECT device.device
FROM device
LEFT JOIN assignment ON assignment.device = device.device AND assignment.site IS NOT NULL
LEFT JOIN site ON site.site = assignment.site
WHERE device.family = 'water' AND coalesce(site.class, '') = '';
COMMENT ON VIEW personal_device IS 'Devices that ever served a site that is somebody''s own: their history is shown to nobody';
COMMENT ON COLUMN personal_device.device IS 'DevEUI';

CREATE VIEW internal_alert WITH (security_barrier) AS
SELECT
    id, rule, family, subject, severity, status, since, resolved_at, opened_event, value, limit_value, device, site,
    retrospective, silenced, message_de, message_en, acknowledged_at, acknowledged_by, acknowledged_note, updated_at,
    cause
FROM alert
WHERE class = 'internal';
COMMENT ON VIEW internal_alert IS 'Alerts, without those that tell of people: for operations';
COMMENT ON COLUMN internal_alert.id IS 'See alert';
COMMENT ON COLUMN internal_alert.rule IS 'Which rule: container_full, …';
COMMENT ON COLUMN internal_alert.family IS 'The family of the rule';
COMMENT ON COLUMN internal_alert.subject IS 'What is wrong: the site';
COMMENT ON COLUMN internal_alert.severity IS 'How bad, as the rule says';
COMMENT ON COLUMN internal_alert.status IS 'open, resolved';
COMMENT ON COLUMN internal_alert.since IS 'When its condition began, in event time; late data may move it';
COMMENT ON COLUMN internal_alert.resolved_at IS 'Event time of its end; null = it is not over';
COMMENT ON COLUMN internal_alert.opened_event IS 'The frame that opened it first; where time did, the last one before it';
COMMENT ON COLUMN internal_alert.value IS 'What was measured when it opened, in the unit of its rule';
COMMENT ON COLUMN internal_alert.limit_value IS 'The limit that it passed, in the unit of its rule';
COMMENT ON COLUMN internal_alert.device IS 'DevEUI';
COMMENT ON COLUMN internal_alert.site IS 'The site that the device served';
COMMENT ON COLUMN internal_alert.retrospective IS 'Found when it was over already; nobody was told';
COMMENT ON COLUMN internal_alert.silenced IS 'Opened during maintenance, and nobody was told yet';
COMMENT ON COLUMN internal_alert.message_de IS 'A sentence in German';
COMMENT ON COLUMN internal_alert.message_en IS 'A sentence in English';
COMMENT ON COLUMN internal_alert.acknowledged_at IS 'When somebody acknowledged it';
COMMENT ON COLUMN internal_alert.acknowledged_by IS 'Who acknowledged it';
COMMENT ON COLUMN internal_alert.acknowledged_note IS 'What the person who acknowledged it wrote';
COMMENT ON COLUMN internal_alert.updated_at IS 'When the row was written last';
COMMENT ON COLUMN internal_alert.cause IS 'The alert that explains this one; null = none';

CREATE VIEW internal_device_latest WITH (security_barrier) AS
SELECT device, channel, quantity, observed_at, number, text, event_id
FROM device_latest
WHERE device NOT IN (SELECT device FROM personal_device);
COMMENT ON VIEW internal_device_latest IS 'device_latest without the sensors of sites that are somebody''s own: for operations';
COMMENT ON COLUMN internal_device_latest.device IS 'DevEUI';
COMMENT ON COLUMN internal_device_latest.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN internal_device_latest.quantity IS 'Name of the quantity; column of the family''s wide table';
COMMENT ON COLUMN internal_device_latest.observed_at IS 'When it was measured';
COMMENT ON COLUMN internal_device_latest.number IS 'Its value in the unit of its quantity, where it is no text';
COMMENT ON COLUMN internal_device_latest.text IS 'Its value, where it is a text';
COMMENT ON COLUMN internal_device_latest.event_id IS 'The frame it came with';

CREATE VIEW internal_water_consumption WITH (security_barrier) AS
SELECT device, observed_at, event_id, site, used_litres, peak_litres_per_hour, found, meter_alarms, flags
FROM water_consumption
WHERE site IS NOT NULL AND device NOT IN (SELECT device FROM personal_device);
COMMENT ON VIEW internal_water_consumption IS 'water_consumption of sites that are nobody''s own: for operations';
COMMENT ON COLUMN internal_water_consumption.device IS 'DevEUI';
COMMENT ON COLUMN internal_water_consumption.observed_at IS 'When the frame was heard';
COMMENT ON COLUMN internal_water_consumption.event_id IS 'The frame';
COMMENT ON COLUMN internal_water_consumption.site IS 'The site that the meter served';
COMMENT ON COLUMN internal_water_consumption.used_litres IS 'What it adds to what was known, less what flowed back; null = nothing [L]';
COMMENT ON COLUMN internal_water_consumption.peak_litres_per_hour IS 'The greatest flow of an interval that it completes [L/h]';
COMMENT ON COLUMN internal_water_consumption.found IS 'What the volumes say: leak, burst, backflow, no_consumption';
COMMENT ON COLUMN internal_water_consumption.meter_alarms IS 'The meter''s own alarms that are on by then';
COMMENT ON COLUMN internal_water_consumption.flags IS 'What was noticed';

CREATE VIEW internal_water_meter WITH (security_barrier) AS
SELECT
    device, observed_at, event_id, site, volume_litres, measured_at, flow_litres_per_hour, lowest_litres_per_hour,
    still_since, found, meter_alarms
FROM water_meter
WHERE site IS NOT NULL AND device NOT IN (SELECT device FROM personal_device);
COMMENT ON VIEW internal_water_meter IS 'water_meter of sites that are nobody''s own: for operations';
COMMENT ON COLUMN internal_water_meter.device IS 'DevEUI';
COMMENT ON COLUMN internal_water_meter.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN internal_water_meter.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN internal_water_meter.site IS 'The site that the meter serves';
COMMENT ON COLUMN internal_water_meter.volume_litres IS 'What the meter shows [L]';
COMMENT ON COLUMN internal_water_meter.measured_at IS 'When it showed that';
COMMENT ON COLUMN internal_water_meter.flow_litres_per_hour IS 'Flow of the last interval; null while none is known [L/h]';
COMMENT ON COLUMN internal_water_meter.lowest_litres_per_hour IS 'Smallest flow of an interval of the window [L/h]';
COMMENT ON COLUMN internal_water_meter.still_since IS 'Since when the volume has not risen';
COMMENT ON COLUMN internal_water_meter.found IS 'What the volumes say: leak, burst, backflow, no_consumption';
COMMENT ON COLUMN internal_water_meter.meter_alarms IS 'The meter''s own alarms that are on';

CREATE VIEW internal_parking_observation WITH (security_barrier) AS
SELECT device, observed_at, event_id, reported, site, zone, occupied, since, flags
FROM parking_observation
WHERE device NOT IN (SELECT device FROM personal_device);
COMMENT ON VIEW internal_parking_observation IS 'parking_observation without personally assigned bays: for operations';
COMMENT ON COLUMN internal_parking_observation.device IS 'DevEUI';
COMMENT ON COLUMN internal_parking_observation.observed_at IS 'When the frame was heard';
COMMENT ON COLUMN internal_parking_observation.event_id IS 'The frame';
COMMENT ON COLUMN internal_parking_observation.reported IS 'What the frame said; null where it did not speak of the bay';
COMMENT ON COLUMN internal_parking_observation.site IS 'The bay that the device served; null = none';
COMMENT ON COLUMN internal_parking_observation.zone IS 'The bay''s group then';
COMMENT ON COLUMN internal_parking_observation.occupied IS 'The state from here on; null = unknown';
COMMENT ON COLUMN internal_parking_observation.since IS 'Since when it is so';
COMMENT ON COLUMN internal_parking_observation.flags IS 'What was noticed';

CREATE VIEW open_parking_bay WITH (security_barrier) AS
WITH holding AS (
    -- A site's version that holds, or its first where none holds yet.
    SELECT DISTINCT ON (site) site, name, "group" AS zone, class
    FROM site
    WHERE family = 'parking'
    ORDER BY site, valid_from <= now() DESC, abs(extract(epoch FROM valid_from - now()))
), serving AS (
    SELECT DISTINCT ON (device) device, site
    FROM assignment
    WHERE valid_from <= now()
    ORDER BY device, valid_from DESC
)
-- A site with two devices is one bay: the one that changed last speaks for it.
SELECT DISTINCT ON (holding.site) holding.site AS bay, holding.name, holding.zone, bay.occupied
FROM holding
JOIN serving USING (site)
LEFT JOIN parking_bay AS bay ON bay.device = serving.device AND bay.site = holding.site
WHERE holding.class IN ('', 'open')
ORDER BY holding.site, bay.since DESC NULLS LAST, bay.device;
COMMENT ON VIEW open_parking_bay IS 'Open data: bays now, without personally assigned ones; no times, since those are history';
COMMENT ON COLUMN open_parking_bay.bay IS 'The site';
COMMENT ON COLUMN open_parking_bay.name IS 'As the city calls it';
COMMENT ON COLUMN open_parking_bay.zone IS 'The group of bays that it belongs to';
COMMENT ON COLUMN open_parking_bay.occupied IS 'Null = unknown';

CREATE VIEW open_parking_zone WITH (security_barrier) AS
SELECT
    zone,
    count(*)::integer AS bays,
    count(*) FILTER (WHERE occupied)::integer AS occupied,
    count(*) FILTER (WHERE NOT occupied)::integer AS free,
    count(*) FILTER (WHERE occupied IS NULL)::integer AS unknown
FROM open_parking_bay
GROUP BY zone;
COMMENT ON VIEW open_parking_zone IS 'Open data: zones now, counted from open bays alone, so that no difference tells of another bay';
COMMENT ON COLUMN open_parking_zone.zone IS 'The group of bays';
COMMENT ON COLUMN open_parking_zone.bays IS 'Open bays that a sensor serves';
COMMENT ON COLUMN open_parking_zone.occupied IS 'Of them occupied';
COMMENT ON COLUMN open_parking_zone.free IS 'Of them free';
COMMENT ON COLUMN open_parking_zone.unknown IS 'Of them neither known to be occupied nor free';

CREATE VIEW internal_parking_phase WITH (security_barrier) AS
SELECT site, begin_at, zone, device, occupied, begin_earliest_at, end_at, end_earliest_at, ended_by,
    extract(epoch FROM end_at - begin_at)::double precision AS duration_seconds,
    extract(epoch FROM greatest(end_earliest_at - begin_at, interval '0'))::double precision AS shortest_seconds,
    extract(epoch FROM end_at - begin_earliest_at)::double precision AS longest_seconds
FROM parking_phase
WHERE site NOT IN (SELECT site FROM site WHERE class = 'personal')
  AND device NOT IN (SELECT device FROM personal_device);
COMMENT ON VIEW internal_parking_phase IS 'parking_phase without personally assigned bays: for operations; stays are those where occupied';
COMMENT ON COLUMN internal_parking_phase.site IS 'The bay';
COMMENT ON COLUMN internal_parking_phase.begin_at IS 'When it began, by the frame that showed it';
COMMENT ON COLUMN internal_parking_phase.zone IS 'The bay''s group then';
COMMENT ON COLUMN internal_parking_phase.device IS 'DevEUI of the sensor that saw it begin';
COMMENT ON COLUMN internal_parking_phase.occupied IS 'True: a stay';
COMMENT ON COLUMN internal_parking_phase.begin_earliest_at IS 'When it may have begun at the earliest; null = its begin was not seen';
COMMENT ON COLUMN internal_parking_phase.end_at IS 'When it ended at the latest; null = it goes on';
COMMENT ON COLUMN internal_parking_phase.end_earliest_at IS 'When it may have ended at the earliest; null = it goes on';
COMMENT ON COLUMN internal_parking_phase.ended_by IS 'sensor, heartbeat, silence, replaced or unassigned';
COMMENT ON COLUMN internal_parking_phase.duration_seconds IS 'From begin_at to end_at [s]';
COMMENT ON COLUMN internal_parking_phase.shortest_seconds IS 'It lasted as long at the least [s]';
COMMENT ON COLUMN internal_parking_phase.longest_seconds IS 'And at the most; null = its begin was not seen [s]';

CREATE VIEW open_parking_zone_history WITH (security_barrier) AS
SELECT zone, period, begin_at, end_at, bays, occupancy_ratio, known_ratio, stays_begun, turnover_ratio,
    CASE WHEN stays_ended >= 5 THEN stay_median_seconds END AS stay_median_seconds,
    CASE WHEN stays_ended >= 5 THEN stay_p90_seconds END AS stay_p90_seconds
FROM parking_zone_history
WHERE audience = 'public' AND bays >= 5;
COMMENT ON VIEW open_parking_zone_history IS 'Open data: zones over time, counted from open bays alone, where there were at least five';
COMMENT ON COLUMN open_parking_zone_history.zone IS 'The group of bays';
COMMENT ON COLUMN open_parking_zone_history.period IS 'quarter: of an hour; hour; day: of legal time';
COMMENT ON COLUMN open_parking_zone_history.begin_at IS 'Begin of the stretch';
COMMENT ON COLUMN open_parking_zone_history.end_at IS 'Its end, not included';
COMMENT ON COLUMN open_parking_zone_history.bays IS 'Open bays that a sensor served in it';
COMMENT ON COLUMN open_parking_zone_history.occupancy_ratio IS 'Share of the known time in which bays were occupied [1]';
COMMENT ON COLUMN open_parking_zone_history.known_ratio IS 'Share of bays with data [1]';
COMMENT ON COLUMN open_parking_zone_history.stays_begun IS 'Stays that began in it [1]';
COMMENT ON COLUMN open_parking_zone_history.turnover_ratio IS 'stays_begun / bays [1]';
COMMENT ON COLUMN open_parking_zone_history.stay_median_seconds IS 'Median duration of the stays that ended in it; null where there were fewer than five [s]';
COMMENT ON COLUMN open_parking_zone_history.stay_p90_seconds IS 'Nine of ten were shorter; null where there were fewer than five [s]';

CREATE VIEW open_container WITH (security_barrier) AS
WITH holding AS (
    SELECT DISTINCT ON (site) site, name, "group" AS district, class
    FROM site
    WHERE family = 'container'
    ORDER BY site, valid_from <= now() DESC, abs(extract(epoch FROM valid_from - now()))
)
SELECT DISTINCT ON (holding.site)
    holding.site AS container, holding.name, holding.district, now.fill_ratio, now.observed_at AS measured_at
FROM holding
JOIN container AS now USING (site)
WHERE holding.class IN ('', 'open')
ORDER BY holding.site, now.observed_at DESC, now.device;
COMMENT ON VIEW open_container IS 'Open data: how full each container is';
COMMENT ON COLUMN open_container.container IS 'The site';
COMMENT ON COLUMN open_container.name IS 'As the city calls it';
COMMENT ON COLUMN open_container.district IS 'The group of containers that it belongs to';
COMMENT ON COLUMN open_container.fill_ratio IS 'Fill level, 0..1 [1]; null where it is not known';
COMMENT ON COLUMN open_container.measured_at IS 'When it was measured';

-- ── who was told ─────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE heard (
    topic text NOT NULL,
    subject text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, subject)
);
COMMENT ON TABLE heard IS 'The highest sequence of each subject that the notifier has read; it ignores what is not above';
COMMENT ON COLUMN heard.topic IS 'Of alerts, with the namespace';
COMMENT ON COLUMN heard.subject IS 'The event''s subject';
COMMENT ON COLUMN heard.sequence IS 'The highest one read';

CREATE TABLE notification (
    id uuid PRIMARY KEY,
    channel text NOT NULL,
    alert uuid NOT NULL,
    topic text NOT NULL,
    subject text NOT NULL,
    sequence bigint NOT NULL,
    change text NOT NULL,
    event text NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    sent_at timestamptz,
    given_up_at timestamptz
);
CREATE INDEX notification_waiting ON notification (channel, topic, subject, sequence)
    WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX notification_alert ON notification (alert);
CREATE INDEX notification_done ON notification (stored_at) WHERE sent_at IS NOT NULL OR given_up_at IS NOT NULL;
COMMENT ON TABLE notification IS 'What people are told: one row for each change of an alert and channel, kept 90 days';
COMMENT ON COLUMN notification.id IS 'From the CloudEvent and the channel; the Idempotency-Key or Message-ID of every attempt';
COMMENT ON COLUMN notification.channel IS 'By which webhook or mail, as the settings name it';
COMMENT ON COLUMN notification.alert IS 'alert.id; the alert may be gone, where late data withdrew it';
COMMENT ON COLUMN notification.topic IS 'Where the event was read, with the namespace';
COMMENT ON COLUMN notification.subject IS 'The event''s subject: order holds within it';
COMMENT ON COLUMN notification.sequence IS 'The event''s sequence';
COMMENT ON COLUMN notification.change IS 'opened, updated, acknowledged, resolved: as in the type of the event';
COMMENT ON COLUMN notification.event IS 'The CloudEvent as it was on the topic';
COMMENT ON COLUMN notification.stored_at IS 'When it was read from the topic';
COMMENT ON COLUMN notification.attempts IS 'How often it was tried';
COMMENT ON COLUMN notification.next_at IS 'Not tried before';
COMMENT ON COLUMN notification.last_error IS 'Why the last attempt failed, or what the other side said beside taking it';
COMMENT ON COLUMN notification.sent_at IS 'When the other side took it';
COMMENT ON COLUMN notification.given_up_at IS 'Nobody was told by this channel: too many attempts, or too late';

-- ── containers: what was emptied ─────────────────────────────────────────────────────────────────────────────────
CREATE TABLE container_emptying (
    device text COLLATE "C" NOT NULL,
    emptied_at timestamptz NOT NULL,
    site text NOT NULL,
    emptying_ratio double precision NOT NULL,
    confirmed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device, emptied_at)
);
CREATE INDEX container_emptying_site ON container_emptying (site, emptied_at DESC);
COMMENT ON TABLE container_emptying IS 'Emptyings, derived from the facts of containers';
COMMENT ON COLUMN container_emptying.device IS 'DevEUI';
COMMENT ON COLUMN container_emptying.site IS 'The container that the device served';
COMMENT ON COLUMN container_emptying.emptied_at IS 'The first measurement after it';
COMMENT ON COLUMN container_emptying.emptying_ratio IS 'By how much the fill fell, 0..1 [1]';
COMMENT ON COLUMN container_emptying.confirmed_at IS 'The measurement that showed that the fall was no wrong echo';
COMMENT ON COLUMN container_emptying.event_id IS 'The event of that measurement';

-- ── containers: what to empty on which day ───────────────────────────────────────────────────────────────────────
CREATE TABLE container_route_day (
    day date PRIMARY KEY,
    begins_at timestamptz NOT NULL
);
CREATE INDEX container_route_day_begins_at ON container_route_day (begins_at);
COMMENT ON TABLE container_route_day IS 'Days whose lists of containers were made';
COMMENT ON COLUMN container_route_day.day IS 'In legal time (Europe/Berlin)';
COMMENT ON COLUMN container_route_day.begins_at IS 'When its round begins: the lists are of what was measured before';

CREATE TABLE container_route (
    day date NOT NULL,
    begins_at timestamptz NOT NULL,
    material text NOT NULL,
    revision integer NOT NULL,
    to_empty integer NOT NULL,
    can_wait integer NOT NULL,
    PRIMARY KEY (day, material)
);
COMMENT ON TABLE container_route IS 'A list for each day and material, as its containers are in container_route_stop';
COMMENT ON COLUMN container_route.day IS 'In legal time (Europe/Berlin)';
COMMENT ON COLUMN container_route.begins_at IS 'When the round begins';
COMMENT ON COLUMN container_route.material IS 'As the sites say; empty: of those that do not say';
COMMENT ON COLUMN container_route.revision IS 'Rises when late data or corrected sites change what is to be emptied, or why';
COMMENT ON COLUMN container_route.to_empty IS 'Containers to be emptied [1]';
COMMENT ON COLUMN container_route.can_wait IS 'Containers that can wait for the next round [1]';

CREATE TABLE container_route_stop (
    day date NOT NULL,
    begins_at timestamptz NOT NULL,
    material text NOT NULL,
    position integer NOT NULL,
    site text NOT NULL,
    name text NOT NULL,
    "group" text NOT NULL,
    device text COLLATE "C" NOT NULL,
    reason text,
    fill_ratio double precision,
    full_at timestamptz,
    full_earliest_at timestamptz,
    full_latest_at timestamptz,
    due_at timestamptz,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (day, material, position)
);
CREATE INDEX container_route_stop_site ON container_route_stop (site, day DESC);
COMMENT ON TABLE container_route_stop IS 'Containers of a list: those to be emptied first, the most urgent before the others';
COMMENT ON COLUMN container_route_stop.day IS 'In legal time (Europe/Berlin)';
COMMENT ON COLUMN container_route_stop.begins_at IS 'When the round begins';
COMMENT ON COLUMN container_route_stop.material IS 'As the site says; empty: it does not';
COMMENT ON COLUMN container_route_stop.position IS 'In the list of its material, from 1 on [1]';
COMMENT ON COLUMN container_route_stop.site IS 'The container';
COMMENT ON COLUMN container_route_stop.name IS 'The site''s name then';
COMMENT ON COLUMN container_route_stop."group" IS 'The site''s group then';
COMMENT ON COLUMN container_route_stop.device IS 'DevEUI that served it then';
COMMENT ON COLUMN container_route_stop.reason IS 'overfull, full, suspected_full, expected_full or not_emptied; null: it can wait';
COMMENT ON COLUMN container_route_stop.fill_ratio IS '0..1, the last fill before the round [1]';
COMMENT ON COLUMN container_route_stop.full_at IS 'When it will be at 1 if it goes on so; null: not in sight';
COMMENT ON COLUMN container_route_stop.full_earliest_at IS 'The same at the rate that a quarter of the slopes exceeds';
COMMENT ON COLUMN container_route_stop.full_latest_at IS 'The same at the rate that three quarters of the slopes exceed; null: perhaps never';
COMMENT ON COLUMN container_route_stop.due_at IS 'When it has to be emptied at the latest';
COMMENT ON COLUMN container_route_stop.observed_at IS 'The last measurement before the round';

-- ── wells: levels ────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE groundwater_level (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    pressure_bar double precision,
    absolute_pressure_bar double precision,
    water_column_metres double precision,
    distance_metres double precision,
    air_pressure_hectopascals double precision,
    freezing boolean,
    site text,
    reference_hectopascals double precision,
    column_metres double precision,
    offset_metres double precision NOT NULL,
    level_metres_nhn double precision,
    depth_metres double precision,
    is_usable boolean NOT NULL,
    since timestamptz NOT NULL,
    past double precision[] NOT NULL,
    alarms jsonb,
    flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, observed_at)
);
SELECT create_hypertable('groundwater_level', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX groundwater_level_site ON groundwater_level (site, observed_at);
COMMENT ON TABLE groundwater_level IS 'Facts: each measurement of a well, kept with the level that follows from it';
COMMENT ON COLUMN groundwater_level.device IS 'DevEUI';
COMMENT ON COLUMN groundwater_level.observed_at IS 'When it was measured';
COMMENT ON COLUMN groundwater_level.event_id IS 'The frame it came with';
COMMENT ON COLUMN groundwater_level.pressure_bar IS 'At the probe, relative or absolute as it was ordered [bar]';
COMMENT ON COLUMN groundwater_level.absolute_pressure_bar IS 'At the probe of a logger that reports both [bar]';
COMMENT ON COLUMN groundwater_level.water_column_metres IS 'Water above the probe as the device computes it [m]';
COMMENT ON COLUMN groundwater_level.distance_metres IS 'From the measuring point down to the water, as the device measures it [m]';
COMMENT ON COLUMN groundwater_level.air_pressure_hectopascals IS 'Of a logger with a barometer of its own [hPa]';
COMMENT ON COLUMN groundwater_level.freezing IS 'The probe is frozen in, or about to be';
COMMENT ON COLUMN groundwater_level.site IS 'The well that the device served; null = none';
COMMENT ON COLUMN groundwater_level.reference_hectopascals IS 'What was subtracted from the pressure: 0, the label''s, or that of the air [hPa]';
COMMENT ON COLUMN groundwater_level.column_metres IS 'Water above the probe [m]';
COMMENT ON COLUMN groundwater_level.offset_metres IS 'By the last dip: dipped level minus the probe''s [m]';
COMMENT ON COLUMN groundwater_level.level_metres_nhn IS 'Height of the water above NHN; null where this frame gives none [m]';
COMMENT ON COLUMN groundwater_level.depth_metres IS 'Depth of the water below the ground [m]';
COMMENT ON COLUMN groundwater_level.is_usable IS 'Whether the level counts in hours, trends and thresholds';
COMMENT ON COLUMN groundwater_level.since IS 'From when on the flags have been these';
COMMENT ON COLUMN groundwater_level.past IS 'What the next level goes on from; the names are those of Past in topologies/groundwater/facts.py. Times in microseconds since 1970, heights in metres';
COMMENT ON COLUMN groundwater_level.alarms IS 'Conditions that are on or have just ended: rule, since, when long enough, end, until when a return is the same';
COMMENT ON COLUMN groundwater_level.flags IS 'What was noticed: range, rate, stuck, dry, lifted, …';

CREATE TABLE groundwater_well (
    device text COLLATE "C" PRIMARY KEY,
    partition integer NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    site text,
    level_metres_nhn double precision,
    level_at timestamptz,
    depth_metres double precision,
    column_metres double precision,
    offset_metres double precision,
    rise_metres_per_hour double precision,
    since timestamptz,
    flags text[] NOT NULL DEFAULT '{}',
    past double precision[] NOT NULL,
    alarms jsonb
);
CREATE INDEX groundwater_well_site ON groundwater_well (site);
CREATE INDEX groundwater_well_partition ON groundwater_well (partition);
COMMENT ON TABLE groundwater_well IS 'Wells now: one row per device; its trend is in groundwater_trend';
COMMENT ON COLUMN groundwater_well.device IS 'DevEUI';
COMMENT ON COLUMN groundwater_well.partition IS 'Of its readings; the worker that owns it owns this row';
COMMENT ON COLUMN groundwater_well.observed_at IS 'When the newest frame was measured';
COMMENT ON COLUMN groundwater_well.event_id IS 'That frame';
COMMENT ON COLUMN groundwater_well.site IS 'The well that the device serves; null = none (any more)';
COMMENT ON COLUMN groundwater_well.level_metres_nhn IS 'Height of the water above NHN: the last one that could be used [m]';
COMMENT ON COLUMN groundwater_well.level_at IS 'When that was measured';
COMMENT ON COLUMN groundwater_well.depth_metres IS 'Its depth below the ground [m]';
COMMENT ON COLUMN groundwater_well.column_metres IS 'Water above the probe, by the newest frame [m]';
COMMENT ON COLUMN groundwater_well.offset_metres IS 'By the last dip: dipped level minus the probe''s [m]';
COMMENT ON COLUMN groundwater_well.rise_metres_per_hour IS 'Over the last one to two hours; negative where it falls [m/h]';
COMMENT ON COLUMN groundwater_well.since IS 'From when on the flags have been these';
COMMENT ON COLUMN groundwater_well.flags IS 'What was noticed of the newest frame: range, rate, stuck, dry, lifted, …';
COMMENT ON COLUMN groundwater_well.past IS 'See groundwater_level.past';
COMMENT ON COLUMN groundwater_well.alarms IS 'Conditions that are on or have just ended; see groundwater_level.alarms';

CREATE TABLE groundwater_dip (
    site text NOT NULL,
    dipped_at timestamptz NOT NULL,
    distance_metres double precision NOT NULL,
    note text NOT NULL DEFAULT '',
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, dipped_at)
);
COMMENT ON TABLE groundwater_dip IS 'Measurements by hand; each starts an offset that holds until the next';
COMMENT ON COLUMN groundwater_dip.site IS 'The well';
COMMENT ON COLUMN groundwater_dip.dipped_at IS 'When it was measured';
COMMENT ON COLUMN groundwater_dip.distance_metres IS 'From the measuring point down to the water [m]';
COMMENT ON COLUMN groundwater_dip.note IS 'What people want to remember of it';
COMMENT ON COLUMN groundwater_dip.stored_at IS 'When it was imported';

CREATE TABLE groundwater_hour (
    site text NOT NULL,
    hour timestamptz NOT NULL,
    lowest_metres_nhn double precision,
    mean_metres_nhn double precision,
    highest_metres_nhn double precision,
    levels integer NOT NULL,
    left_out integer NOT NULL,
    PRIMARY KEY (site, hour)
);
COMMENT ON TABLE groundwater_hour IS 'Levels of each well in each hour, derived from the facts of whichever devices served it';
COMMENT ON COLUMN groundwater_hour.site IS 'The well';
COMMENT ON COLUMN groundwater_hour.hour IS 'Its begin';
COMMENT ON COLUMN groundwater_hour.lowest_metres_nhn IS 'Lowest level above NHN; null where none could be used [m]';
COMMENT ON COLUMN groundwater_hour.mean_metres_nhn IS 'Mean of the levels [m]';
COMMENT ON COLUMN groundwater_hour.highest_metres_nhn IS 'Highest level [m]';
COMMENT ON COLUMN groundwater_hour.levels IS 'How many could be used [1]';
COMMENT ON COLUMN groundwater_hour.left_out IS 'How many measurements could not be used: their flags say why [1]';

CREATE TABLE groundwater_day (
    site text NOT NULL,
    day date NOT NULL,
    lowest_metres_nhn double precision,
    mean_metres_nhn double precision,
    highest_metres_nhn double precision,
    levels integer NOT NULL,
    left_out integer NOT NULL,
    PRIMARY KEY (site, day)
);
COMMENT ON TABLE groundwater_day IS 'Levels of each well on each day, derived from its hours';
COMMENT ON COLUMN groundwater_day.site IS 'The well';
COMMENT ON COLUMN groundwater_day.day IS 'In Central European Time (UTC+1) all year: no day has 23 or 25 hours';
COMMENT ON COLUMN groundwater_day.lowest_metres_nhn IS 'Lowest level above NHN; null where none could be used [m]';
COMMENT ON COLUMN groundwater_day.mean_metres_nhn IS 'Mean of the levels [m]';
COMMENT ON COLUMN groundwater_day.highest_metres_nhn IS 'Highest level [m]';
COMMENT ON COLUMN groundwater_day.levels IS 'How many could be used [1]';
COMMENT ON COLUMN groundwater_day.left_out IS 'How many measurements could not be used [1]';

CREATE TABLE groundwater_trend (
    site text PRIMARY KEY,
    hour timestamptz NOT NULL,
    day_metres_per_day double precision,
    week_metres_per_day double precision
);
COMMENT ON TABLE groundwater_trend IS 'Where each well is going: the median of the slopes between its hours (Theil-Sen)';
COMMENT ON COLUMN groundwater_trend.site IS 'The well';
COMMENT ON COLUMN groundwater_trend.hour IS 'The newest hour that has a level';
COMMENT ON COLUMN groundwater_trend.day_metres_per_day IS 'Over the 24 hours up to it; null where too few are known [m/d]';
COMMENT ON COLUMN groundwater_trend.week_metres_per_day IS 'Over the 7 days up to it; null where too few are known [m/d]';

CREATE VIEW open_groundwater_well WITH (security_barrier) AS
WITH holding AS (
    SELECT DISTINCT ON (site) site, name, "group" AS aquifer, class
    FROM site
    WHERE family = 'groundwater'
    ORDER BY site, valid_from <= now() DESC, abs(extract(epoch FROM valid_from - now()))
)
SELECT DISTINCT ON (holding.site)
    holding.site AS well, holding.name, holding.aquifer, now.level_metres_nhn, now.depth_metres,
    now.level_at AS measured_at, trend.day_metres_per_day, trend.week_metres_per_day
FROM holding
JOIN groundwater_well AS now USING (site)
LEFT JOIN groundwater_trend AS trend USING (site)
WHERE holding.class IN ('', 'open')
ORDER BY holding.site, now.level_at DESC NULLS LAST, now.device;
COMMENT ON VIEW open_groundwater_well IS 'Open data: where the groundwater stands';
COMMENT ON COLUMN open_groundwater_well.well IS 'The site';
COMMENT ON COLUMN open_groundwater_well.name IS 'As the city calls it';
COMMENT ON COLUMN open_groundwater_well.aquifer IS 'The group of wells that it belongs to';
COMMENT ON COLUMN open_groundwater_well.level_metres_nhn IS 'Height of the water above NHN [m]; null where it is not known';
COMMENT ON COLUMN open_groundwater_well.depth_metres IS 'Its depth below the ground [m]';
COMMENT ON COLUMN open_groundwater_well.measured_at IS 'When it was measured';
COMMENT ON COLUMN open_groundwater_well.day_metres_per_day IS 'Trend over 24 hours [m/d]';
COMMENT ON COLUMN open_groundwater_well.week_metres_per_day IS 'Trend over 7 days [m/d]';

-- Made by `silkstream migrate` before all others.
COMMENT ON TABLE migration IS 'The migrations that made this database';
COMMENT ON COLUMN migration.name IS 'File name in schemas/sql/migrations, without .sql';
COMMENT ON COLUMN migration.applied_at IS 'When it was applied';

-- ── street lights ─────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE luminaire_state (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    dimming_ratio double precision,
    lamp_on boolean,
    lamp_failure boolean,
    driver_failure boolean,
    power_watts double precision,
    energy_watt_hours double precision,
    energy_channel integer,
    lamp_seconds double precision,
    lamp_channel integer,
    site text,
    segment text,
    rated_watts double precision,
    night timestamptz,
    prior_at timestamptz,
    burning boolean,
    since timestamptz,
    until_at timestamptz NOT NULL,
    failed boolean NOT NULL DEFAULT false,
    should_burn boolean,
    level_ratio double precision,
    draws_watts double precision,
    lamp_fault boolean,
    driver_fault boolean,
    meter double precision[],
    used_watt_hours double precision,
    used_since timestamptz,
    lamp_meter double precision[],
    lit_seconds double precision,
    lit_since timestamptz,
    alarms jsonb,
    flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, observed_at)
);
SELECT create_hypertable('luminaire_state', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX luminaire_state_site ON luminaire_state (site, observed_at);
COMMENT ON TABLE luminaire_state IS 'Facts: each report of a luminaire, kept with what follows from it';
COMMENT ON COLUMN luminaire_state.device IS 'DevEUI';
COMMENT ON COLUMN luminaire_state.observed_at IS 'When it was measured';
COMMENT ON COLUMN luminaire_state.event_id IS 'The frame it came with';
COMMENT ON COLUMN luminaire_state.dimming_ratio IS '0..1, the level of the brightest output as this frame says; null where it does not, as all up to lamp_channel [1]';
COMMENT ON COLUMN luminaire_state.lamp_on IS 'Whether the driver says that a lamp burns';
COMMENT ON COLUMN luminaire_state.lamp_failure IS 'Whether a driver, or the meter, says that a lamp has failed';
COMMENT ON COLUMN luminaire_state.driver_failure IS 'Whether a driver has failed, or does not answer';
COMMENT ON COLUMN luminaire_state.power_watts IS 'Active power by the node''s own meter, else a driver''s [W]';
COMMENT ON COLUMN luminaire_state.energy_watt_hours IS 'Reading of the node''s own meter, else of a driver''s; never a sum of them [W.h]';
COMMENT ON COLUMN luminaire_state.energy_channel IS 'Whose reading: 0 the node''s own, else the driver''s channel';
COMMENT ON COLUMN luminaire_state.lamp_seconds IS 'Reading of the counter of burning time [s]';
COMMENT ON COLUMN luminaire_state.lamp_channel IS 'Whose reading: see energy_channel';
COMMENT ON COLUMN luminaire_state.site IS 'The luminaire that the device served; null = none';
COMMENT ON COLUMN luminaire_state.segment IS 'The group of the site, whose plan holds; null = none';
COMMENT ON COLUMN luminaire_state.rated_watts IS 'Power at full level by the description of the site that held then [W]';
COMMENT ON COLUMN luminaire_state.night IS 'When the night began that it belongs to: noon of Europe/Berlin';
COMMENT ON COLUMN luminaire_state.prior_at IS 'The report before it, of this device at this site';
COMMENT ON COLUMN luminaire_state.burning IS 'Whether it burns, as far as is known then; null = not known';
COMMENT ON COLUMN luminaire_state.since IS 'Since when burning is what it is';
COMMENT ON COLUMN luminaire_state.until_at IS 'How long that holds if nothing else comes';
COMMENT ON COLUMN luminaire_state.failed IS 'It was measured dark while told to burn and due to, and not measured burning since';
COMMENT ON COLUMN luminaire_state.should_burn IS 'By the plan of the segment; null = not judged';
COMMENT ON COLUMN luminaire_state.level_ratio IS '0..1, the last level that was told [1]';
COMMENT ON COLUMN luminaire_state.draws_watts IS 'The last power that was measured since it burns, or does not [W]';
COMMENT ON COLUMN luminaire_state.lamp_fault IS 'The last that was said of lamp failures';
COMMENT ON COLUMN luminaire_state.driver_fault IS 'The last that was said of failures of drivers';
COMMENT ON COLUMN luminaire_state.meter IS 'The meter as known by then: channel, reading in W.h, its time in microseconds since 1970; then, where one is doubted, that reading and its time';
COMMENT ON COLUMN luminaire_state.used_watt_hours IS 'Energy since used_since, where the reading of this frame tells it [W.h]';
COMMENT ON COLUMN luminaire_state.used_since IS 'The reading of the meter before';
COMMENT ON COLUMN luminaire_state.lamp_meter IS 'The counter of burning time as known by then; see meter, in s';
COMMENT ON COLUMN luminaire_state.lit_seconds IS 'Burning time since lit_since by the counter of this frame [s]';
COMMENT ON COLUMN luminaire_state.lit_since IS 'The reading of that counter before';
COMMENT ON COLUMN luminaire_state.alarms IS 'Conditions that are on or have just ended: rule, since, when long enough, end, until when a return is the same';
COMMENT ON COLUMN luminaire_state.flags IS 'What was noticed';

CREATE TABLE luminaire (
    device text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    site text,
    segment text,
    burning boolean,
    since timestamptz,
    should_burn boolean,
    level_ratio double precision,
    power_watts double precision,
    lamp_fault boolean,
    driver_fault boolean,
    energy_watt_hours double precision,
    lamp_seconds double precision,
    until_at timestamptz NOT NULL,
    failed boolean NOT NULL DEFAULT false,
    meter double precision[],
    lamp_meter double precision[],
    alarms jsonb,
    PRIMARY KEY (device)
);
CREATE INDEX luminaire_site ON luminaire (site);
CREATE INDEX luminaire_partition ON luminaire (partition);
COMMENT ON TABLE luminaire IS 'Luminaires now: what the newest fact of each device says';
COMMENT ON COLUMN luminaire.device IS 'DevEUI';
COMMENT ON COLUMN luminaire.partition IS 'Of readings.lighting.v1: whose worker writes this row';
COMMENT ON COLUMN luminaire.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN luminaire.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN luminaire.site IS 'The luminaire that the device serves; null, as all up to lamp_seconds, where it serves none';
COMMENT ON COLUMN luminaire.segment IS 'The group of the site';
COMMENT ON COLUMN luminaire.burning IS 'Whether it burns; null = not known any more';
COMMENT ON COLUMN luminaire.since IS 'Since when burning is what it is';
COMMENT ON COLUMN luminaire.should_burn IS 'By the plan at the time of the newest fact; null = not judged';
COMMENT ON COLUMN luminaire.level_ratio IS '0..1, the last level that was told [1]';
COMMENT ON COLUMN luminaire.power_watts IS 'The last power that was measured since it burns, or does not [W]';
COMMENT ON COLUMN luminaire.lamp_fault IS 'The last that was said of lamp failures';
COMMENT ON COLUMN luminaire.driver_fault IS 'The last that was said of failures of drivers';
COMMENT ON COLUMN luminaire.energy_watt_hours IS 'Reading of its meter [W.h]';
COMMENT ON COLUMN luminaire.lamp_seconds IS 'Reading of its counter of burning time [s]';
COMMENT ON COLUMN luminaire.until_at IS 'How long burning holds if nothing else comes';
COMMENT ON COLUMN luminaire.failed IS 'See luminaire_state.failed';
COMMENT ON COLUMN luminaire.meter IS 'See luminaire_state.meter';
COMMENT ON COLUMN luminaire.lamp_meter IS 'See luminaire_state.lamp_meter';
COMMENT ON COLUMN luminaire.alarms IS 'Conditions that are on or have just ended; see luminaire_state.alarms';

CREATE TABLE luminaire_hour (
    site text NOT NULL,
    hour timestamptz NOT NULL,
    energy_watt_hours double precision NOT NULL,
    PRIMARY KEY (site, hour)
);
SELECT create_hypertable('luminaire_hour', 'hour', chunk_time_interval => interval '7 days', create_default_indexes => false);
COMMENT ON TABLE luminaire_hour IS 'Energy of luminaires by the hour, derived from their facts';
COMMENT ON COLUMN luminaire_hour.site IS 'The luminaire, whatever devices served it';
COMMENT ON COLUMN luminaire_hour.hour IS 'Begin of the hour';
COMMENT ON COLUMN luminaire_hour.energy_watt_hours IS 'What its meter counted, evenly spread between two readings [W.h]';

CREATE TABLE luminaire_night (
    site text NOT NULL,
    night date NOT NULL,
    segment text NOT NULL,
    energy_watt_hours double precision,
    due_seconds double precision NOT NULL,
    known_seconds double precision NOT NULL,
    lit_seconds double precision NOT NULL,
    burning_seconds double precision,
    rated_watt_hours double precision,
    PRIMARY KEY (site, night)
);
CREATE INDEX luminaire_night_segment ON luminaire_night (segment, night);
COMMENT ON TABLE luminaire_night IS 'Nights of luminaires, from noon to noon of Europe/Berlin, derived from their facts';
COMMENT ON COLUMN luminaire_night.site IS 'The luminaire, whatever devices served it';
COMMENT ON COLUMN luminaire_night.night IS 'Date of the evening';
COMMENT ON COLUMN luminaire_night.segment IS 'Its group then; empty = none';
COMMENT ON COLUMN luminaire_night.energy_watt_hours IS 'What its meter counted; null = no meter told [W.h]';
COMMENT ON COLUMN luminaire_night.due_seconds IS 'How long it had to burn by the plan, without the grace around switchings [s]';
COMMENT ON COLUMN luminaire_night.known_seconds IS 'Of due_seconds the time in which its state was known [s]';
COMMENT ON COLUMN luminaire_night.lit_seconds IS 'Of known_seconds the time in which it burned [s]';
COMMENT ON COLUMN luminaire_night.burning_seconds IS 'Burning time of the whole night: by its own counter, else from its state; null = neither is known [s]';
COMMENT ON COLUMN luminaire_night.rated_watt_hours IS 'Energy at rated_watts over burning_seconds; null where one of them or energy is not known well [W.h]';

CREATE TABLE lighting_segment_night (
    segment text NOT NULL,
    night date NOT NULL,
    luminaires integer NOT NULL,
    reporting integer NOT NULL,
    energy_kilowatt_hours double precision,
    availability_ratio double precision,
    known_ratio double precision,
    saving_ratio double precision,
    PRIMARY KEY (segment, night)
);
COMMENT ON TABLE lighting_segment_night IS 'Nights of segments, summed over their luminaires';
COMMENT ON COLUMN lighting_segment_night.segment IS 'Group of sites';
COMMENT ON COLUMN lighting_segment_night.night IS 'Date of the evening, from noon to noon of Europe/Berlin';
COMMENT ON COLUMN lighting_segment_night.luminaires IS 'Sites of the segment that a device was assigned to by the end of the night';
COMMENT ON COLUMN lighting_segment_night.reporting IS 'Of them those that anything is known of';
COMMENT ON COLUMN lighting_segment_night.energy_kilowatt_hours IS 'Sum over those with a meter; null = none [kW.h]';
COMMENT ON COLUMN lighting_segment_night.availability_ratio IS 'Share of the time in which they were known to burn of that in which they had to burn and were known; null = no such time [1]';
COMMENT ON COLUMN lighting_segment_night.known_ratio IS 'Share of the time in which they had to burn in which they were known, the silent ones included; null = no such time [1]';
COMMENT ON COLUMN lighting_segment_night.saving_ratio IS '1 - energy / energy at rated power over the same burning time, of those where both are known; null = none [1]';

-- Ledger, outbox, marks, devices, sites, frames.

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

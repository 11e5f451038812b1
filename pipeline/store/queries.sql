-- Staging and upserts of the fixed tables. Staged times are microseconds since 1970, ids hexadecimal text.

-- stage --
-- Staging tables live as long as the connection and are empty after each transaction.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_frame (
    event_id uuid, observed_at bigint, device text, event text, verdict text, reason text, duplicate_of uuid,
    frame_id uuid, dev_addr text, f_cnt bigint, f_port integer, data_rate integer, spreading_factor integer,
    payload_bytes integer, flags text[], decoder text, decoder_version text, ingested_at bigint,
    raw_partition integer, raw_offset bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_link_quality (
    event_id uuid, gateway text, observed_at bigint, device text, rssi_dbm integer, snr_db real
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_device (
    device text, name text, profile text, application text, application_id text, tenant text, device_class text,
    region text, tags jsonb, described_at bigint, decoder text, family text, decoded_at bigint,
    battery_ratio double precision, battery_at bigint, seen_at bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_device_latest (
    device text, channel integer, quantity text, observed_at bigint, number double precision, text text, event_id uuid
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_dead_letter (
    id uuid, stage text, reason text, detail text, device text, origin_topic text, origin_partition integer,
    origin_offset bigint, decoder text, decoder_version text, dead_partition integer, dead_offset bigint,
    received_at bigint
) ON COMMIT DELETE ROWS;

-- upsert_frame --
-- The same event again (a repeated block, a re-decode, a replayed dead letter) replaces what was said of it.
INSERT INTO frame
SELECT event_id, timestamptz 'epoch' + observed_at * interval '1 microsecond', device, event, verdict, reason,
       duplicate_of, frame_id, dev_addr, f_cnt, f_port, data_rate, spreading_factor, payload_bytes, flags, decoder,
       decoder_version, timestamptz 'epoch' + ingested_at * interval '1 microsecond', raw_partition, raw_offset
FROM staged_frame
ON CONFLICT (event_id, observed_at) DO UPDATE
SET verdict = excluded.verdict, reason = excluded.reason, duplicate_of = excluded.duplicate_of,
    flags = excluded.flags, decoder = excluded.decoder, decoder_version = excluded.decoder_version,
    ingested_at = excluded.ingested_at, raw_partition = excluded.raw_partition, raw_offset = excluded.raw_offset;

-- upsert_link_quality --
-- Two copies heard by one gateway: the better one counts, whichever comes first.
INSERT INTO link_quality AS kept
SELECT event_id, gateway, timestamptz 'epoch' + observed_at * interval '1 microsecond', device, rssi_dbm, snr_db
FROM staged_link_quality
ON CONFLICT (event_id, gateway, observed_at) DO UPDATE SET rssi_dbm = excluded.rssi_dbm, snr_db = excluded.snr_db
WHERE (excluded.rssi_dbm, excluded.snr_db) > (kept.rssi_dbm, kept.snr_db);

-- upsert_device --
-- Three facts with a time each (description, decoder, battery): the newest of each is kept.
INSERT INTO device AS kept (
    device, name, profile, application, application_id, tenant, device_class, region, tags, described_at, decoder,
    family, decoded_at, battery_ratio, battery_at, seen_at
)
SELECT device, name, profile, application, application_id, tenant, device_class, region, tags,
       coalesce(timestamptz 'epoch' + described_at * interval '1 microsecond', '-infinity'), decoder, family,
       timestamptz 'epoch' + decoded_at * interval '1 microsecond', battery_ratio,
       timestamptz 'epoch' + battery_at * interval '1 microsecond',
       timestamptz 'epoch' + seen_at * interval '1 microsecond'
FROM staged_device
ON CONFLICT (device) DO UPDATE
SET name = CASE WHEN excluded.described_at < kept.described_at THEN kept.name ELSE excluded.name END,
    profile = CASE WHEN excluded.described_at < kept.described_at THEN kept.profile ELSE excluded.profile END,
    application =
        CASE WHEN excluded.described_at < kept.described_at THEN kept.application ELSE excluded.application END,
    application_id =
        CASE WHEN excluded.described_at < kept.described_at THEN kept.application_id ELSE excluded.application_id END,
    tenant = CASE WHEN excluded.described_at < kept.described_at THEN kept.tenant ELSE excluded.tenant END,
    device_class =
        CASE WHEN excluded.described_at < kept.described_at THEN kept.device_class ELSE excluded.device_class END,
    region = CASE WHEN excluded.described_at < kept.described_at THEN kept.region ELSE excluded.region END,
    tags = CASE WHEN excluded.described_at < kept.described_at THEN kept.tags ELSE excluded.tags END,
    described_at = greatest(excluded.described_at, kept.described_at),
    decoder = CASE WHEN excluded.decoded_at < kept.decoded_at OR excluded.decoded_at IS NULL
                   THEN kept.decoder ELSE excluded.decoder END,
    family = CASE WHEN excluded.decoded_at < kept.decoded_at OR excluded.decoded_at IS NULL
                  THEN kept.family ELSE excluded.family END,
    decoded_at = greatest(excluded.decoded_at, kept.decoded_at),
    battery_ratio = CASE WHEN excluded.battery_at < kept.battery_at OR excluded.battery_at IS NULL
                         THEN kept.battery_ratio ELSE excluded.battery_ratio END,
    battery_at = greatest(excluded.battery_at, kept.battery_at),
    seen_at = greatest(excluded.seen_at, kept.seen_at);

-- upsert_device_latest --
INSERT INTO device_latest AS kept
SELECT device, channel, quantity, timestamptz 'epoch' + observed_at * interval '1 microsecond', number, text, event_id
FROM staged_device_latest
ON CONFLICT (device, channel, quantity) DO UPDATE
SET observed_at = excluded.observed_at, number = excluded.number, text = excluded.text, event_id = excluded.event_id
WHERE (excluded.observed_at, excluded.event_id) >= (kept.observed_at, kept.event_id);

-- upsert_dead_letter --
INSERT INTO dead_letter
SELECT id, stage, reason, detail, device, origin_topic, origin_partition, origin_offset, decoder, decoder_version,
       dead_partition, dead_offset, timestamptz 'epoch' + received_at * interval '1 microsecond'
FROM staged_dead_letter
ON CONFLICT (id) DO NOTHING;

-- mark_days --
-- Leave a mark for each device and day (UTC) that the batch says something of; derive makes up the account anew.
INSERT INTO mark (what, subject, bucket)
SELECT 'fleet_day', said.device, timestamptz 'epoch' + said.number * interval '24 hours'
FROM unnest(%(devices)s::text[], %(days)s::bigint[]) AS said (device, number);

-- mark_hours --
-- Leave a mark for each hour that the batch wrote into; derive counts them anew.
INSERT INTO mark (what, subject, bucket)
SELECT 'reading_hour', hour.family, timestamptz 'epoch' + hour.number * interval '1 hour'
FROM unnest(%(families)s::text[], %(hours)s::bigint[]) AS hour (family, number);

-- mark_rollups --
-- The same by device and quarter of an hour. Marks are only added: one that is being worked off must not swallow the next.
INSERT INTO rollup_mark (family, device, bucket)
SELECT mark.family, mark.device, timestamptz 'epoch' + mark.number * interval '15 minutes'
FROM unnest(%(families)s::text[], %(devices)s::text[], %(quarters)s::bigint[]) AS mark (family, device, number);

-- mark_pressures --
-- Leave a mark for each pressure of the air that the batch wrote; derive asks for the wells that are counted with it.
INSERT INTO mark (what, subject, bucket)
SELECT 'air_pressure', told.device, timestamptz 'epoch' + told.at * interval '1 microsecond'
FROM unnest(%(devices)s::text[], %(times)s::bigint[]) AS told (device, at);

-- Classes of sites, what is open, from when on facts are whole, indexes for operations, a comment on every column.

-- ── whose data it is ─────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE site ADD COLUMN class text NOT NULL DEFAULT '' CHECK (class IN ('', 'open', 'internal', 'personal'));
COMMENT ON COLUMN site.class IS 'Whose data it yields: open, internal, personal; empty = as usual in its family';
CREATE INDEX site_group ON site (family, "group");

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

-- A day at a time: what tells of people is dropped on the day it is due, not up to a week later.
SELECT set_chunk_time_interval('parking_observation', interval '1 day');

-- ── what operations asks ─────────────────────────────────────────────────────────────────────────────────────────
CREATE INDEX dead_letter_received ON dead_letter (received_at);
CREATE INDEX device_latest_quantity ON device_latest (quantity);
CREATE INDEX parking_bay_zone ON parking_bay (zone);

-- ── what others may see ──────────────────────────────────────────────────────────────────────────────────────────
CREATE VIEW personal_device WITH (security_barrier) AS
SELECT DISTINCT assignment.device
FROM assignment
JOIN site USING (site)
WHERE site.class = 'personal';
COMMENT ON VIEW personal_device IS 'Devices that ever served a personally assigned site: their history is shown to nobody';
COMMENT ON COLUMN personal_device.device IS 'DevEUI';

CREATE VIEW internal_parking_observation WITH (security_barrier) AS
SELECT device, observed_at, event_id, reported, site, zone, occupied, since, flags
FROM parking_observation
WHERE device NOT IN (SELECT device FROM personal_device);
COMMENT ON VIEW internal_parking_observation IS 'parking_observation without personally assigned bays: for operations';

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

-- ── what each column means ───────────────────────────────────────────────────────────────────────────────────────
COMMENT ON TABLE migration IS 'The migrations that made this database';
COMMENT ON COLUMN migration.name IS 'File name in schemas/sql/migrations, without .sql';
COMMENT ON COLUMN migration.applied_at IS 'When it was applied';

COMMENT ON COLUMN ledger.consumer IS 'store, topology-parking, …: who reads';
COMMENT ON COLUMN ledger.topic IS 'What it reads, with the namespace';
COMMENT ON COLUMN ledger.partition IS 'Partition of the topic';
COMMENT ON COLUMN ledger.updated_at IS 'When the row was moved last';

COMMENT ON COLUMN outbox.id IS 'Order in which events were written';
COMMENT ON COLUMN outbox.topic IS 'Where it goes, with the namespace';
COMMENT ON COLUMN outbox.key IS 'The record''s key: the subject';
COMMENT ON COLUMN outbox.event IS 'The CloudEvent';
COMMENT ON COLUMN outbox.stored_at IS 'When it was written';
COMMENT ON COLUMN outbox.sent_at IS 'When the relay published it; null = not yet';

COMMENT ON COLUMN subject.topic IS 'The outgoing topic, with the namespace';
COMMENT ON COLUMN subject.key IS 'The subject';
COMMENT ON COLUMN subject.sequence IS 'Events counted so far [1]';

COMMENT ON COLUMN mark.id IS 'Order in which marks were written';
COMMENT ON COLUMN mark.what IS 'What kind of result: parking_zone, reading_hour, …';
COMMENT ON COLUMN mark.subject IS 'Of whom: a zone, a family, …';
COMMENT ON COLUMN mark.bucket IS 'Begin of the time to recompute; -infinity = the state now';

COMMENT ON COLUMN recompute.id IS 'Order in which requests were written';
COMMENT ON COLUMN recompute.device IS 'DevEUI';
COMMENT ON COLUMN recompute.from_at IS 'From when on its place is another one than was thought';
COMMENT ON COLUMN recompute.stored_at IS 'When it was asked for';

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
COMMENT ON COLUMN device.battery_ratio IS 'Charge, 0..1 [1], from the DevStatusAns';
COMMENT ON COLUMN device.battery_at IS 'Time of the event that battery_ratio is from';

COMMENT ON COLUMN site.site IS 'The place''s own name, unique in the city';
COMMENT ON COLUMN site.valid_from IS 'From when on this version holds; the oldest one also before';
COMMENT ON COLUMN site.family IS 'What is measured there: parking, container, …';
COMMENT ON COLUMN site.name IS 'As the city calls it';
COMMENT ON COLUMN site.stored_at IS 'When the row was written';

COMMENT ON COLUMN assignment.device IS 'DevEUI';
COMMENT ON COLUMN assignment.valid_from IS 'From when on';
COMMENT ON COLUMN assignment.site IS 'The site that it serves; null = none';
COMMENT ON COLUMN assignment.stored_at IS 'When the row was written';

COMMENT ON COLUMN frame.event_id IS 'From ChirpStack''s deduplication id and the event type';
COMMENT ON COLUMN frame.observed_at IS 'When the event happened: the gateway''s time, where it has one';
COMMENT ON COLUMN frame.device IS 'DevEUI';
COMMENT ON COLUMN frame.event IS 'ChirpStack''s event type: up, join, status, …';
COMMENT ON COLUMN frame.reason IS 'Why it was rejected';
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

COMMENT ON COLUMN link_quality.event_id IS 'The frame that was heard';
COMMENT ON COLUMN link_quality.gateway IS 'EUI of the gateway that heard it';
COMMENT ON COLUMN link_quality.observed_at IS 'As in frame';
COMMENT ON COLUMN link_quality.device IS 'DevEUI';
COMMENT ON COLUMN link_quality.rssi_dbm IS 'Received signal strength [dB[mW]]';
COMMENT ON COLUMN link_quality.snr_db IS 'Signal-to-noise ratio [dB]';

COMMENT ON COLUMN device_latest.device IS 'DevEUI';
COMMENT ON COLUMN device_latest.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN device_latest.quantity IS 'Name of the quantity; column of the family''s wide table';
COMMENT ON COLUMN device_latest.observed_at IS 'When it was measured';
COMMENT ON COLUMN device_latest.number IS 'Its value in the unit of its quantity, where it is no text';
COMMENT ON COLUMN device_latest.text IS 'Its value, where it is a text';
COMMENT ON COLUMN device_latest.event_id IS 'The frame it came with';

COMMENT ON COLUMN container_level.device IS 'DevEUI';
COMMENT ON COLUMN container_level.observed_at IS 'When it was measured';
COMMENT ON COLUMN container_level.event_id IS 'The frame it came with';
COMMENT ON COLUMN container_level.distance_metres IS 'From the sensor to what is inside [m]; null = no echo';
COMMENT ON COLUMN container_level.tilted IS 'The device is not upright: lid open or container tipped';
COMMENT ON COLUMN container_level.site IS 'The container that the device served; null = none';
COMMENT ON COLUMN container_level.fill_ratio IS 'Fill level, 0..1 [1], from the distance and the site valid then; null where one of them is missing';
COMMENT ON COLUMN container_level.flags IS 'What was noticed';

COMMENT ON COLUMN container.device IS 'DevEUI';
COMMENT ON COLUMN container.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN container.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN container.fill_ratio IS 'Fill level, 0..1 [1]';
COMMENT ON COLUMN container.distance_metres IS 'From the sensor to what is inside [m]';
COMMENT ON COLUMN container.tilted IS 'The device is not upright: lid open or container tipped';
COMMENT ON COLUMN container.is_full IS 'With hysteresis: between the two limits it stays what it was';
COMMENT ON COLUMN container.since IS 'Since when is_full is what it is';

COMMENT ON COLUMN parking_observation.device IS 'DevEUI';
COMMENT ON COLUMN parking_observation.observed_at IS 'When the frame was heard';
COMMENT ON COLUMN parking_observation.event_id IS 'The frame';
COMMENT ON COLUMN parking_observation.site IS 'The bay that the device served; null = none';
COMMENT ON COLUMN parking_observation.zone IS 'The bay''s group then';
COMMENT ON COLUMN parking_observation.flags IS 'What was noticed';

COMMENT ON COLUMN internal_parking_observation.device IS 'DevEUI';
COMMENT ON COLUMN internal_parking_observation.observed_at IS 'When the frame was heard';
COMMENT ON COLUMN internal_parking_observation.event_id IS 'The frame';
COMMENT ON COLUMN internal_parking_observation.reported IS 'What the frame said; null where it did not speak of the bay';
COMMENT ON COLUMN internal_parking_observation.site IS 'The bay that the device served; null = none';
COMMENT ON COLUMN internal_parking_observation.zone IS 'The bay''s group then';
COMMENT ON COLUMN internal_parking_observation.occupied IS 'The state from here on; null = unknown';
COMMENT ON COLUMN internal_parking_observation.since IS 'Since when it is so';
COMMENT ON COLUMN internal_parking_observation.flags IS 'What was noticed';

COMMENT ON COLUMN parking_bay.device IS 'DevEUI';
COMMENT ON COLUMN parking_bay.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN parking_bay.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN parking_bay.zone IS 'The bay''s group now';
COMMENT ON COLUMN parking_bay.since IS 'Since when occupied is what it is';

COMMENT ON COLUMN parking_zone.zone IS 'The group of bays';
COMMENT ON COLUMN parking_zone.bays IS 'Bays that a sensor serves, without personally assigned ones';
COMMENT ON COLUMN parking_zone.occupied IS 'Of them occupied';
COMMENT ON COLUMN parking_zone.free IS 'Of them free';
COMMENT ON COLUMN parking_zone.unknown IS 'Of them neither known to be occupied nor free';

COMMENT ON COLUMN alert.rule IS 'Which rule: container_full, …';
COMMENT ON COLUMN alert.family IS 'The family of the rule';
COMMENT ON COLUMN alert.subject IS 'What is wrong: the site';
COMMENT ON COLUMN alert.severity IS 'How bad, as the rule says';
COMMENT ON COLUMN alert.resolved_at IS 'Event time of its end; null = it is not over';
COMMENT ON COLUMN alert.value IS 'What was measured when it opened, in the unit of its rule';
COMMENT ON COLUMN alert.limit_value IS 'The limit that it passed, in the unit of its rule';
COMMENT ON COLUMN alert.device IS 'DevEUI';
COMMENT ON COLUMN alert.site IS 'The site that the device served';
COMMENT ON COLUMN alert.message_de IS 'A sentence in German';
COMMENT ON COLUMN alert.message_en IS 'A sentence in English';
COMMENT ON COLUMN alert.acknowledged_by IS 'Who acknowledged it';
COMMENT ON COLUMN alert.updated_at IS 'When the row was written last';

COMMENT ON COLUMN reading_hour.family IS 'Of which sensors';
COMMENT ON COLUMN reading_hour.readings IS 'Rows in the family''s wide table [1]';

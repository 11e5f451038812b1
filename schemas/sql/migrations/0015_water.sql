-- Water meters, and what of them tells of the people behind them.

-- ── water meters: one row for each frame, and what is so now ─────────────────────────────────────────────────────
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
COMMENT ON COLUMN water_consumption.volumes IS 'The volumes that it brought: pairs of a time in microseconds since 1970 and litres; null = none';
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

-- ── whose data it is ─────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE alert ADD COLUMN class text NOT NULL DEFAULT 'internal' CHECK (class IN ('internal', 'personal'));
COMMENT ON COLUMN alert.class IS 'internal, or personal where the site was somebody''s own when it opened';

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

-- A water meter hangs in somebody's home unless every site that it ever served is said to be none.
CREATE OR REPLACE VIEW personal_device WITH (security_barrier) AS
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

-- Several rules for a topology, maintenance, and what follows from a container's fill: emptyings and expectations.

ALTER TABLE container_level
    ADD COLUMN device_temperature_celsius double precision,
    ADD COLUMN sensor_fill_ratio double precision,
    ADD COLUMN held_ratio double precision,
    ADD COLUMN prior_ratio double precision,
    ADD COLUMN drop_at timestamptz,
    ADD COLUMN drop_ratio double precision,
    ADD COLUMN emptying_ratio double precision,
    ADD COLUMN emptied_at timestamptz,
    ADD COLUMN watched_since timestamptz,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN trend jsonb,
    ADD COLUMN alarms jsonb;
CREATE INDEX container_level_emptying ON container_level (device) WHERE emptying_ratio IS NOT NULL;
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

ALTER TABLE container
    ADD COLUMN suspected_full boolean,
    ADD COLUMN device_temperature_celsius double precision,
    ADD COLUMN sensor_fill_ratio double precision,
    ADD COLUMN emptied_at timestamptz,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN rate_per_day double precision,
    ADD COLUMN nearly_full_at timestamptz,
    ADD COLUMN nearly_full_earliest_at timestamptz,
    ADD COLUMN nearly_full_latest_at timestamptz,
    ADD COLUMN full_at timestamptz,
    ADD COLUMN full_earliest_at timestamptz,
    ADD COLUMN full_latest_at timestamptz,
    ADD COLUMN watched_since timestamptz,
    ADD COLUMN trend jsonb,
    ADD COLUMN alarms jsonb;
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

-- An alert that is open goes on from when it began.
UPDATE container_level SET
    alarms = jsonb_build_array(jsonb_build_object(
        'rule', 'container_full',
        'since_us', (extract(epoch FROM since) * 1000000)::bigint,
        'opens_us', (extract(epoch FROM since) * 1000000)::bigint,
        'ended_us', NULL,
        'over_us', NULL
    ))
WHERE is_full AND site IS NOT NULL;
UPDATE container SET alarms = fact.alarms
FROM container_level AS fact
WHERE fact.device = container.device AND fact.observed_at = container.observed_at;

ALTER TABLE alert ADD COLUMN silenced boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN alert.since IS 'When its condition began, in event time; late data may move it';
COMMENT ON COLUMN alert.opened_event IS 'The frame that opened it first; where time did, the last one before it';
COMMENT ON COLUMN alert.silenced IS 'Opened during maintenance, and nobody was told yet; for ever where it was over by then';

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

-- Wells: levels, dips by hand, hours, days and trends.

-- The measuring point need not be the casing's top, and units belong into names.
UPDATE site
SET attributes = attributes - 'casing_top_metres'
    || jsonb_build_object('measuring_point_metres_nhn', attributes -> 'casing_top_metres')
WHERE attributes ? 'casing_top_metres';
COMMENT ON TABLE recompute IS 'Sites, or what surrounds them, changed: the worker that owns the device runs it again from here';
COMMENT ON COLUMN recompute.from_at IS 'From when on something is otherwise than was thought';

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

-- Facts of wells, their rows of now, and what surrounds them.

-- load_facts --
-- Of each device the facts from the last one before a time on.
SELECT
    fact.device, fact.observed_at, fact.event_id, fact.pressure_bar, fact.absolute_pressure_bar,
    fact.water_column_metres, fact.distance_metres, fact.air_pressure_hectopascals, fact.freezing, fact.site,
    fact.reference_hectopascals, fact.column_metres, fact.offset_metres, fact.level_metres_nhn, fact.depth_metres,
    fact.is_usable, fact.since, fact.past, fact.alarms, fact.flags
FROM unnest(%(devices)s::text[], %(from)s::timestamptz[]) AS late (device, from_at)
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM groundwater_level
    WHERE device = late.device AND observed_at < late.from_at
) AS before
JOIN groundwater_level AS fact
    ON fact.device = late.device AND fact.observed_at >= coalesce(before.observed_at, late.from_at)
ORDER BY fact.device, fact.observed_at;

-- load_now --
-- What is shown, and the newest fact. Where retention has taken the fact, what is shown stands for it.
SELECT
    now.device, now.observed_at, now.event_id, fact.pressure_bar, fact.absolute_pressure_bar,
    fact.water_column_metres, fact.distance_metres, fact.air_pressure_hectopascals, fact.freezing,
    CASE WHEN fact.device IS NULL THEN now.site ELSE fact.site END,
    fact.reference_hectopascals,
    CASE WHEN fact.device IS NULL THEN now.column_metres ELSE fact.column_metres END,
    coalesce(fact.offset_metres, now.offset_metres, 0),
    CASE WHEN fact.device IS NULL THEN now.level_metres_nhn ELSE fact.level_metres_nhn END,
    CASE WHEN fact.device IS NULL THEN now.depth_metres ELSE fact.depth_metres END,
    coalesce(fact.is_usable, false),
    coalesce(fact.since, now.since, now.observed_at),
    now.past, now.alarms,
    CASE WHEN fact.device IS NULL THEN now.flags ELSE fact.flags END,
    now.site, now.level_metres_nhn, now.level_at, now.depth_metres, now.column_metres, now.offset_metres,
    now.rise_metres_per_hour, now.since, now.flags, now.partition AS number
FROM groundwater_well AS now
LEFT JOIN groundwater_level AS fact ON fact.device = now.device AND fact.observed_at = now.observed_at
WHERE now.partition = ANY(%(partitions)s);

-- load_recompute --
-- Requests for the devices of one partition: their sites, their barometers or their dips have changed.
SELECT recompute.id, recompute.device, recompute.from_at
FROM recompute
JOIN groundwater_well AS now ON now.device = recompute.device
WHERE now.partition = %(partition)s;

-- load_air_pressure --
-- By what wells call their barometers, a station or the site that stations serve in turn: the pressure there.
WITH named AS (
    SELECT DISTINCT attributes ->> 'barometer' AS name
    FROM site
    WHERE family = 'groundwater' AND attributes ->> 'barometer' <> ''
), turn AS (
    SELECT device, site, valid_from,
        lead(valid_from, 1, 'infinity') OVER (PARTITION BY device ORDER BY valid_from) AS valid_until
    FROM assignment
), source AS (
    SELECT name, name AS device, timestamptz '-infinity' AS valid_from, timestamptz 'infinity' AS valid_until
    FROM named
    UNION ALL
    SELECT named.name, turn.device, turn.valid_from, turn.valid_until
    FROM named
    JOIN turn ON turn.site = named.name
)
SELECT DISTINCT ON (source.name, reading.observed_at)
    source.name, reading.observed_at, reading.air_pressure_hectopascals
FROM source
JOIN reading_weather AS reading
    ON reading.device = source.device AND reading.observed_at >= source.valid_from
    AND reading.observed_at < source.valid_until
WHERE reading.observed_at >= %(from)s AND reading.channel = 0 AND reading.air_pressure_hectopascals IS NOT NULL
ORDER BY source.name, reading.observed_at, reading.device;

-- load_dips --
-- All of them, whatever their age: the last one holds until the next.
SELECT site, dipped_at, distance_metres FROM groundwater_dip ORDER BY site, dipped_at;

-- Hours, days and trends of wells, and who has to be computed anew for a barometer.

-- recompute_hours --
-- Levels are taken in their order, so that a mean comes out the same to its last digit. Return the hours that changed.
WITH wanted AS (
    SELECT DISTINCT site, hour FROM unnest(%(sites)s::text[], %(hours)s::timestamptz[]) AS marked (site, hour)
), counted AS (
    SELECT
        wanted.site,
        wanted.hour,
        min(fact.level_metres_nhn) FILTER (WHERE fact.is_usable) AS lowest,
        avg(fact.level_metres_nhn ORDER BY fact.observed_at, fact.device) FILTER (WHERE fact.is_usable) AS mean,
        max(fact.level_metres_nhn) FILTER (WHERE fact.is_usable) AS highest,
        count(*) FILTER (WHERE fact.is_usable)::integer AS levels,
        count(*) FILTER (WHERE NOT fact.is_usable)::integer AS left_out
    FROM wanted
    LEFT JOIN groundwater_level AS fact
        ON fact.site = wanted.site AND fact.observed_at >= wanted.hour
        AND fact.observed_at < wanted.hour + interval '1 hour'
    GROUP BY wanted.site, wanted.hour
), gone AS (
    DELETE FROM groundwater_hour AS kept
    USING counted
    WHERE kept.site = counted.site AND kept.hour = counted.hour AND counted.levels + counted.left_out = 0
    RETURNING kept.site, kept.hour
), stored AS (
    INSERT INTO groundwater_hour AS kept (
        site, hour, lowest_metres_nhn, mean_metres_nhn, highest_metres_nhn, levels, left_out
    )
    SELECT site, hour, lowest, mean, highest, levels, left_out
    FROM counted
    WHERE levels + left_out > 0
    ORDER BY site, hour
    ON CONFLICT (site, hour) DO UPDATE SET
        lowest_metres_nhn = excluded.lowest_metres_nhn, mean_metres_nhn = excluded.mean_metres_nhn,
        highest_metres_nhn = excluded.highest_metres_nhn, levels = excluded.levels, left_out = excluded.left_out
    WHERE (kept.lowest_metres_nhn, kept.mean_metres_nhn, kept.highest_metres_nhn, kept.levels, kept.left_out)
        IS DISTINCT FROM (excluded.lowest_metres_nhn, excluded.mean_metres_nhn, excluded.highest_metres_nhn,
            excluded.levels, excluded.left_out)
    RETURNING kept.site, kept.hour
)
SELECT site, hour FROM stored UNION ALL SELECT site, hour FROM gone ORDER BY site, hour;

-- recompute_days --
-- From the hours, which are kept for ever: so a day stays right when its facts are gone. A day begins at 23 o'clock UTC.
WITH wanted AS (
    SELECT DISTINCT site, (hour AT TIME ZONE 'UTC' + interval '1 hour')::date AS day
    FROM unnest(%(sites)s::text[], %(hours)s::timestamptz[]) AS changed (site, hour)
), counted AS (
    SELECT
        wanted.site,
        wanted.day,
        min(part.lowest_metres_nhn) AS lowest,
        sum(part.mean_metres_nhn * part.levels ORDER BY part.hour) / nullif(sum(part.levels), 0) AS mean,
        max(part.highest_metres_nhn) AS highest,
        coalesce(sum(part.levels), 0)::integer AS levels,
        coalesce(sum(part.left_out), 0)::integer AS left_out
    FROM wanted
    LEFT JOIN groundwater_hour AS part
        ON part.site = wanted.site
        AND part.hour >= (wanted.day::timestamp - interval '1 hour') AT TIME ZONE 'UTC'
        AND part.hour < (wanted.day::timestamp + interval '23 hours') AT TIME ZONE 'UTC'
    GROUP BY wanted.site, wanted.day
), gone AS (
    DELETE FROM groundwater_day AS kept
    USING counted
    WHERE kept.site = counted.site AND kept.day = counted.day AND counted.levels + counted.left_out = 0
)
INSERT INTO groundwater_day AS kept (
    site, day, lowest_metres_nhn, mean_metres_nhn, highest_metres_nhn, levels, left_out
)
SELECT site, day, lowest, mean, highest, levels, left_out
FROM counted
WHERE levels + left_out > 0
ORDER BY site, day
ON CONFLICT (site, day) DO UPDATE SET
    lowest_metres_nhn = excluded.lowest_metres_nhn, mean_metres_nhn = excluded.mean_metres_nhn,
    highest_metres_nhn = excluded.highest_metres_nhn, levels = excluded.levels, left_out = excluded.left_out
WHERE (kept.lowest_metres_nhn, kept.mean_metres_nhn, kept.highest_metres_nhn, kept.levels, kept.left_out)
    IS DISTINCT FROM (excluded.lowest_metres_nhn, excluded.mean_metres_nhn, excluded.highest_metres_nhn,
        excluded.levels, excluded.left_out);

-- read_week --
-- The hours of the last seven days of each well whose changes lie within them.
WITH changed AS (
    SELECT site, max(hour) AS hour
    FROM unnest(%(sites)s::text[], %(hours)s::timestamptz[]) AS changed (site, hour)
    GROUP BY site
), newest AS (
    SELECT changed.site, last.hour
    FROM changed
    CROSS JOIN LATERAL (
        SELECT hour FROM groundwater_hour
        WHERE site = changed.site AND levels > 0
        ORDER BY hour DESC
        LIMIT 1
    ) AS last
    WHERE changed.hour > last.hour - interval '7 days'
)
SELECT newest.site, part.hour, part.mean_metres_nhn
FROM newest
JOIN groundwater_hour AS part
    ON part.site = newest.site AND part.hour > newest.hour - interval '7 days' AND part.hour <= newest.hour
WHERE part.levels > 0
ORDER BY newest.site, part.hour;

-- keep_trends --
INSERT INTO groundwater_trend AS kept (site, hour, day_metres_per_day, week_metres_per_day)
SELECT site, hour, day, week
FROM unnest(
    %(sites)s::text[], %(hours)s::timestamptz[], %(days)s::double precision[], %(weeks)s::double precision[]
) AS found (site, hour, day, week)
ORDER BY site
ON CONFLICT (site) DO UPDATE SET
    hour = excluded.hour, day_metres_per_day = excluded.day_metres_per_day,
    week_metres_per_day = excluded.week_metres_per_day
WHERE (kept.hour, kept.day_metres_per_day, kept.week_metres_per_day)
    IS DISTINCT FROM (excluded.hour, excluded.day_metres_per_day, excluded.week_metres_per_day);

-- forget_trends --
-- Of wells that have no level any more.
DELETE FROM groundwater_trend AS kept
USING unnest(%(sites)s::text[]) AS changed (site)
WHERE kept.site = changed.site
  AND NOT EXISTS (SELECT FROM groundwater_hour WHERE site = kept.site AND levels > 0);

-- request_wells --
-- A value of a barometer changes what follows between its neighbours: each well that names it, or the site that it
-- serves, is computed anew from as long before as a value reaches. A well that was never heard has nothing to compute yet: one request that
-- waits for it is enough.
WITH told AS (
    SELECT DISTINCT device, at FROM unnest(%(devices)s::text[], %(times)s::timestamptz[]) AS told (device, at)
), turn AS (
    SELECT device, site, valid_from,
        lead(valid_from, 1, 'infinity') OVER (PARTITION BY device ORDER BY valid_from) AS valid_until
    FROM assignment
), named AS (
    SELECT DISTINCT site, attributes ->> 'barometer' AS barometer
    FROM site
    WHERE family = 'groundwater' AND attributes ->> 'barometer' <> ''
), concerned AS (
    SELECT told.device, told.at, named.site FROM told JOIN named ON named.barometer = told.device
    UNION
    SELECT told.device, told.at, named.site
    FROM told
    JOIN turn ON turn.device = told.device AND told.at >= turn.valid_from AND told.at < turn.valid_until
    JOIN named ON named.barometer = turn.site
), since AS (
    SELECT site, min(at) - %(gap)s AS from_at FROM concerned GROUP BY site
), wanted AS (
    SELECT turn.device, min(greatest(since.from_at, turn.valid_from)) AS from_at
    FROM since
    JOIN turn ON turn.site = since.site AND turn.valid_until > since.from_at
    GROUP BY turn.device
)
INSERT INTO recompute (device, from_at)
SELECT wanted.device, wanted.from_at
FROM wanted
WHERE EXISTS (SELECT FROM groundwater_well AS well WHERE well.device = wanted.device)
   OR NOT EXISTS (
        SELECT FROM recompute AS waiting WHERE waiting.device = wanted.device AND waiting.from_at <= wanted.from_at
   )
ORDER BY wanted.device;

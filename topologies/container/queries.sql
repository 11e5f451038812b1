-- Facts of containers, and their rows of now. Staged times are microseconds since 1970.

-- create_staging --
CREATE TEMPORARY TABLE staged_fact (
    device text COLLATE "C", observed_at bigint, event_id uuid, distance_metres double precision, tilted boolean,
    device_temperature_celsius double precision, sensor_fill_ratio double precision, site text,
    fill_ratio double precision, held_ratio double precision, prior_ratio double precision, is_full boolean,
    since bigint, drop_at bigint, drop_ratio double precision, emptying_ratio double precision, emptied_at bigint,
    watched_since bigint, due_at bigint, trend jsonb, alarms jsonb, flags text[]
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE staged_now (
    device text COLLATE "C", partition integer, observed_at bigint, event_id uuid, site text,
    fill_ratio double precision, distance_metres double precision, tilted boolean, is_full boolean, since bigint,
    suspected_full boolean, device_temperature_celsius double precision, sensor_fill_ratio double precision,
    emptied_at bigint, due_at bigint, rate_per_day double precision, nearly_full_at bigint,
    nearly_full_earliest_at bigint, nearly_full_latest_at bigint, full_at bigint, full_earliest_at bigint,
    full_latest_at bigint, watched_since bigint, trend jsonb, alarms jsonb
) ON COMMIT DELETE ROWS;

-- stage_facts --
COPY staged_fact FROM STDIN;

-- store_facts --
-- A fact is replaced as a whole: it was folded anew from its own input.
INSERT INTO container_level (
    device, observed_at, event_id, distance_metres, tilted, device_temperature_celsius, sensor_fill_ratio, site,
    fill_ratio, held_ratio, prior_ratio, is_full, since, drop_at, drop_ratio, emptying_ratio, emptied_at,
    watched_since, due_at, trend, alarms, flags
)
SELECT
    device, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, distance_metres, tilted,
    device_temperature_celsius, sensor_fill_ratio, site, fill_ratio, held_ratio, prior_ratio, is_full,
    timestamptz 'epoch' + since * interval '1 microsecond', timestamptz 'epoch' + drop_at * interval '1 microsecond',
    drop_ratio, emptying_ratio, timestamptz 'epoch' + emptied_at * interval '1 microsecond',
    timestamptz 'epoch' + watched_since * interval '1 microsecond',
    timestamptz 'epoch' + due_at * interval '1 microsecond', trend, alarms, flags
FROM staged_fact
ON CONFLICT (device, observed_at) DO UPDATE SET
    event_id = excluded.event_id, distance_metres = excluded.distance_metres, tilted = excluded.tilted,
    device_temperature_celsius = excluded.device_temperature_celsius, sensor_fill_ratio = excluded.sensor_fill_ratio,
    site = excluded.site, fill_ratio = excluded.fill_ratio, held_ratio = excluded.held_ratio,
    prior_ratio = excluded.prior_ratio, is_full = excluded.is_full, since = excluded.since,
    drop_at = excluded.drop_at, drop_ratio = excluded.drop_ratio, emptying_ratio = excluded.emptying_ratio,
    emptied_at = excluded.emptied_at, watched_since = excluded.watched_since, due_at = excluded.due_at,
    trend = excluded.trend, alarms = excluded.alarms, flags = excluded.flags;

-- load_facts --
-- Of each device the facts from the last one before a time on. The points of a trend are in the row that changed them;
-- before the first fill of an assignment there are none.
SELECT
    fact.device, fact.observed_at, fact.event_id, fact.distance_metres, fact.tilted, fact.device_temperature_celsius,
    fact.sensor_fill_ratio, fact.site, fact.fill_ratio, fact.held_ratio, fact.prior_ratio, fact.is_full, fact.since,
    fact.drop_at, fact.drop_ratio, fact.emptying_ratio, fact.emptied_at, fact.watched_since, fact.due_at,
    CASE WHEN coalesce(fact.fill_ratio, fact.held_ratio) IS NOT NULL THEN (
        SELECT trend FROM container_level AS earlier
        WHERE earlier.device = fact.device AND earlier.observed_at <= fact.observed_at AND earlier.trend IS NOT NULL
        ORDER BY earlier.observed_at DESC
        LIMIT 1
    ) END AS trend,
    fact.alarms, fact.flags
FROM unnest(%(devices)s::text[], %(from)s::timestamptz[]) AS late (device, from_at)
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM container_level
    WHERE device = late.device AND observed_at < late.from_at
) AS before
JOIN container_level AS fact
    ON fact.device = late.device AND fact.observed_at >= coalesce(before.observed_at, late.from_at)
ORDER BY fact.device, fact.observed_at;

-- stage_now --
COPY staged_now FROM STDIN;

-- store_now --
INSERT INTO container (
    device, partition, observed_at, event_id, site, fill_ratio, distance_metres, tilted, is_full, since,
    suspected_full, device_temperature_celsius, sensor_fill_ratio, emptied_at, due_at, rate_per_day, nearly_full_at,
    nearly_full_earliest_at, nearly_full_latest_at, full_at, full_earliest_at, full_latest_at, watched_since, trend,
    alarms
)
SELECT
    device, partition, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, site, fill_ratio,
    distance_metres, tilted, is_full, timestamptz 'epoch' + since * interval '1 microsecond', suspected_full,
    device_temperature_celsius, sensor_fill_ratio, timestamptz 'epoch' + emptied_at * interval '1 microsecond',
    timestamptz 'epoch' + due_at * interval '1 microsecond', rate_per_day,
    timestamptz 'epoch' + nearly_full_at * interval '1 microsecond',
    timestamptz 'epoch' + nearly_full_earliest_at * interval '1 microsecond',
    timestamptz 'epoch' + nearly_full_latest_at * interval '1 microsecond',
    timestamptz 'epoch' + full_at * interval '1 microsecond',
    timestamptz 'epoch' + full_earliest_at * interval '1 microsecond',
    timestamptz 'epoch' + full_latest_at * interval '1 microsecond',
    timestamptz 'epoch' + watched_since * interval '1 microsecond', trend, alarms
FROM staged_now
ORDER BY device
ON CONFLICT (device) DO UPDATE SET
    partition = excluded.partition, observed_at = excluded.observed_at, event_id = excluded.event_id,
    site = excluded.site, fill_ratio = excluded.fill_ratio, distance_metres = excluded.distance_metres,
    tilted = excluded.tilted, is_full = excluded.is_full, since = excluded.since,
    suspected_full = excluded.suspected_full, device_temperature_celsius = excluded.device_temperature_celsius,
    sensor_fill_ratio = excluded.sensor_fill_ratio, emptied_at = excluded.emptied_at, due_at = excluded.due_at,
    rate_per_day = excluded.rate_per_day, nearly_full_at = excluded.nearly_full_at,
    nearly_full_earliest_at = excluded.nearly_full_earliest_at,
    nearly_full_latest_at = excluded.nearly_full_latest_at, full_at = excluded.full_at,
    full_earliest_at = excluded.full_earliest_at, full_latest_at = excluded.full_latest_at,
    watched_since = excluded.watched_since, trend = excluded.trend, alarms = excluded.alarms;

-- load_now --
-- What is shown, and the newest fact. Where retention has taken the fact, what is shown stands for it.
SELECT
    now.device, now.observed_at, now.event_id,
    CASE WHEN fact.device IS NULL THEN now.distance_metres ELSE fact.distance_metres END,
    CASE WHEN fact.device IS NULL THEN now.tilted ELSE fact.tilted END,
    CASE WHEN fact.device IS NULL THEN now.device_temperature_celsius ELSE fact.device_temperature_celsius END,
    CASE WHEN fact.device IS NULL THEN now.sensor_fill_ratio ELSE fact.sensor_fill_ratio END,
    CASE WHEN fact.device IS NULL THEN now.site ELSE fact.site END,
    fact.fill_ratio,
    CASE WHEN fact.device IS NULL THEN now.fill_ratio ELSE fact.held_ratio END,
    fact.prior_ratio,
    CASE WHEN fact.device IS NULL THEN now.is_full ELSE fact.is_full END,
    CASE WHEN fact.device IS NULL THEN now.since ELSE fact.since END,
    fact.drop_at,
    fact.drop_ratio,
    fact.emptying_ratio,
    CASE WHEN fact.device IS NULL THEN now.emptied_at ELSE fact.emptied_at END,
    CASE WHEN fact.device IS NULL THEN now.watched_since ELSE fact.watched_since END,
    CASE WHEN fact.device IS NULL THEN now.due_at ELSE fact.due_at END,
    now.trend,
    now.alarms,
    fact.flags,
    now.site, now.fill_ratio, now.distance_metres, now.tilted, now.is_full, now.since, now.suspected_full,
    now.device_temperature_celsius, now.sensor_fill_ratio, now.emptied_at, now.due_at, now.rate_per_day,
    now.nearly_full_at, now.nearly_full_earliest_at, now.nearly_full_latest_at, now.full_at, now.full_earliest_at,
    now.full_latest_at, now.partition AS number
FROM container AS now
LEFT JOIN container_level AS fact ON fact.device = now.device AND fact.observed_at = now.observed_at
WHERE now.partition = ANY(%(partitions)s);

-- load_recompute --
-- Requests for the devices of one partition: their sites have changed.
SELECT recompute.id, recompute.device, recompute.from_at
FROM recompute
JOIN container AS now ON now.device = recompute.device
WHERE now.partition = %(partition)s;

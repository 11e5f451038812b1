-- Facts of containers, and their rows of now.

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

-- Facts of water meters, and their rows of now.

-- load_facts --
-- Of each device the facts from the last one before a time on.
SELECT
    fact.device, fact.observed_at, fact.event_id, fact.volumes, fact.raised, fact.cleared, fact.site,
    fact.used_litres, fact.peak_litres_per_hour, fact.track, fact.found, fact.meter_alarms, fact.alarms, fact.flags
FROM unnest(%(devices)s::text[], %(from)s::timestamptz[]) AS late (device, from_at)
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM water_consumption
    WHERE device = late.device AND observed_at < late.from_at
) AS before
JOIN water_consumption AS fact
    ON fact.device = late.device AND fact.observed_at >= coalesce(before.observed_at, late.from_at)
ORDER BY fact.device, fact.observed_at;

-- load_now --
-- What is shown, and the newest fact. Where retention has taken the fact, its state is here, without what it was from.
SELECT
    now.device, now.observed_at, now.event_id, fact.volumes, fact.raised, fact.cleared,
    CASE WHEN fact.device IS NULL THEN now.site ELSE fact.site END,
    fact.used_litres,
    fact.peak_litres_per_hour,
    now.track,
    CASE WHEN fact.device IS NULL THEN now.found ELSE fact.found END,
    CASE WHEN fact.device IS NULL THEN now.meter_alarms ELSE fact.meter_alarms END,
    now.alarms,
    fact.flags,
    now.site, now.volume_litres, now.measured_at, now.flow_litres_per_hour, now.lowest_litres_per_hour,
    now.still_since, now.found, now.meter_alarms, now.partition AS number
FROM water_meter AS now
LEFT JOIN water_consumption AS fact ON fact.device = now.device AND fact.observed_at = now.observed_at
WHERE now.partition = ANY(%(partitions)s);

-- load_recompute --
-- Requests for the devices of one partition: their sites have changed.
SELECT recompute.id, recompute.device, recompute.from_at
FROM recompute
JOIN water_meter AS now ON now.device = recompute.device
WHERE now.partition = %(partition)s;

-- Facts of parking bays, and their rows of now.

-- load_facts --
-- Of each device the facts from the last one before a time on.
SELECT fact.device, fact.observed_at, fact.event_id, fact.reported, fact.heartbeat, fact.site, fact.zone,
    fact.occupied, fact.since, fact.earliest_at, fact.settles_at, fact.held, fact.held_since, fact.held_earliest_at,
    fact.silent_at, fact.overstay_at, fact.flags
FROM unnest(%(devices)s::text[], %(from)s::timestamptz[]) AS late (device, from_at)
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM parking_observation
    WHERE device = late.device AND observed_at < late.from_at
) AS before
JOIN parking_observation AS fact
    ON fact.device = late.device AND fact.observed_at >= coalesce(before.observed_at, late.from_at)
ORDER BY fact.device, fact.observed_at;

-- load_now --
-- What is shown, and the newest fact. Where retention has taken the fact, what is shown stands for it.
SELECT
    now.device, now.observed_at, now.event_id, fact.reported, fact.heartbeat,
    CASE WHEN fact.device IS NULL THEN now.site ELSE fact.site END,
    CASE WHEN fact.device IS NULL THEN now.zone ELSE fact.zone END,
    CASE WHEN fact.device IS NULL THEN now.occupied ELSE fact.occupied END,
    CASE WHEN fact.device IS NULL THEN now.since ELSE fact.since END,
    fact.earliest_at, fact.settles_at, fact.held, fact.held_since, fact.held_earliest_at, fact.silent_at,
    fact.overstay_at, fact.flags, now.site, now.zone, now.occupied, now.since, now.settled, now.partition AS number
FROM parking_bay AS now
LEFT JOIN parking_observation AS fact ON fact.device = now.device AND fact.observed_at = now.observed_at
WHERE now.partition = ANY(%(partitions)s);

-- load_recompute --
-- Requests for the devices of one partition: their sites have changed.
SELECT recompute.id, recompute.device, recompute.from_at
FROM recompute
JOIN parking_bay AS now ON now.device = recompute.device
WHERE now.partition = %(partition)s;

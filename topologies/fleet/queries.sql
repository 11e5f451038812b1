-- Signs of life of all devices, the minutes in which gateways heard any, and devices now.

-- store_beside --
-- A gateway's minutes are a set, so they may come in any order and from any partition; a new one is marked.
WITH heard AS (
    INSERT INTO fleet_heard (gateway, minute)
    SELECT gateway, timestamptz 'epoch' + number * interval '1 minute'
    FROM unnest(%(gateways)b::text[], %(minutes)b::bigint[]) AS told (gateway, number)
    ORDER BY gateway, number
    ON CONFLICT DO NOTHING
    RETURNING gateway, minute
)
INSERT INTO mark (what, subject, bucket)
SELECT 'fleet_gateway', gateway, min(minute) FROM heard GROUP BY gateway;

-- load_facts --
-- Of each device the facts from the last one before a time on.
SELECT
    fact.device, fact.observed_at, fact.event_id, fact.raw_offset, fact.event, fact.is_copy, fact.profile, fact.family,
    fact.gateways, fact.reported_ratio, fact.site, fact.known_family, fact.gaps, fact.interval_seconds, fact.due_at,
    fact.usual, fact.missed, fact.silent_from
FROM unnest(%(devices)s::text[], %(from)s::timestamptz[]) AS late (device, from_at)
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM fleet_frame
    WHERE device = late.device AND observed_at < late.from_at
) AS before
JOIN fleet_frame AS fact
    ON fact.device = late.device AND fact.observed_at >= coalesce(before.observed_at, late.from_at)
ORDER BY fact.device, fact.observed_at;

-- load_now --
SELECT
    device, observed_at, event_id, raw_offset, event, is_copy, profile, family, gateways, reported_ratio, fact_site,
    known_family, gaps, interval_seconds, due_at, usual, missed, silent_from, site, partition AS number
FROM fleet_device
WHERE partition = ANY(%(partitions)s);

-- load_recompute --
-- Requests for the devices of one partition: their sites have changed.
SELECT request.id, request.device, request.from_at
FROM fleet_recompute AS request
JOIN fleet_device AS now ON now.device = request.device
WHERE now.partition = %(partition)s;

-- delete_recompute --
-- A table of its own: the device's other topology deletes what it has taken.
DELETE FROM fleet_recompute WHERE id = ANY(%(ids)s);

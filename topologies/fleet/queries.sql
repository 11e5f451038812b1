-- Signs of life of all devices, the minutes in which gateways heard any, and devices now. Staged times are microseconds
-- since 1970.

-- create_staging --
CREATE TEMPORARY TABLE staged_fact (
    device text COLLATE "C", observed_at bigint, event_id uuid, raw_offset bigint, event text, is_copy boolean,
    profile text, family text, gateways text[], reported_ratio double precision, site text, known_family text,
    gaps integer[], interval_seconds integer, due_at bigint, usual text[], missed integer[], silent_from bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE staged_now (
    device text COLLATE "C", observed_at bigint, event_id uuid, raw_offset bigint, event text, is_copy boolean,
    profile text, family text, gateways text[], reported_ratio double precision, fact_site text, known_family text,
    gaps integer[], interval_seconds integer, due_at bigint, usual text[], missed integer[], silent_from bigint,
    site text, partition integer
) ON COMMIT DELETE ROWS;

-- stage_facts --
COPY staged_fact FROM STDIN;

-- store_facts --
-- A fact is replaced as a whole: it was folded anew from its own input. A gateway's minutes are a set, so they may come
-- in any order and from any partition; a new one is marked. Sorted, since partitions write the same minutes.
WITH stored AS (
    INSERT INTO fleet_frame (
        device, observed_at, event_id, raw_offset, event, is_copy, profile, family, gateways, reported_ratio, site,
        known_family, gaps, interval_seconds, due_at, usual, missed, silent_from
    )
    SELECT
        device, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, raw_offset, event, is_copy,
        profile, family, gateways, reported_ratio, site, known_family, gaps, interval_seconds,
        timestamptz 'epoch' + due_at * interval '1 microsecond', usual, missed,
        timestamptz 'epoch' + silent_from * interval '1 microsecond'
    FROM staged_fact
    ON CONFLICT (device, observed_at) DO UPDATE SET
        event_id = excluded.event_id, raw_offset = excluded.raw_offset, event = excluded.event,
        is_copy = excluded.is_copy, profile = excluded.profile, family = excluded.family,
        gateways = excluded.gateways, reported_ratio = excluded.reported_ratio, site = excluded.site,
        known_family = excluded.known_family, gaps = excluded.gaps, interval_seconds = excluded.interval_seconds,
        due_at = excluded.due_at, usual = excluded.usual, missed = excluded.missed, silent_from = excluded.silent_from
), heard AS (
    INSERT INTO fleet_heard (gateway, minute)
    SELECT gateway, timestamptz 'epoch' + number * interval '1 minute'
    FROM (SELECT DISTINCT unnest(gateways) AS gateway, observed_at / 60000000 AS number FROM staged_fact) AS minutes
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

-- stage_now --
COPY staged_now FROM STDIN;

-- store_now --
INSERT INTO fleet_device (
    device, observed_at, event_id, raw_offset, event, is_copy, profile, family, gateways, reported_ratio, fact_site,
    known_family, gaps, interval_seconds, due_at, usual, missed, silent_from, site, partition
)
SELECT
    device, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, raw_offset, event, is_copy, profile,
    family, gateways, reported_ratio, fact_site, known_family, gaps, interval_seconds,
    timestamptz 'epoch' + due_at * interval '1 microsecond', usual, missed,
    timestamptz 'epoch' + silent_from * interval '1 microsecond', site, partition
FROM staged_now
ORDER BY device
ON CONFLICT (device) DO UPDATE SET
    observed_at = excluded.observed_at, event_id = excluded.event_id, raw_offset = excluded.raw_offset,
    event = excluded.event, is_copy = excluded.is_copy, profile = excluded.profile, family = excluded.family,
    gateways = excluded.gateways, reported_ratio = excluded.reported_ratio, fact_site = excluded.fact_site,
    known_family = excluded.known_family, gaps = excluded.gaps, interval_seconds = excluded.interval_seconds,
    due_at = excluded.due_at, usual = excluded.usual, missed = excluded.missed, silent_from = excluded.silent_from,
    site = excluded.site, partition = excluded.partition;

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

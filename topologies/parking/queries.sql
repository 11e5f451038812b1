-- Facts of parking bays, and their rows of now. Staged times are microseconds since 1970.

-- create_staging --
CREATE TEMPORARY TABLE staged_fact (
    device text COLLATE "C", observed_at bigint, event_id uuid, reported boolean, heartbeat boolean, site text,
    zone text, occupied boolean, since bigint, earliest_at bigint, settles_at bigint, held boolean, held_since bigint,
    held_earliest_at bigint, silent_at bigint, overstay_at bigint, flags text[]
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE staged_now (
    device text COLLATE "C", partition integer, observed_at bigint, event_id uuid, site text, zone text,
    occupied boolean, since bigint, settled boolean
) ON COMMIT DELETE ROWS;

-- stage_facts --
COPY staged_fact FROM STDIN;

-- store_facts --
-- A fact is replaced as a whole: it was folded anew from its own input.
INSERT INTO parking_observation (
    device, observed_at, event_id, reported, heartbeat, site, zone, occupied, since, earliest_at, settles_at, held,
    held_since, held_earliest_at, silent_at, overstay_at, flags
)
SELECT
    device, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, reported, heartbeat, site, zone,
    occupied, timestamptz 'epoch' + since * interval '1 microsecond',
    timestamptz 'epoch' + earliest_at * interval '1 microsecond',
    timestamptz 'epoch' + settles_at * interval '1 microsecond', held,
    timestamptz 'epoch' + held_since * interval '1 microsecond',
    timestamptz 'epoch' + held_earliest_at * interval '1 microsecond',
    timestamptz 'epoch' + silent_at * interval '1 microsecond',
    timestamptz 'epoch' + overstay_at * interval '1 microsecond', flags
FROM staged_fact
ON CONFLICT (device, observed_at) DO UPDATE SET
    event_id = excluded.event_id, reported = excluded.reported, heartbeat = excluded.heartbeat, site = excluded.site,
    zone = excluded.zone, occupied = excluded.occupied, since = excluded.since, earliest_at = excluded.earliest_at,
    settles_at = excluded.settles_at, held = excluded.held, held_since = excluded.held_since,
    held_earliest_at = excluded.held_earliest_at, silent_at = excluded.silent_at, overstay_at = excluded.overstay_at,
    flags = excluded.flags;

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

-- stage_now --
COPY staged_now FROM STDIN;

-- store_now --
INSERT INTO parking_bay (device, partition, observed_at, event_id, site, zone, occupied, since, settled)
SELECT
    device, partition, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, site, zone, occupied,
    timestamptz 'epoch' + since * interval '1 microsecond', settled
FROM staged_now
ORDER BY device
ON CONFLICT (device) DO UPDATE SET
    partition = excluded.partition, observed_at = excluded.observed_at, event_id = excluded.event_id,
    site = excluded.site, zone = excluded.zone, occupied = excluded.occupied, since = excluded.since,
    settled = excluded.settled;

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

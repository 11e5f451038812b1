-- Marks and zones.

-- lock_derive --
-- One active writer; whoever does not get it waits, and takes over when the other's session ends.
SELECT pg_try_advisory_lock(hashtext(current_schema() || '.derive'));

-- sites_version --
-- Changes whenever another set of sites and assignments holds.
SELECT concat_ws('/',
    (SELECT count(*) || ',' || coalesce(max(stored_at)::text, '') FROM site WHERE valid_from <= %(as_of)s),
    (SELECT count(*) || ',' || coalesce(max(stored_at)::text, '') FROM assignment WHERE valid_from <= %(as_of)s)
);

-- as_of --
-- How far time has come in the stream of bays. The furthest partition counts: a bay's own worker marks its zone when
-- its own time passes the end of its assignment, and what holds by then must not look as if it were still to come.
SELECT coalesce(max(as_of), now()) FROM ledger WHERE consumer = 'topology-parking';

-- complete --
-- Up to when all partitions of a stage are complete; null while one has not begun to tell.
SELECT CASE WHEN bool_and(as_of IS NOT NULL) THEN min(as_of) END FROM ledger WHERE consumer = %(stage)s;

-- mark_all_zones --
-- After sites have changed: also the bays that nobody has heard of yet are counted.
INSERT INTO mark (what, subject)
SELECT 'parking_zone', zone
FROM (SELECT "group" AS zone FROM site WHERE family = 'parking' UNION SELECT zone FROM parking_zone) AS zones
WHERE zone <> ''
ORDER BY zone;

-- read_marks --
-- The state now is at the end of time: no driver reads the beginning.
SELECT id, subject, CASE WHEN bucket = '-infinity' THEN timestamptz '9999-01-01 00:00+00' ELSE bucket END
FROM mark
WHERE what = %(what)s
ORDER BY id
LIMIT %(most)s;

-- delete_marks --
DELETE FROM mark WHERE id = ANY(%(ids)s);

-- recompute_zones --
-- Count the bays of zones anew from the sites that are assigned and what is known of their bays; keep what has changed.
-- A zone that has no bay any more is deleted and returned.
WITH wanted AS (
    SELECT unnest(%(zones)s::text[]) AS zone
), sites AS (
    -- A site's version that holds, or its first where none holds yet.
    SELECT DISTINCT ON (site) site, "group" AS zone, class
    FROM site
    WHERE family = 'parking'
    ORDER BY site, valid_from <= %(as_of)s DESC, abs(extract(epoch FROM valid_from - %(as_of)s))
), assigned AS (
    SELECT DISTINCT ON (device) device, site
    FROM assignment
    WHERE valid_from <= %(as_of)s
    ORDER BY device, valid_from DESC
), bays AS (
    -- A site with two devices is one bay: the one that changed last speaks for it.
    SELECT DISTINCT ON (sites.site) sites.site, sites.zone, bay.occupied, bay.since
    FROM sites
    JOIN wanted USING (zone)
    JOIN assigned USING (site)
    LEFT JOIN parking_bay AS bay ON bay.device = assigned.device AND bay.site = sites.site
    -- A bay that is somebody's own is nobody else's free bay, and a count would tell of it.
    WHERE sites.class <> 'personal'
    ORDER BY sites.site, bay.since DESC NULLS LAST, bay.device
), counted AS (
    SELECT
        wanted.zone,
        count(bays.site)::integer AS bays,
        count(*) FILTER (WHERE bays.occupied)::integer AS occupied,
        count(*) FILTER (WHERE NOT bays.occupied)::integer AS free,
        count(bays.site) FILTER (WHERE bays.occupied IS NULL)::integer AS unknown,
        max(bays.since) AS changed_at
    FROM wanted
    LEFT JOIN bays USING (zone)
    GROUP BY wanted.zone
), gone AS (
    DELETE FROM parking_zone AS kept
    USING counted
    WHERE kept.zone = counted.zone AND counted.bays = 0
    RETURNING kept.zone, kept.changed_at
), stored AS (
    INSERT INTO parking_zone AS kept (zone, bays, occupied, free, unknown, changed_at)
    SELECT zone, bays, occupied, free, unknown, changed_at
    FROM counted
    WHERE bays > 0
    ORDER BY zone
    ON CONFLICT (zone) DO UPDATE SET
        bays = excluded.bays, occupied = excluded.occupied, free = excluded.free, unknown = excluded.unknown,
        changed_at = excluded.changed_at
    WHERE (kept.bays, kept.occupied, kept.free, kept.unknown, kept.changed_at)
        IS DISTINCT FROM (excluded.bays, excluded.occupied, excluded.free, excluded.unknown, excluded.changed_at)
)
SELECT zone, changed_at FROM gone ORDER BY zone;

-- tell_zones --
-- The zones whose counts are others than was told last, where that is long enough ago.
WITH due AS (
    SELECT zone
    FROM parking_zone
    WHERE told IS DISTINCT FROM ARRAY[bays, occupied, free, unknown]
      AND (told_at IS NULL OR told_at <= now() - %(seconds)s * interval '1 second')
    ORDER BY zone
    FOR UPDATE
), told AS (
    UPDATE parking_zone AS kept
    SET told = ARRAY[bays, occupied, free, unknown], told_at = now()
    FROM due
    WHERE kept.zone = due.zone
    RETURNING kept.zone, bays, occupied, free, unknown, changed_at
)
SELECT zone, bays, occupied, free, unknown, changed_at FROM told ORDER BY zone;

-- keep_hours --
-- A recomputation that changes nothing writes nothing; an hour that has lost its readings is deleted.
WITH counted AS (
    SELECT unnest(%(families)s::text[]) AS family, unnest(%(buckets)s::timestamptz[]) AS bucket,
           unnest(%(readings)s::integer[]) AS readings, unnest(%(devices)s::integer[]) AS devices
), gone AS (
    DELETE FROM reading_hour AS kept USING counted
    WHERE kept.family = counted.family AND kept.bucket = counted.bucket AND counted.readings = 0
)
INSERT INTO reading_hour AS kept (family, bucket, readings, devices)
SELECT family, bucket, readings, devices FROM counted WHERE readings > 0 ORDER BY family, bucket
ON CONFLICT (family, bucket) DO UPDATE SET readings = excluded.readings, devices = excluded.devices
WHERE (kept.readings, kept.devices) IS DISTINCT FROM (excluded.readings, excluded.devices);

-- recompute_emptyings --
-- Hold what is kept of devices against what their facts say now; keep and return what differs. Facts are whole from
-- a time on: what was confirmed earlier stays as it is.
WITH wanted AS (
    SELECT unnest(%(devices)s::text[]) AS device
), found AS (
    SELECT fact.device, fact.emptied_at, fact.site, fact.emptying_ratio, fact.observed_at AS confirmed_at, fact.event_id
    FROM container_level AS fact
    JOIN wanted USING (device)
    WHERE fact.emptying_ratio IS NOT NULL AND fact.observed_at >= %(whole_from)s
), gone AS (
    DELETE FROM container_emptying AS kept
    USING wanted
    WHERE kept.device = wanted.device AND kept.confirmed_at >= %(whole_from)s
      AND NOT EXISTS (SELECT FROM found WHERE found.device = kept.device AND found.emptied_at = kept.emptied_at)
    RETURNING kept.device, kept.emptied_at, kept.site, kept.emptying_ratio
), stored AS (
    INSERT INTO container_emptying AS kept (device, emptied_at, site, emptying_ratio, confirmed_at, event_id)
    SELECT device, emptied_at, site, emptying_ratio, confirmed_at, event_id
    FROM found
    ORDER BY device, emptied_at
    ON CONFLICT (device, emptied_at) DO UPDATE SET
        site = excluded.site, emptying_ratio = excluded.emptying_ratio, confirmed_at = excluded.confirmed_at,
        event_id = excluded.event_id
    WHERE (kept.site, kept.emptying_ratio, kept.confirmed_at, kept.event_id)
        IS DISTINCT FROM (excluded.site, excluded.emptying_ratio, excluded.confirmed_at, excluded.event_id)
    RETURNING kept.device, kept.emptied_at, kept.site, kept.emptying_ratio
)
SELECT device, emptied_at, site, emptying_ratio, false AS withdrawn FROM stored
UNION ALL
SELECT device, emptied_at, site, emptying_ratio, true FROM gone
ORDER BY emptied_at, device;

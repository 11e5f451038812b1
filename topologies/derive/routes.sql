-- The lists of containers to be emptied.

-- first_fact --
SELECT min(first.observed_at)
FROM container
CROSS JOIN LATERAL (
    SELECT observed_at FROM container_level WHERE device = container.device ORDER BY observed_at LIMIT 1
) AS first;

-- made_days --
-- The first and the last round whose lists were made.
SELECT min(begins_at), max(begins_at) FROM container_route_day;

-- read_marks --
-- With the lists that were made already and that a fact of the marked hour may stand in: until the device spoke again.
SELECT mark.id, mark.bucket, ARRAY(
    SELECT day.begins_at
    FROM container_route_day AS day
    WHERE day.begins_at > mark.bucket AND day.begins_at >= %(whole_from)s AND day.begins_at <= coalesce(
        (
            SELECT observed_at FROM container_level
            WHERE device = mark.subject AND observed_at >= mark.bucket + interval '1 hour'
            ORDER BY observed_at
            LIMIT 1
        ),
        'infinity'
    )
)
FROM mark
WHERE what = 'container_route'
ORDER BY id
LIMIT %(most)s;

-- known_before --
-- Of each device the last fact before a time. The points of a trend are in the row that changed them.
SELECT
    fact.device, fact.observed_at, coalesce(fact.fill_ratio, fact.held_ratio), fact.is_full, fact.due_at,
    CASE WHEN coalesce(fact.fill_ratio, fact.held_ratio) IS NOT NULL THEN (
        SELECT trend FROM container_level AS earlier
        WHERE earlier.device = fact.device AND earlier.observed_at <= fact.observed_at AND earlier.trend IS NOT NULL
        ORDER BY earlier.observed_at DESC
        LIMIT 1
    ) END,
    fact.alarms, fact.flags
FROM container
CROSS JOIN LATERAL (
    SELECT * FROM container_level
    WHERE device = container.device AND observed_at < %(begins_at)s
    ORDER BY observed_at DESC
    LIMIT 1
) AS fact
ORDER BY fact.device;

-- read_stops --
SELECT material, site, name, "group", device, reason, fill_ratio, full_at, full_earliest_at, full_latest_at, due_at,
    observed_at
FROM container_route_stop
WHERE day = %(day)s
ORDER BY material, position;

-- read_revisions --
SELECT material, revision FROM container_route WHERE day = %(day)s;

-- store_day --
INSERT INTO container_route_day (day, begins_at) VALUES (%(day)s, %(begins_at)s) ON CONFLICT (day) DO NOTHING;

-- delete_routes --
DELETE FROM container_route WHERE day = %(day)s;

-- delete_stops --
DELETE FROM container_route_stop WHERE day = %(day)s;

-- store_route --
INSERT INTO container_route (day, begins_at, material, revision, to_empty, can_wait)
VALUES (%(day)s, %(begins_at)s, %(material)s, %(revision)s, %(to_empty)s, %(can_wait)s);

-- store_stop --
INSERT INTO container_route_stop (
    day, begins_at, material, position, site, name, "group", device, reason, fill_ratio, full_at, full_earliest_at,
    full_latest_at, due_at, observed_at
)
VALUES (
    %(day)s, %(begins_at)s, %(material)s, %(position)s, %(site)s, %(name)s, %(group)s, %(device)s, %(reason)s,
    %(fill_ratio)s, %(full)s, %(full_earliest)s, %(full_latest)s, %(due)s, %(observed)s
);

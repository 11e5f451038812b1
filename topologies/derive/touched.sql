-- Roll-ups of one family: which marks there are, and what they touch. {names} in braces are filled in from the family's
-- quantities: {readings} its wide table, {measured} its columns as rows (quantity, kind, value), {picked} the column that
-- a series of samples is about. A LATERAL with OFFSET 0 is a loop over the index of device and time, whatever the planner
-- thinks of the loop's size.

-- stage --
-- Live as long as the connection and are empty after each transaction. A series (device, channel, quantity) has a number
-- there: the work is sorting and joining by it. A resolution is called by its minutes.
CREATE TEMPORARY TABLE IF NOT EXISTS touched_series (
    series integer, device text COLLATE "C", channel integer, quantity text COLLATE "C", kind text COLLATE "C",
    from_at timestamptz, until_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS touched_bucket (
    series integer, minutes integer, begins_at timestamptz, ends_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS recomputed (
    series integer, minutes integer, bucket timestamptz, samples integer, minimum double precision,
    mean double precision, maximum double precision, first double precision, last double precision,
    total double precision, resets integer, true_ratio double precision, known_seconds double precision,
    changes integer
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS lost_bucket (
    device text COLLATE "C", channel integer, quantity text, minutes integer, bucket timestamptz
) ON COMMIT DELETE ROWS;

-- knows_zone --
SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %(zone)s);

-- read_marks --
-- By device and time, so that what lies side by side is recomputed at once; the caller goes round.
SELECT device, bucket, id
FROM rollup_mark
WHERE family = %(family)s AND minutes = %(minutes)s AND (device, bucket, id) > (%(device)s, %(bucket)s, %(id)s)
ORDER BY device, bucket, id
LIMIT %(most)s;

-- delete_marks --
-- Exactly those that were read: one that came since has another id.
DELETE FROM rollup_mark AS mark
USING unnest(%(devices)s::text[], %(buckets)s::timestamptz[], %(ids)s::bigint[]) AS done (device, bucket, id)
WHERE mark.family = %(family)s AND mark.minutes = %(minutes)s AND mark.device = done.device
  AND mark.bucket = done.bucket AND mark.id = done.id;

-- touch --
-- What was measured in the marked hours, and what was rolled up of them before: it may have gone. Of a day its hours
-- know what was measured. Those without a gap between them are taken as one.
INSERT INTO touched_series
WITH apart AS (
    SELECT DISTINCT mark.device COLLATE "C" AS device, bucket.begins_at, bucket.ends_at
    FROM unnest(%(devices)s::text[], %(buckets)s::timestamptz[]) AS mark (device, bucket)
    CROSS JOIN LATERAL rollup_buckets(mark.bucket, mark.bucket, %(zone)s) AS bucket
    WHERE bucket.minutes = %(minutes)s
), marked AS (
    SELECT device, min(begins_at) AS from_at, max(ends_at) AS until_at
    FROM (
        SELECT *, count(*) FILTER (WHERE is_first) OVER (PARTITION BY device ORDER BY begins_at) AS span
        FROM (
            SELECT *, begins_at IS DISTINCT FROM lag(ends_at) OVER (PARTITION BY device ORDER BY begins_at) AS is_first
            FROM apart
        ) AS beside
    ) AS numbered
    GROUP BY device, span
), touched AS (
    SELECT marked.device, reading.channel, measured.quantity COLLATE "C" AS quantity, measured.kind, marked.from_at,
        marked.until_at
    FROM marked
    CROSS JOIN LATERAL (
        SELECT * FROM {readings} AS kept
        WHERE %(minutes)s = 60 AND kept.device = marked.device
          AND kept.observed_at >= marked.from_at AND kept.observed_at < marked.until_at
          AND kept.observed_at >= %(begin)s AND kept.observed_at < %(end)s
        OFFSET 0
    ) AS reading
    CROSS JOIN LATERAL (VALUES {measured}) AS measured (quantity, kind, value)
    WHERE measured.value IS NOT NULL
    UNION
    SELECT marked.device, known.channel, known.quantity COLLATE "C", quantity.kind, marked.from_at, marked.until_at
    FROM marked
    CROSS JOIN LATERAL (
        (
            SELECT kept.channel, kept.quantity FROM rollup_hour AS kept
            WHERE kept.device = marked.device AND kept.family = %(family)s
              AND kept.bucket >= marked.from_at AND kept.bucket < marked.until_at
              AND kept.bucket >= %(begin)s AND kept.bucket < %(end)s
        )
        UNION
        (
            SELECT kept.channel, kept.quantity FROM rollup_day AS kept
            WHERE kept.device = marked.device AND kept.family = %(family)s
              AND kept.bucket >= marked.from_at AND kept.bucket < marked.until_at
              AND kept.bucket >= %(begin)s AND kept.bucket < %(end)s
        )
        OFFSET 0
    ) AS known
    JOIN unnest(%(quantities)s::text[], %(kinds)s::text[]) AS quantity (name, kind) ON quantity.name = known.quantity
)
SELECT dense_rank() OVER (ORDER BY device, channel, quantity), device, channel, quantity, kind, from_at, until_at
FROM touched;

-- reach --
-- All buckets that the touched hours bear on: their own; those of a state from the sample before to the sample after;
-- that of a counter's next sample, in which its increase is counted.
INSERT INTO touched_bucket
SELECT DISTINCT touched.series, bucket.minutes, bucket.begins_at, bucket.ends_at
FROM touched_series AS touched
LEFT JOIN LATERAL (
    SELECT reading.observed_at AS at
    FROM {readings} AS reading
    WHERE touched.kind = 'state'
      AND reading.device = touched.device AND reading.channel = touched.channel
      AND reading.observed_at < touched.from_at
      AND reading.observed_at >= touched.from_at - %(state_gap)s
      AND reading.observed_at >= %(begin)s AND reading.observed_at < %(end)s
      AND {picked} IS NOT NULL
    ORDER BY reading.observed_at DESC
    LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
    SELECT reading.observed_at AS at
    FROM {readings} AS reading
    WHERE touched.kind IN ('state', 'counter')
      AND reading.device = touched.device AND reading.channel = touched.channel
      AND reading.observed_at >= touched.until_at
      AND reading.observed_at <
          touched.until_at + CASE touched.kind WHEN 'state' THEN %(state_gap)s ELSE %(counter_gap)s END
      AND reading.observed_at >= %(begin)s AND reading.observed_at < %(end)s
      AND {picked} IS NOT NULL
    ORDER BY reading.observed_at
    LIMIT 1
) AS after ON true
CROSS JOIN LATERAL (
    SELECT coalesce(before.at, touched.from_at),
        CASE WHEN touched.kind = 'state' AND after.at IS NOT NULL
             THEN after.at ELSE touched.until_at - interval '1 microsecond' END
    UNION ALL
    SELECT after.at, after.at WHERE touched.kind = 'counter' AND after.at IS NOT NULL
) AS span (first_at, last_at)
CROSS JOIN LATERAL rollup_buckets(span.first_at, span.last_at, %(zone)s) AS bucket;

-- mark_days --
-- The days are done when their hours are: a device speaks a hundred times a day.
WITH touched AS (
    DELETE FROM touched_bucket WHERE minutes = 1440 RETURNING series, begins_at
), days AS (
    SELECT DISTINCT series.device, touched.begins_at FROM touched JOIN touched_series AS series USING (series)
)
INSERT INTO rollup_mark (family, minutes, device, bucket)
SELECT %(family)s, 1440, days.device, days.begins_at
FROM days
WHERE NOT EXISTS (
    SELECT FROM rollup_mark AS mark
    WHERE mark.family = %(family)s AND mark.minutes = 1440 AND mark.device = days.device
      AND mark.bucket = days.begins_at
)
ORDER BY days.device, days.begins_at;

-- reach_days --
-- The touched days themselves: whatever an hour bears on was marked with it.
INSERT INTO touched_bucket
SELECT DISTINCT touched.series, bucket.minutes, bucket.begins_at, bucket.ends_at
FROM touched_series AS touched
CROSS JOIN LATERAL rollup_buckets(
    touched.from_at, touched.until_at - interval '1 microsecond', %(zone)s
) AS bucket
WHERE bucket.minutes = 1440;

-- touched_quantities --
SELECT DISTINCT quantity FROM touched_series;

-- extent --
SELECT min(begins_at), max(ends_at) FROM touched_bucket;

-- join_by_hash --
-- The planner knows nothing of tables that live for one transaction, and its loops would be squares. Until the
-- transaction ends or `join_freely`; a LATERAL is looped over all the same.
SET LOCAL enable_nestloop = off;

-- join_freely --
SET LOCAL enable_nestloop = on;

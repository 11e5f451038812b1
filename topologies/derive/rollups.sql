-- Roll-ups of one family. {names} in braces are filled in from its quantities: {readings} its wide table, {measured} its
-- columns as rows (quantity, kind, value), {connected} those of them of which a sample says something about the time
-- since the one before it (counters, states), {picked} the column that a series of samples is about. A series is a
-- device, a channel and a quantity. A LATERAL with OFFSET 0 is a loop over the index of device and time, whatever the
-- planner thinks of its size; begin and end, as values, tell it which chunks it can leave out.

-- knows_zone --
-- Days are put together from hours of UTC, so they have to begin with one.
SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %(zone)s AND extract(minute FROM utc_offset) = 0);

-- read_marks --
-- By device and time, so that what lies side by side is recomputed at once; the caller goes round.
SELECT family, device, bucket, array_agg(id)
FROM rollup_mark
WHERE minutes = %(minutes)s AND (family, device, bucket) > (%(family)s, %(device)s, %(bucket)s)
GROUP BY family, device, bucket
ORDER BY family, device, bucket
LIMIT %(most)s;

-- delete_marks --
-- Exactly those that were read: one that came since has another id.
DELETE FROM rollup_mark
WHERE minutes = %(minutes)s
  AND (family, device, bucket) >= (%(from_family)s, %(from_device)s, %(from_bucket)s)
  AND (family, device, bucket) <= (%(family)s, %(device)s, %(bucket)s)
  AND id = ANY(%(ids)s::bigint[]);

-- mark_days --
INSERT INTO rollup_mark (minutes, family, device, bucket)
SELECT 1440, %(family)s, day.device, day.bucket
FROM (
    SELECT DISTINCT device, date_trunc('day', bucket, %(zone)s) AS bucket
    FROM unnest(%(devices)s::text[], %(buckets)s::timestamptz[]) AS hour (device, bucket)
) AS day
LEFT JOIN LATERAL (
    SELECT true AS is_marked FROM rollup_mark AS mark
    WHERE mark.minutes = 1440 AND mark.family = %(family)s AND mark.device = day.device AND mark.bucket = day.bucket
    LIMIT 1
) AS mark ON true
WHERE is_marked IS NULL
ORDER BY day.device, day.bucket;

-- reach --
-- The quarters with the next sample of each counter and state that has, or had, samples in the marked quarters: that
-- sample tells what happened since the one before it. A live reading has nothing behind it, which is found out first.
WITH followed AS MATERIALIZED (
    SELECT marked.device, marked.begins_at, marked.begins_at + interval '15 minutes' AS ends_at
    FROM unnest(%(devices)s::text[], %(buckets)s::timestamptz[]) AS marked (device, begins_at)
    CROSS JOIN LATERAL (
        SELECT FROM {readings} AS reading
        WHERE reading.device = marked.device
          AND reading.observed_at >= marked.begins_at + interval '15 minutes'
          AND reading.observed_at >= %(begin)s AND reading.observed_at < %(end)s
        LIMIT 1
    ) AS later
), series AS (
    SELECT followed.device, followed.ends_at, reading.channel, measured.quantity, measured.kind
    FROM followed
    CROSS JOIN LATERAL (
        SELECT * FROM {readings} AS reading
        WHERE reading.device = followed.device
          AND reading.observed_at >= followed.begins_at AND reading.observed_at < followed.ends_at
          AND reading.observed_at >= %(begin)s AND reading.observed_at < %(end)s
        OFFSET 0
    ) AS reading
    CROSS JOIN LATERAL (VALUES {connected}) AS measured (quantity, kind, value)
    WHERE measured.value IS NOT NULL
    UNION
    SELECT followed.device, followed.ends_at, kept.channel, kept.quantity, known.kind
    FROM followed
    CROSS JOIN LATERAL (
        SELECT channel, quantity FROM rollup_quarter_hour AS kept
        WHERE kept.device = followed.device AND kept.bucket = followed.begins_at AND kept.family = %(family)s
          AND kept.bucket >= %(begin)s AND kept.bucket < %(end)s
        OFFSET 0
    ) AS kept
    JOIN unnest(%(quantities)s::text[], %(kinds)s::text[]) AS known (quantity, kind) ON known.quantity = kept.quantity
    WHERE known.kind IN ('counter', 'state')
)
SELECT DISTINCT series.device, date_bin('15 minutes', next.at, 'epoch')
FROM series
CROSS JOIN LATERAL (
    SELECT reading.observed_at AS at
    FROM {readings} AS reading
    WHERE reading.device = series.device AND reading.channel = series.channel
      AND reading.observed_at >= series.ends_at
      AND reading.observed_at < series.ends_at + CASE series.kind WHEN 'state' THEN %(state_gap)s ELSE %(counter_gap)s END
      AND reading.observed_at >= %(begin)s AND reading.observed_at < %(end)s
      AND {picked} IS NOT NULL
    ORDER BY reading.observed_at
    LIMIT 1
) AS next;

-- roll_up --
-- Quarters of an hour from the readings in them. The sample before is looked for in the row before first, which mostly
-- has it; sums are made in the order of time, so that equal samples give equal sums to the last bit.
WITH whole AS MATERIALIZED (
    SELECT device COLLATE "C" AS device, begins_at, begins_at + interval '15 minutes' AS ends_at
    FROM unnest(%(devices)s::text[], %(buckets)s::timestamptz[]) AS marked (device, begins_at)
), sample AS MATERIALIZED (
    SELECT whole.device, reading.channel, measured.quantity COLLATE "C" AS quantity, measured.kind,
        whole.begins_at, reading.observed_at AS at, measured.value, true AS is_inside
    FROM whole
    CROSS JOIN LATERAL (
        SELECT * FROM {readings} AS reading
        WHERE reading.device = whole.device
          AND reading.observed_at >= whole.begins_at AND reading.observed_at < whole.ends_at
          AND reading.observed_at >= %(begin)s AND reading.observed_at < %(end)s
        OFFSET 0
    ) AS reading
    CROSS JOIN LATERAL (VALUES {measured}) AS measured (quantity, kind, value)
    WHERE measured.value IS NOT NULL
), row_before AS (
    SELECT inside.device, reading.channel, measured.quantity COLLATE "C", measured.kind, inside.begins_at,
        reading.observed_at, measured.value, false
    FROM (SELECT DISTINCT device, channel, begins_at FROM sample WHERE kind IN ('counter', 'state')) AS inside
    CROSS JOIN LATERAL (
        SELECT * FROM {readings} AS reading
        WHERE reading.device = inside.device AND reading.channel = inside.channel
          AND reading.observed_at < inside.begins_at
          AND reading.observed_at >= %(before)s AND reading.observed_at < %(end)s
        ORDER BY reading.observed_at DESC
        LIMIT 1
    ) AS reading
    CROSS JOIN LATERAL (VALUES {connected}) AS measured (quantity, kind, value)
    WHERE measured.value IS NOT NULL
), beside AS (
    SELECT *, lag(at) OVER one AS before_at, lag(value) OVER one AS before
    FROM (SELECT * FROM sample UNION ALL SELECT * FROM row_before) AS samples
    WINDOW one AS (PARTITION BY device, channel, quantity, begins_at ORDER BY at)
), connected AS (
    SELECT series.device, series.channel, series.quantity, series.kind, series.begins_at, series.at, series.value,
        coalesce(series.before_at, earlier.at) AS before_at, coalesce(series.before, earlier.value) AS before,
        CASE series.kind WHEN 'state' THEN %(state_gap)s ELSE %(counter_gap)s END AS gap
    FROM beside AS series
    LEFT JOIN LATERAL (
        SELECT reading.observed_at AS at, {picked} AS value
        FROM {readings} AS reading
        WHERE series.before_at IS NULL AND series.kind IN ('counter', 'state')
          AND reading.device = series.device AND reading.channel = series.channel
          AND reading.observed_at < series.begins_at
          AND reading.observed_at >= series.at - CASE series.kind WHEN 'state' THEN %(state_gap)s ELSE %(counter_gap)s END
          AND reading.observed_at >= %(before)s AND reading.observed_at < %(end)s
          AND {picked} IS NOT NULL
        ORDER BY reading.observed_at DESC
        LIMIT 1
    ) AS earlier ON true
    WHERE series.is_inside
), fallen AS (
    -- A counter that falls from the last hundredth of a usual end into the first one has rolled over.
    SELECT device, channel, quantity, kind, begins_at, at, value, before_at, before,
        CASE WHEN kind = 'counter' AND value < before THEN (
            SELECT min(ends.length)
            FROM unnest(ARRAY[65536, 16777216, 4294967296, 1e5, 1e6, 1e7, 1e8, 1e9]::double precision[]) AS ends (length)
            WHERE before >= 0.99 * ends.length AND before < ends.length AND value < 0.01 * ends.length
        ) END AS rolled_over
    FROM (
        SELECT device, channel, quantity, kind, begins_at, at, value,
            CASE WHEN before_at >= at - gap AND kind IN ('counter', 'state') THEN before_at END AS before_at,
            CASE WHEN before_at >= at - gap AND kind IN ('counter', 'state') THEN before END AS before
        FROM connected
    ) AS near
), steps AS (
    -- Else, by less than a hundredth it was corrected, or ran backwards; by more it began again at 0.
    SELECT *,
        CASE
            WHEN kind IN ('amount', 'event') THEN value
            WHEN kind <> 'counter' OR before IS NULL THEN NULL
            WHEN rolled_over IS NOT NULL THEN value - before + rolled_over
            WHEN value > before * 0.99 OR value >= before THEN value - before
            ELSE value
        END AS increase,
        kind = 'counter' AND value < before AND (value <= before * 0.99 OR rolled_over IS NOT NULL) AS is_reset,
        kind = 'state' AND value <> before AS is_change,
        CASE WHEN kind = 'state' THEN at - before_at END AS lasted
    FROM fallen
), summed AS (
    SELECT device, channel, quantity, kind, begins_at AS bucket,
        count(*) AS samples,
        min(value) AS minimum,
        max(value) AS maximum,
        sum(value ORDER BY at) AS sum,
        sum(power(10, value / 10) ORDER BY at) FILTER (WHERE kind = 'level') AS energy,
        sum(sind(value) ORDER BY at) FILTER (WHERE kind = 'direction') AS east,
        sum(cosd(value) ORDER BY at) FILTER (WHERE kind = 'direction') AS north,
        first(value, at) AS first,
        last(value, at) AS last,
        sum(increase ORDER BY at) AS total,
        count(*) FILTER (WHERE is_reset) AS resets,
        count(*) FILTER (WHERE is_change) AS changes,
        extract(epoch FROM sum(lasted) FILTER (WHERE before <> 0))::double precision AS true_seconds,
        extract(epoch FROM sum(lasted))::double precision AS known_seconds
    FROM steps
    GROUP BY device, channel, quantity, kind, begins_at
)

-- combine --
-- Hours from their quarters, days from their hours: whole from {parts}.
WITH whole AS MATERIALIZED (
    SELECT device COLLATE "C" AS device, begins_at,
        (begins_at AT TIME ZONE %(zone)s + %(length)s::interval) AT TIME ZONE %(zone)s AS ends_at
    FROM unnest(%(devices)s::text[], %(buckets)s::timestamptz[]) AS marked (device, begins_at)
), summed AS (
    SELECT whole.device, part.channel, part.quantity, known.kind, whole.begins_at AS bucket,
        sum(part.samples) AS samples,
        min(part.minimum) AS minimum,
        max(part.maximum) AS maximum,
        sum(part.samples * part.mean ORDER BY part.bucket) AS sum,
        sum(part.samples * power(10, part.mean / 10) ORDER BY part.bucket) FILTER (WHERE kind = 'level') AS energy,
        sum(part.samples * part.resultant_length * sind(part.mean) ORDER BY part.bucket)
            FILTER (WHERE kind = 'direction') AS east,
        sum(part.samples * part.resultant_length * cosd(part.mean) ORDER BY part.bucket)
            FILTER (WHERE kind = 'direction') AS north,
        first(part.first, part.bucket) AS first,
        last(part.last, part.bucket) AS last,
        sum(part.total ORDER BY part.bucket) AS total,
        sum(part.resets) AS resets,
        sum(part.changes) AS changes,
        sum(part.true_seconds ORDER BY part.bucket) AS true_seconds,
        sum(part.known_seconds ORDER BY part.bucket) AS known_seconds
    FROM whole
    CROSS JOIN LATERAL (
        SELECT * FROM {parts} AS part
        WHERE part.device = whole.device AND part.family = %(family)s
          AND part.bucket >= whole.begins_at AND part.bucket < whole.ends_at
          AND part.bucket >= %(begin)s AND part.bucket < %(end)s
        OFFSET 0
    ) AS part
    JOIN unnest(%(quantities)s::text[], %(kinds)s::text[]) AS known (quantity, kind) ON known.quantity = part.quantity
    GROUP BY whole.device, part.channel, part.quantity, known.kind, whole.begins_at
)

-- keep --
-- The end of both: what a kind has, held against what {rollup} has. Written is what is new or another; returned is where
-- that is so, and of what nothing is left. A quantity that no decoder knows any more stays as it is.
, new AS MATERIALIZED (
    SELECT device, channel, quantity, bucket, samples::integer,
        CASE kind WHEN 'gauge' THEN minimum END AS minimum,
        CASE kind
            WHEN 'gauge' THEN sum / samples
            WHEN 'level' THEN 10 * log(energy / samples)
            WHEN 'direction' THEN
                CASE
                    WHEN coalesce(sqrt(east * east + north * north), 0) < 1e-9 * samples THEN NULL
                    WHEN atan2d(east, north) >= 0 THEN atan2d(east, north)
                    WHEN atan2d(east, north) + 360 < 360 THEN atan2d(east, north) + 360
                    ELSE 0
                END
        END AS mean,
        CASE WHEN kind IN ('gauge', 'level') THEN maximum END AS maximum,
        CASE kind
            WHEN 'direction' THEN least(coalesce(sqrt(east * east + north * north), 0) / samples, 1)
        END AS resultant_length,
        CASE kind WHEN 'counter' THEN first END AS first,
        CASE WHEN kind IN ('gauge', 'counter', 'state') THEN last END AS last,
        total,
        CASE kind WHEN 'counter' THEN resets::integer END AS resets,
        CASE kind WHEN 'state' THEN changes::integer END AS changes,
        CASE kind WHEN 'state' THEN coalesce(true_seconds, 0) END AS true_seconds,
        CASE kind WHEN 'state' THEN coalesce(known_seconds, 0) END AS known_seconds
    FROM summed
), lost AS (
    SELECT kept.device, kept.bucket, kept.quantity, kept.channel
    FROM whole
    CROSS JOIN LATERAL (
        SELECT * FROM {rollup} AS kept
        WHERE kept.device = whole.device AND kept.bucket = whole.begins_at AND kept.family = %(family)s
          AND kept.bucket >= %(begin)s AND kept.bucket < %(end)s
          AND kept.quantity = ANY(%(quantities)s::text[])
        OFFSET 0
    ) AS kept
    EXCEPT
    SELECT device, bucket, quantity, channel FROM new
), stored AS (
    INSERT INTO {rollup} AS kept (
        family, device, channel, quantity, bucket, samples, minimum, mean, maximum, resultant_length, first, last, total,
        resets, changes, true_seconds, known_seconds
    )
    SELECT %(family)s, * FROM new ORDER BY device, bucket, quantity, channel
    ON CONFLICT (device, bucket, quantity, channel, family) DO UPDATE SET
        samples = excluded.samples, minimum = excluded.minimum, mean = excluded.mean, maximum = excluded.maximum,
        resultant_length = excluded.resultant_length, first = excluded.first, last = excluded.last,
        total = excluded.total, resets = excluded.resets, changes = excluded.changes,
        true_seconds = excluded.true_seconds, known_seconds = excluded.known_seconds
    WHERE (kept.samples, kept.minimum, kept.mean, kept.maximum, kept.resultant_length, kept.first, kept.last, kept.total,
           kept.resets, kept.changes, kept.true_seconds, kept.known_seconds)
        IS DISTINCT FROM
        (excluded.samples, excluded.minimum, excluded.mean, excluded.maximum, excluded.resultant_length, excluded.first,
         excluded.last, excluded.total, excluded.resets, excluded.changes, excluded.true_seconds, excluded.known_seconds)
    RETURNING kept.device, kept.bucket
)
SELECT DISTINCT device, bucket, NULL, NULL::integer FROM stored
UNION ALL
SELECT device, bucket, quantity, channel FROM lost;

-- drop --
DELETE FROM {rollup}
WHERE device = %(device)s AND bucket = %(bucket)s AND quantity = %(quantity)s AND channel = %(channel)s
  AND family = %(family)s;

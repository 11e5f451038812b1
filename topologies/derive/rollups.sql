-- Roll-ups of one family: what comes out for the touched buckets, and what of it is news. {names} in braces as in
-- touched.sql; {rollup} is the table of a resolution.

-- recompute --
-- Roll up the touched buckets from the readings of the hours or days that hold them, and of states and counters from
-- the samples on either side of these.
INSERT INTO recomputed
WITH series AS MATERIALIZED (
    SELECT DISTINCT series, device, channel, quantity, kind FROM touched_series
), whole AS MATERIALIZED (
    SELECT series.*, bucket.begins_at, bucket.ends_at,
        bucket.begins_at IS DISTINCT FROM lag(bucket.ends_at) OVER one AS is_first,
        bucket.ends_at IS DISTINCT FROM lead(bucket.begins_at) OVER one AS is_last
    FROM touched_bucket AS bucket JOIN series USING (series)
    WHERE bucket.minutes = %(minutes)s
    WINDOW one AS (PARTITION BY series ORDER BY bucket.begins_at)
), measured AS (
    SELECT whole.series, whole.kind, sample.at, sample.value
    FROM (
        SELECT bucket.device, reading.channel, measured.quantity COLLATE "C" AS quantity, bucket.begins_at,
            reading.observed_at AS at, measured.value
        FROM (SELECT DISTINCT device, begins_at, ends_at FROM whole) AS bucket
        CROSS JOIN LATERAL (
            SELECT * FROM {readings} AS kept
            WHERE kept.device = bucket.device
              AND kept.observed_at >= bucket.begins_at AND kept.observed_at < bucket.ends_at
              AND kept.observed_at >= %(begin)s AND kept.observed_at < %(end)s
            OFFSET 0
        ) AS reading
        CROSS JOIN LATERAL (VALUES {measured}) AS measured (quantity, kind, value)
        WHERE measured.value IS NOT NULL
        OFFSET 0
    ) AS sample
    JOIN whole USING (device, channel, quantity, begins_at)
), edges AS (
    SELECT DISTINCT touched.series, touched.kind, edge.at, edge.value
    FROM whole AS touched
    CROSS JOIN LATERAL (
        (
            SELECT reading.observed_at AS at, {picked} AS value
            FROM {readings} AS reading
            WHERE touched.is_first AND touched.kind IN ('state', 'counter')
              AND reading.device = touched.device AND reading.channel = touched.channel
              AND reading.observed_at < touched.begins_at
              AND reading.observed_at >=
                  touched.begins_at - CASE touched.kind WHEN 'state' THEN %(state_gap)s ELSE %(counter_gap)s END
              AND reading.observed_at >= %(edges_begin)s AND reading.observed_at < %(edges_end)s
              AND {picked} IS NOT NULL
            ORDER BY reading.observed_at DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT reading.observed_at AS at, {picked} AS value
            FROM {readings} AS reading
            WHERE touched.is_last AND touched.kind = 'state'
              AND reading.device = touched.device AND reading.channel = touched.channel
              AND reading.observed_at >= touched.ends_at
              AND reading.observed_at < touched.ends_at + %(state_gap)s
              AND reading.observed_at >= %(edges_begin)s AND reading.observed_at < %(edges_end)s
              AND {picked} IS NOT NULL
            ORDER BY reading.observed_at
            LIMIT 1
        )
    ) AS edge
    WHERE NOT EXISTS (
        SELECT FROM whole
        WHERE whole.series = touched.series AND edge.at >= whole.begins_at AND edge.at < whole.ends_at
    )
), beside AS (
    SELECT *, lag(at) OVER one AS before_at, lag(value) OVER one AS before, lead(at) OVER one AS after_at
    FROM (SELECT * FROM measured UNION ALL SELECT * FROM edges) AS samples
    WINDOW one AS (PARTITION BY series ORDER BY at)
), steps AS (
    -- A counter that falls: from the last hundredth of a usual end into the first one it has rolled over; by less than
    -- a hundredth it was corrected, or ran backwards; else it began again at 0.
    SELECT series, kind, at, value,
        CASE
            WHEN kind <> 'counter' OR before_at IS NULL OR before_at < at - %(counter_gap)s THEN NULL
            WHEN value >= before THEN value - before
            WHEN rollover.length IS NOT NULL THEN value - before + rollover.length
            WHEN value > before * 0.99 THEN value - before
            ELSE value
        END AS increase,
        kind = 'counter' AND before_at >= at - %(counter_gap)s
            AND value < before AND (value <= before * 0.99 OR rollover.length IS NOT NULL) AS is_reset,
        kind = 'state' AND before_at >= at - %(state_gap)s AND (value <> 0) <> (before <> 0) AS is_change,
        CASE WHEN kind = 'state' AND after_at <= at + %(state_gap)s THEN after_at END AS holds_until
    FROM beside
    LEFT JOIN LATERAL (
        SELECT min(ends.length) AS length
        FROM unnest(ARRAY[65536, 16777216, 4294967296, 1e5, 1e6, 1e7, 1e8, 1e9]::double precision[]) AS ends (length)
        WHERE kind = 'counter' AND value < before
          AND before >= 0.99 * ends.length AND before < ends.length AND value < 0.01 * ends.length
    ) AS rollover ON true
), points AS (
    -- Sums in the order of time: so that equal samples give equal sums, to the last bit.
    SELECT series, minutes, begins_at,
        count(*)::integer AS samples,
        min(value) AS minimum,
        max(value) AS maximum,
        sum(value ORDER BY at) AS sum,
        (array_agg(value ORDER BY at))[1] AS first,
        (array_agg(value ORDER BY at))[count(*)] AS last,
        sum(power(10, value / 10) ORDER BY at) FILTER (WHERE kind = 'level') AS energy,
        sum(sind(value) ORDER BY at) FILTER (WHERE kind = 'direction') AS east,
        sum(cosd(value) ORDER BY at) FILTER (WHERE kind = 'direction') AS north,
        sum(increase ORDER BY at) AS increase,
        count(*) FILTER (WHERE is_reset)::integer AS resets,
        count(*) FILTER (WHERE is_change)::integer AS changes,
        count(*) FILTER (WHERE value <> 0) AS trues
    FROM (
        SELECT series, kind, at, value, increase, is_reset, is_change, bucket.minutes, bucket.begins_at
        FROM steps
        CROSS JOIN LATERAL (
            VALUES
                (15, date_bin('15 minutes', at, 'epoch')),
                (60, date_bin('1 hour', at, 'epoch')),
                (1440, date_trunc('day', at AT TIME ZONE %(zone)s) AT TIME ZONE %(zone)s)
        ) AS bucket (minutes, begins_at)
        WHERE bucket.minutes = ANY(%(resolutions)s)
        OFFSET 0
    ) AS placed
    JOIN touched_bucket USING (series, minutes, begins_at)
    GROUP BY series, minutes, begins_at
), known AS (
    -- Intervals add up exactly, in any order.
    SELECT series, minutes, begins_at,
        extract(epoch FROM sum(least(holds_until, ends_at) - greatest(at, begins_at)))::double precision AS seconds,
        extract(epoch FROM sum(least(holds_until, ends_at) - greatest(at, begins_at)) FILTER (WHERE value <> 0))
            ::double precision AS true_seconds
    FROM steps
    CROSS JOIN LATERAL rollup_buckets(at, holds_until - interval '1 microsecond', %(zone)s) AS bucket
    WHERE holds_until IS NOT NULL AND bucket.minutes = ANY(%(resolutions)s)
    GROUP BY series, minutes, begins_at
)
SELECT series, minutes, begins_at,
    coalesce(samples, 0),
    CASE kind WHEN 'gauge' THEN minimum END,
    CASE kind
        WHEN 'gauge' THEN sum / samples
        WHEN 'level' THEN 10 * log(energy / samples)
        WHEN 'direction' THEN
            CASE
                WHEN sqrt(east * east + north * north) < 1e-9 * samples THEN NULL
                WHEN atan2d(east, north) >= 0 THEN atan2d(east, north)
                WHEN atan2d(east, north) + 360 < 360 THEN atan2d(east, north) + 360
                ELSE 0
            END
    END,
    CASE WHEN kind IN ('gauge', 'level') THEN maximum END,
    CASE kind WHEN 'counter' THEN first END,
    CASE WHEN kind IN ('gauge', 'counter', 'state') THEN last END,
    CASE kind WHEN 'counter' THEN increase WHEN 'amount' THEN sum WHEN 'event' THEN trues END,
    CASE kind WHEN 'counter' THEN resets END,
    coalesce(true_seconds, 0) / seconds,
    CASE kind WHEN 'state' THEN coalesce(seconds, 0) END,
    CASE kind WHEN 'state' THEN coalesce(changes, 0) END
FROM touched_bucket
JOIN series USING (series)
LEFT JOIN points USING (series, minutes, begins_at)
LEFT JOIN known USING (series, minutes, begins_at)
WHERE (samples IS NOT NULL OR seconds IS NOT NULL) AND begins_at >= %(facts_from)s;

-- find_lost --
-- Of the touched buckets those that are rolled up and of which nothing is left.
INSERT INTO lost_bucket
SELECT touched.device, touched.channel, touched.quantity, touched.minutes, touched.begins_at
FROM (
    SELECT series.device, series.channel, series.quantity, empty.minutes, empty.begins_at
    FROM touched_bucket AS empty
    JOIN (SELECT DISTINCT series, device, channel, quantity FROM touched_series) AS series USING (series)
    LEFT JOIN recomputed
        ON recomputed.series = empty.series AND recomputed.minutes = empty.minutes
       AND recomputed.bucket = empty.begins_at
    WHERE empty.minutes = %(resolution)s AND empty.begins_at >= %(facts_from)s AND recomputed.series IS NULL
) AS touched
CROSS JOIN LATERAL (
    SELECT FROM {rollup} AS kept
    WHERE kept.device = touched.device AND kept.bucket = touched.begins_at AND kept.quantity = touched.quantity
      AND kept.channel = touched.channel AND kept.family = %(family)s
      AND kept.bucket >= %(begin)s AND kept.bucket < %(end)s
    OFFSET 0
) AS kept;

-- drop_lost --
DELETE FROM {rollup} AS kept
USING lost_bucket AS lost
WHERE lost.minutes = %(resolution)s
  AND kept.family = %(family)s AND kept.device = lost.device AND kept.channel = lost.channel
  AND kept.quantity = lost.quantity AND kept.bucket = lost.bucket
  AND kept.bucket >= %(begin)s AND kept.bucket < %(end)s;

-- keep_changed --
-- What came out as before is looked up and not written: not even its row is locked.
INSERT INTO {rollup} AS kept (
    family, device, channel, quantity, bucket, samples, minimum, mean, maximum, first, last, total, resets, true_ratio,
    known_seconds, changes
)
SELECT %(family)s, series.device, series.channel, series.quantity, new.bucket, new.samples, new.minimum, new.mean,
    new.maximum, new.first, new.last, new.total, new.resets, new.true_ratio, new.known_seconds, new.changes
FROM recomputed AS new
JOIN (SELECT DISTINCT series, device, channel, quantity FROM touched_series) AS series USING (series)
LEFT JOIN LATERAL (
    SELECT * FROM {rollup} AS kept
    WHERE kept.device = series.device AND kept.bucket = new.bucket AND kept.quantity = series.quantity
      AND kept.channel = series.channel AND kept.family = %(family)s
      AND kept.bucket >= %(begin)s AND kept.bucket < %(end)s
    OFFSET 0
) AS old ON true
WHERE new.minutes = %(resolution)s
  AND (
      old.device IS NULL
      OR (old.samples, old.minimum, old.mean, old.maximum, old.first, old.last, old.total, old.resets, old.true_ratio,
          old.known_seconds, old.changes)
          IS DISTINCT FROM
         (new.samples, new.minimum, new.mean, new.maximum, new.first, new.last, new.total, new.resets, new.true_ratio,
          new.known_seconds, new.changes)
  )
ORDER BY new.series, new.bucket
ON CONFLICT (device, bucket, quantity, channel, family) DO UPDATE SET
    samples = excluded.samples, minimum = excluded.minimum, mean = excluded.mean, maximum = excluded.maximum,
    first = excluded.first, last = excluded.last, total = excluded.total, resets = excluded.resets,
    true_ratio = excluded.true_ratio, known_seconds = excluded.known_seconds, changes = excluded.changes;

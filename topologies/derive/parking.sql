-- Phases of bays, and what follows from them for the history of their zones.

-- load_phases --
-- Of each bay the phases from the last but one before a time on: that one begins before anything that has changed.
SELECT phase.site, start.begin_at IS NOT NULL AND phase.begin_at = start.begin_at, phase.begin_at, phase.zone,
    phase.device, phase.occupied, phase.begin_earliest_at, phase.end_at, phase.end_earliest_at, phase.ended_by
FROM unnest(%(sites)s::text[], %(from)s::timestamptz[]) AS wanted (site, from_at)
LEFT JOIN LATERAL (
    SELECT begin_at
    FROM parking_phase
    WHERE site = wanted.site AND begin_at <= wanted.from_at
    ORDER BY begin_at DESC
    LIMIT 1 OFFSET 1
) AS start ON true
JOIN parking_phase AS phase
    ON phase.site = wanted.site AND phase.begin_at >= coalesce(start.begin_at, '-infinity')
ORDER BY phase.site, phase.begin_at;

-- load_spans --
-- When which device serves a bay, and how far time has come for it: by its ticks, or what it said, there or elsewhere.
-- An assignment that says again what holds does not end it.
WITH turns AS (
    SELECT device, valid_from, site,
        lag(site) OVER mine IS DISTINCT FROM site OR lag(device) OVER mine IS NULL AS turned
    FROM assignment
    WHERE device IN (SELECT device FROM assignment WHERE site = ANY(%(sites)s::text[]))
    WINDOW mine AS (PARTITION BY device ORDER BY valid_from)
), spans AS (
    SELECT device, site, valid_from, lead(valid_from) OVER (PARTITION BY device ORDER BY valid_from) AS until
    FROM turns
    WHERE turned
)
SELECT spans.site, spans.device, spans.valid_from, spans.until,
    greatest(ledger.as_of, bay.observed_at)
FROM spans
LEFT JOIN parking_bay AS bay USING (device)
LEFT JOIN ledger ON ledger.consumer = 'topology-parking' AND ledger.partition = bay.partition
WHERE spans.site = ANY(%(sites)s::text[])
ORDER BY spans.site, spans.valid_from;

-- load_bay_facts --
-- Of each bay what its devices said, from the last fact before a time on.
SELECT wanted.site, fact.device, fact.observed_at, fact.zone, fact.occupied, fact.since, fact.earliest_at,
    fact.settles_at, fact.held, fact.held_since, fact.held_earliest_at, fact.silent_at
FROM unnest(%(sites)s::text[], %(begins)s::timestamptz[]) AS wanted (site, begin_at)
CROSS JOIN LATERAL (SELECT DISTINCT device FROM assignment WHERE site = wanted.site) AS served
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM parking_observation
    WHERE device = served.device AND observed_at <= wanted.begin_at
) AS before
JOIN parking_observation AS fact
    ON fact.device = served.device AND fact.observed_at >= coalesce(before.observed_at, wanted.begin_at)
WHERE fact.site = wanted.site AND fact.silent_at IS NOT NULL
ORDER BY wanted.site, fact.observed_at, fact.device;

-- delete_phases --
DELETE FROM parking_phase AS kept
USING unnest(%(sites)s::text[], %(begins)s::timestamptz[]) AS gone (site, begin_at)
WHERE kept.site = gone.site AND kept.begin_at = gone.begin_at;

-- store_phase --
INSERT INTO parking_phase (
    site, begin_at, zone, device, occupied, begin_earliest_at, end_at, end_earliest_at, ended_by
)
VALUES (
    %(site)s, %(begin)s, %(zone)s, %(device)s, %(occupied)s, %(earliest)s, %(end)s, %(end_earliest)s, %(ended_by)s
)
ON CONFLICT (site, begin_at) DO UPDATE SET
    zone = excluded.zone, device = excluded.device, occupied = excluded.occupied,
    begin_earliest_at = excluded.begin_earliest_at, end_at = excluded.end_at,
    end_earliest_at = excluded.end_earliest_at, ended_by = excluded.ended_by;

-- mark_quarters --
INSERT INTO mark (what, subject, bucket)
SELECT %(what)s, zone, begin_at
FROM unnest(%(zones)s::text[], %(begins)s::timestamptz[]) AS made (zone, begin_at)
ORDER BY zone, begin_at;

-- time --
-- How far it has come in the stream of bays; null while no tick has come.
SELECT max(as_of) FROM ledger WHERE consumer = 'topology-parking';

-- mark_passed --
-- The quarters of an hour that have ended and have no row, of every zone there is, from a time on (null: from the first
-- phase). What has a row was counted when it was over. A zone that has no phase yet, or no bay any more, has none however
-- often it is counted.
INSERT INTO mark (what, subject, bucket)
SELECT %(what)s, zone, begin_at
FROM (SELECT DISTINCT "group" AS zone FROM site WHERE family = 'parking' AND "group" <> '') AS zones
CROSS JOIN generate_series(
    coalesce(%(from)s::timestamptz, (SELECT date_bin('15 minutes', min(begin_at), 'epoch') FROM parking_phase)),
    %(to)s::timestamptz, interval '15 minutes'
) AS begin_at
WHERE NOT EXISTS (
    SELECT FROM parking_zone_history AS history
    WHERE history.zone = zones.zone AND history.period = 'quarter' AND history.begin_at = begin_at.begin_at
)
ORDER BY zone, begin_at;

-- mark_described --
-- After sites or assignments have changed: the history of their zones from when on they hold.
INSERT INTO mark (what, subject, bucket)
SELECT %(what)s, changed.zone, history.begin_at
FROM (
    SELECT zone, min(valid_from) AS valid_from
    FROM (
        SELECT "group" AS zone, CASE WHEN class = 'personal' THEN '-infinity' ELSE valid_from END AS valid_from
        FROM site
        WHERE family = 'parking' AND stored_at > %(since)s
        UNION ALL
        SELECT site."group", assignment.valid_from
        FROM assignment
        JOIN assignment AS served ON served.device = assignment.device AND served.site IS NOT NULL
        JOIN site ON site.site = served.site AND site.family = 'parking'
        WHERE assignment.stored_at > %(since)s
    ) AS each
    GROUP BY zone
) AS changed
JOIN parking_zone_history AS history
    ON history.zone = changed.zone AND history.period = 'quarter' AND history.audience = 'operations'
    AND history.begin_at + interval '15 minutes' > changed.valid_from
ORDER BY changed.zone, history.begin_at;

-- described_at --
-- When sites or assignments were changed last, and the history was; and whether there is anything to count.
SELECT greatest((SELECT max(stored_at) FROM site), (SELECT max(stored_at) FROM assignment)),
    (SELECT max(stored_at) FROM parking_zone_history), EXISTS (SELECT FROM parking_phase);

-- recompute_history --
-- Count stretches of time of zones anew from the phases of the bays that they had when the stretch began; keep what
-- has changed, delete what has no bay. Before the first phase of a zone there is no history. A bay that ever was
-- somebody's own is counted nowhere.
WITH wanted AS (
    SELECT *
    FROM unnest(%(zones)s::text[], %(periods)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        AS each (zone, period, begin_at, end_at)
), mine AS MATERIALIZED (
    SELECT site, valid_from, "group" AS zone, class, bool_or(class = 'personal') OVER (PARTITION BY site) AS is_personal
    FROM site
    WHERE family = 'parking'
      AND site IN (SELECT site FROM site WHERE family = 'parking' AND "group" = ANY(%(zones)s::text[]))
), turns AS (
    SELECT device, valid_from, site, lead(valid_from) OVER (PARTITION BY device ORDER BY valid_from) AS until
    FROM assignment
    WHERE device IN (SELECT device FROM assignment WHERE site IN (SELECT site FROM mine))
), spans AS MATERIALIZED (
    SELECT site, valid_from, coalesce(until, 'infinity') AS until FROM turns WHERE site IN (SELECT site FROM mine)
), described AS (
    -- A site's version that held, or its first where none held yet.
    SELECT DISTINCT ON (wanted.zone, wanted.period, wanted.begin_at, mine.site)
        wanted.zone, wanted.period, wanted.begin_at, wanted.end_at, mine.site, mine.zone AS own_zone, mine.is_personal,
        mine.class IN ('', 'open') AS is_open
    FROM wanted
    JOIN mine ON mine.site IN (SELECT each.site FROM mine AS each WHERE each.zone = wanted.zone)
    ORDER BY wanted.zone, wanted.period, wanted.begin_at, mine.site, mine.valid_from <= wanted.begin_at DESC,
        abs(extract(epoch FROM mine.valid_from - wanted.begin_at))
), bays AS MATERIALIZED (
    SELECT audience, zone, period, begin_at, end_at, site
    FROM described
    JOIN (VALUES ('operations', false), ('public', true)) AS each (audience, only_open) ON is_open OR NOT only_open
    WHERE own_zone = zone AND NOT is_personal
      AND EXISTS (
        SELECT FROM spans
        WHERE spans.site = described.site AND spans.valid_from < described.end_at AND spans.until > described.begin_at
    )
), counted AS MATERIALIZED (
    SELECT bays.audience, bays.zone, bays.period, bays.begin_at, bays.end_at,
        count(DISTINCT bays.site)::integer AS bays,
        coalesce(sum(part.seconds) FILTER (WHERE phase.occupied), 0)::double precision AS occupied_seconds,
        coalesce(sum(part.seconds), 0)::double precision AS known_seconds,
        count(*) FILTER (
            WHERE phase.occupied AND phase.begin_at >= bays.begin_at AND phase.begin_earliest_at IS NOT NULL
        )::integer AS stays_begun
    FROM bays
    -- Phases of a bay lie side by side: of those that began before the stretch only the last can reach into it. OFFSET 0
    -- keeps the look-up one by bay and time: as a join it is quadratic where the planner does not know the table yet.
    LEFT JOIN LATERAL (
        SELECT begin_at FROM parking_phase WHERE site = bays.site AND begin_at <= bays.begin_at
        ORDER BY begin_at DESC LIMIT 1
    ) AS first ON true
    LEFT JOIN LATERAL (
        SELECT site, occupied, begin_at, begin_earliest_at, end_at
        FROM parking_phase
        WHERE site = bays.site AND begin_at >= coalesce(first.begin_at, bays.begin_at) AND begin_at < bays.end_at
          AND coalesce(end_at, 'infinity') > bays.begin_at
        OFFSET 0
    ) AS phase ON true
    LEFT JOIN LATERAL (
        SELECT extract(
            epoch FROM least(coalesce(phase.end_at, 'infinity'), bays.end_at) - greatest(phase.begin_at, bays.begin_at)
        ) AS seconds
    ) AS part ON phase.site IS NOT NULL
    GROUP BY bays.audience, bays.zone, bays.period, bays.begin_at, bays.end_at
), ended AS MATERIALIZED (
    -- Stays whose begin and end a sensor saw.
    SELECT bays.audience, bays.zone, bays.period, bays.begin_at, count(*)::integer AS stays_ended,
        percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
            ORDER BY extract(epoch FROM phase.end_at - phase.begin_at)::double precision
        ) AS seconds
    FROM bays
    CROSS JOIN LATERAL (
        SELECT begin_at, end_at
        FROM parking_phase
        WHERE site = bays.site AND end_at >= bays.begin_at AND end_at < bays.end_at AND occupied
          AND ended_by IN ('sensor', 'heartbeat') AND begin_earliest_at IS NOT NULL
        OFFSET 0
    ) AS phase
    GROUP BY bays.audience, bays.zone, bays.period, bays.begin_at
), begun AS MATERIALIZED (
    SELECT DISTINCT bays.zone, bays.period, bays.begin_at
    FROM bays
    CROSS JOIN LATERAL (SELECT FROM parking_phase WHERE site = bays.site AND begin_at < bays.end_at LIMIT 1) AS phase
), result AS (
    SELECT counted.zone, counted.period, counted.begin_at, counted.audience, counted.end_at, counted.bays,
        occupied_seconds, known_seconds,
        occupied_seconds / nullif(known_seconds, 0) AS occupancy_ratio,
        known_seconds / (counted.bays * extract(epoch FROM counted.end_at - counted.begin_at)::double precision)
            AS known_ratio,
        stays_begun,
        stays_begun::double precision / counted.bays AS turnover_ratio,
        coalesce(stays_ended, 0) AS stays_ended,
        ended.seconds[1] AS stay_median_seconds,
        ended.seconds[2] AS stay_p90_seconds
    FROM counted
    JOIN begun USING (zone, period, begin_at)
    LEFT JOIN ended USING (audience, zone, period, begin_at)
), gone AS (
    DELETE FROM parking_zone_history AS kept
    USING wanted
    WHERE kept.zone = wanted.zone AND kept.period = wanted.period AND kept.begin_at = wanted.begin_at
      AND NOT EXISTS (
        SELECT FROM result
        WHERE result.zone = kept.zone AND result.period = kept.period AND result.begin_at = kept.begin_at
          AND result.audience = kept.audience
    )
)
INSERT INTO parking_zone_history AS kept (
    zone, period, begin_at, audience, end_at, bays, occupied_seconds, known_seconds, occupancy_ratio, known_ratio,
    stays_begun, turnover_ratio, stays_ended, stay_median_seconds, stay_p90_seconds
)
SELECT zone, period, begin_at, audience, end_at, bays, occupied_seconds, known_seconds, occupancy_ratio, known_ratio,
    stays_begun, turnover_ratio, stays_ended, stay_median_seconds, stay_p90_seconds
FROM result
ORDER BY zone, period, begin_at, audience
ON CONFLICT (zone, period, begin_at, audience) DO UPDATE SET
    end_at = excluded.end_at, bays = excluded.bays, occupied_seconds = excluded.occupied_seconds,
    known_seconds = excluded.known_seconds, occupancy_ratio = excluded.occupancy_ratio,
    known_ratio = excluded.known_ratio, stays_begun = excluded.stays_begun, turnover_ratio = excluded.turnover_ratio,
    stays_ended = excluded.stays_ended, stay_median_seconds = excluded.stay_median_seconds,
    stay_p90_seconds = excluded.stay_p90_seconds, stored_at = now()
WHERE (kept.end_at, kept.bays, kept.occupied_seconds, kept.known_seconds, kept.stays_begun, kept.stays_ended,
        kept.stay_median_seconds, kept.stay_p90_seconds)
    IS DISTINCT FROM (excluded.end_at, excluded.bays, excluded.occupied_seconds, excluded.known_seconds,
        excluded.stays_begun, excluded.stays_ended, excluded.stay_median_seconds, excluded.stay_p90_seconds);

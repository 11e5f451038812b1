-- Nights of luminaires and their segments.

-- read_places --
-- Of each site the description that holds at a time, or its first where none holds yet.
SELECT wanted.site, wanted.begins_at, described."group", described.attributes
FROM unnest(%(sites)s::text[], %(begins)s::timestamptz[]) AS wanted (site, begins_at)
LEFT JOIN LATERAL (
    SELECT "group", attributes
    FROM site
    WHERE site.site = wanted.site
    ORDER BY valid_from <= wanted.begins_at DESC, abs(extract(epoch FROM valid_from - wanted.begins_at))
    LIMIT 1
) AS described ON true;

-- read_said --
-- The facts around nights. The first and the last time of all leave out the chunks that none of them needs.
SELECT
    wanted.site, wanted.begins_at, fact.observed_at, fact.burning, fact.until_at, fact.used_watt_hours,
    fact.used_since, fact.lit_seconds, fact.lit_since, fact.rated_watts, fact.segment
FROM unnest(%(sites)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
    AS wanted (site, begins_at, ends_at)
JOIN luminaire_state AS fact
    ON fact.site = wanted.site
    AND fact.observed_at >= wanted.begins_at - %(spread)s::interval
    AND fact.observed_at <= wanted.ends_at + %(spread)s::interval
WHERE fact.observed_at >= %(first)s AND fact.observed_at <= %(last)s
ORDER BY wanted.site, wanted.begins_at, fact.observed_at, fact.device;

-- keep_hours --
-- A recomputation that changes nothing writes nothing; an hour that the facts do not say any more is deleted.
WITH wanted AS (
    SELECT unnest(%(sites)s::text[]) AS site, unnest(%(begins)s::timestamptz[]) AS begins_at,
           unnest(%(ends)s::timestamptz[]) AS ends_at
), counted AS (
    SELECT unnest(%(hour_sites)s::text[]) AS site, unnest(%(hours)s::timestamptz[]) AS hour,
           unnest(%(energies)s::double precision[]) AS energy_watt_hours
), gone AS (
    DELETE FROM luminaire_hour AS kept
    USING wanted
    WHERE kept.site = wanted.site AND kept.hour >= wanted.begins_at AND kept.hour < wanted.ends_at
      AND NOT EXISTS (SELECT FROM counted WHERE counted.site = kept.site AND counted.hour = kept.hour)
)
INSERT INTO luminaire_hour AS kept (site, hour, energy_watt_hours)
SELECT site, hour, energy_watt_hours FROM counted ORDER BY site, hour
ON CONFLICT (site, hour) DO UPDATE SET energy_watt_hours = excluded.energy_watt_hours
WHERE kept.energy_watt_hours IS DISTINCT FROM excluded.energy_watt_hours;

-- read_segments --
-- Whose nights they were counted to before.
SELECT DISTINCT kept.segment, kept.night
FROM unnest(%(sites)s::text[], %(nights)s::date[]) AS wanted (site, night)
JOIN luminaire_night AS kept ON kept.site = wanted.site AND kept.night = wanted.night;

-- keep_nights --
WITH counted AS (
    SELECT *
    FROM unnest(
        %(kept_sites)s::text[], %(kept_nights)s::date[], %(segments)s::text[], %(energies)s::double precision[],
        %(due)s::double precision[], %(known)s::double precision[], %(lit)s::double precision[],
        %(burning)s::double precision[], %(rated)s::double precision[]
    ) AS made (
        site, night, segment, energy_watt_hours, due_seconds, known_seconds, lit_seconds, burning_seconds,
        rated_watt_hours
    )
), gone AS (
    DELETE FROM luminaire_night AS kept
    USING unnest(%(sites)s::text[], %(nights)s::date[]) AS wanted (site, night)
    WHERE kept.site = wanted.site AND kept.night = wanted.night
      AND NOT EXISTS (SELECT FROM counted WHERE counted.site = kept.site AND counted.night = kept.night)
)
INSERT INTO luminaire_night AS kept (
    site, night, segment, energy_watt_hours, due_seconds, known_seconds, lit_seconds, burning_seconds, rated_watt_hours
)
SELECT
    site, night, segment, energy_watt_hours, due_seconds, known_seconds, lit_seconds, burning_seconds, rated_watt_hours
FROM counted
ORDER BY site, night
ON CONFLICT (site, night) DO UPDATE SET
    segment = excluded.segment, energy_watt_hours = excluded.energy_watt_hours, due_seconds = excluded.due_seconds,
    known_seconds = excluded.known_seconds, lit_seconds = excluded.lit_seconds,
    burning_seconds = excluded.burning_seconds, rated_watt_hours = excluded.rated_watt_hours
WHERE (
    kept.segment, kept.energy_watt_hours, kept.due_seconds, kept.known_seconds, kept.lit_seconds,
    kept.burning_seconds, kept.rated_watt_hours
) IS DISTINCT FROM (
    excluded.segment, excluded.energy_watt_hours, excluded.due_seconds, excluded.known_seconds, excluded.lit_seconds,
    excluded.burning_seconds, excluded.rated_watt_hours
);

-- sum_segments --
-- Sums are in the order of the sites, so that the same figures always come to the same sum. A luminaire that was silent
-- all night has no row and had to burn as long as the others.
WITH wanted AS (
    SELECT *
    FROM unnest(%(segments)s::text[], %(nights)s::date[], %(ends)s::timestamptz[]) AS made (segment, night, ends_at)
), assigned AS (
    SELECT wanted.segment, wanted.night, count(DISTINCT described.site)::integer AS luminaires
    FROM wanted
    CROSS JOIN LATERAL (
        SELECT site, (array_agg("group" ORDER BY valid_from <= wanted.ends_at DESC,
            abs(extract(epoch FROM valid_from - wanted.ends_at))))[1] AS segment
        FROM site
        WHERE family = 'lighting'
        GROUP BY site
    ) AS described
    JOIN assignment ON assignment.site = described.site AND assignment.valid_from < wanted.ends_at
    WHERE described.segment = wanted.segment
      AND NOT EXISTS (
          SELECT FROM assignment AS later
          WHERE later.device = assignment.device AND later.valid_from > assignment.valid_from
            AND later.valid_from < wanted.ends_at
      )
    GROUP BY wanted.segment, wanted.night
), summed AS (
    SELECT
        segment, night, count(*)::integer AS reporting, sum(energy_watt_hours ORDER BY site) / 1000 AS energy,
        sum(lit_seconds ORDER BY site) AS lit, sum(known_seconds ORDER BY site) AS known,
        max(due_seconds) AS due,
        sum(energy_watt_hours ORDER BY site) FILTER (WHERE rated_watt_hours > 0) AS used,
        sum(rated_watt_hours ORDER BY site) FILTER (WHERE rated_watt_hours > 0) AS rated
    FROM luminaire_night
    JOIN wanted USING (segment, night)
    GROUP BY segment, night
), figures AS (
    SELECT
        segment, night, greatest(coalesce(luminaires, 0), reporting) AS luminaires, reporting, energy,
        lit / nullif(known, 0) AS availability,
        known / nullif(due * greatest(coalesce(luminaires, 0), reporting), 0) AS known,
        1 - used / rated AS saving
    FROM summed
    LEFT JOIN assigned USING (segment, night)
), gone AS (
    DELETE FROM lighting_segment_night AS kept
    USING wanted
    WHERE kept.segment = wanted.segment AND kept.night = wanted.night
      AND NOT EXISTS (SELECT FROM summed WHERE summed.segment = kept.segment AND summed.night = kept.night)
)
INSERT INTO lighting_segment_night AS kept (
    segment, night, luminaires, reporting, energy_kilowatt_hours, availability_ratio, known_ratio, saving_ratio
)
SELECT segment, night, luminaires, reporting, energy, availability, known, saving
FROM figures
ORDER BY segment, night
ON CONFLICT (segment, night) DO UPDATE SET
    luminaires = excluded.luminaires, reporting = excluded.reporting,
    energy_kilowatt_hours = excluded.energy_kilowatt_hours, availability_ratio = excluded.availability_ratio,
    known_ratio = excluded.known_ratio, saving_ratio = excluded.saving_ratio
WHERE (
    kept.luminaires, kept.reporting, kept.energy_kilowatt_hours, kept.availability_ratio, kept.known_ratio,
    kept.saving_ratio
) IS DISTINCT FROM (
    excluded.luminaires, excluded.reporting, excluded.energy_kilowatt_hours, excluded.availability_ratio,
    excluded.known_ratio, excluded.saving_ratio
);

-- Dips: few rows, read as a whole and compared in memory.

-- lock --
-- Two imports at once would each compare with a state that the other is about to change.
LOCK TABLE groundwater_dip IN SHARE ROW EXCLUSIVE MODE;

-- read_wells --
SELECT DISTINCT site FROM site WHERE family = 'groundwater';

-- read_dips --
SELECT site, dipped_at, distance_metres, note FROM groundwater_dip;

-- write_dips --
INSERT INTO groundwater_dip (site, dipped_at, distance_metres, note)
SELECT site, dipped_at, distance_metres, note
FROM unnest(
    %(sites)s::text[], %(times)s::timestamptz[], %(distances)s::double precision[], %(notes)s::text[]
) AS said (site, dipped_at, distance_metres, note)
ON CONFLICT (site, dipped_at) DO UPDATE
SET distance_metres = excluded.distance_metres, note = excluded.note, stored_at = now();

-- delete_dips --
DELETE FROM groundwater_dip AS kept
USING unnest(%(sites)s::text[], %(times)s::timestamptz[]) AS gone (site, dipped_at)
WHERE kept.site = gone.site AND kept.dipped_at = gone.dipped_at;

-- read_concerned --
-- Whoever served one of the wells at the time of its first change, or has since.
WITH turn AS (
    SELECT device, site, lead(valid_from, 1, 'infinity') OVER (PARTITION BY device ORDER BY valid_from) AS valid_until
    FROM assignment
)
SELECT turn.device, min(changed.dipped_at)
FROM unnest(%(sites)s::text[], %(times)s::timestamptz[]) AS changed (site, dipped_at)
JOIN turn ON turn.site = changed.site AND turn.valid_until > changed.dipped_at
GROUP BY turn.device;

-- write_recompute --
-- The same, as requests.
WITH turn AS (
    SELECT device, site, lead(valid_from, 1, 'infinity') OVER (PARTITION BY device ORDER BY valid_from) AS valid_until
    FROM assignment
)
INSERT INTO recompute (device, from_at)
SELECT turn.device, min(changed.dipped_at)
FROM unnest(%(sites)s::text[], %(times)s::timestamptz[]) AS changed (site, dipped_at)
JOIN turn ON turn.site = changed.site AND turn.valid_until > changed.dipped_at
GROUP BY turn.device
RETURNING device, from_at;

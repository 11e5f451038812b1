-- Sites and assignments: few rows, read as a whole and compared in memory.

-- lock --
-- Two imports at once would each compare with a state that the other is about to change. Readers are not held up.
LOCK TABLE site, assignment IN SHARE ROW EXCLUSIVE MODE;

-- read_sites --
SELECT site, valid_from, family, name, "group", attributes, class FROM site;

-- read_assignments --
SELECT device, valid_from, site FROM assignment;

-- write_site --
INSERT INTO site (site, valid_from, family, name, "group", attributes, class)
VALUES (%(site)s, %(valid_from)s, %(family)s, %(name)s, %(group)s, %(attributes)s, %(class)s)
ON CONFLICT (site, valid_from) DO UPDATE
SET family = excluded.family, name = excluded.name, "group" = excluded."group", attributes = excluded.attributes,
    class = excluded.class, stored_at = now();

-- write_assignment --
INSERT INTO assignment (device, valid_from, site)
VALUES (%(device)s, %(valid_from)s, %(site)s)
ON CONFLICT (device, valid_from) DO UPDATE SET site = excluded.site, stored_at = now();

-- write_recompute --
-- Taken by the worker that owns the device, in the transaction of its next tick.
WITH asked AS (INSERT INTO recompute (device, from_at) VALUES (%(device)s, %(from_at)s))
INSERT INTO fleet_recompute (device, from_at) VALUES (%(device)s, %(from_at)s);

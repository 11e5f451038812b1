-- What is dropped, and from when on facts are whole.

-- lock_maintain --
-- One at a time; another one finds nothing to wait for.
SELECT pg_try_advisory_lock(hashtext(current_schema() || '.maintain'));

-- hold_facts --
-- Shared with everybody who recomputes; whoever wants to drop waits until they are done.
SELECT pg_advisory_xact_lock_shared(hashtext(current_schema() || '.facts_from'), hashtext(held.name))
FROM unnest(%(tables)s::text[]) AS held (name);

-- seize_facts --
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.facts_from'), hashtext(%(table)s));

-- read_facts_from --
SELECT fact_table, facts_from FROM facts_from WHERE fact_table = ANY(%(tables)s::text[]);

-- raise_facts_from --
INSERT INTO facts_from AS kept (fact_table, facts_from)
SELECT name, %(begin)s::timestamptz FROM unnest(%(tables)s::text[]) AS raised (name) ORDER BY name
ON CONFLICT (fact_table) DO UPDATE SET facts_from = excluded.facts_from, raised_at = now()
WHERE kept.facts_from < excluded.facts_from;

-- tables --
-- The tables of this schema, and whether each is a hypertable.
SELECT c.relname::text, h.hypertable_name IS NOT NULL
FROM pg_class AS c
LEFT JOIN timescaledb_information.hypertables AS h
    ON h.hypertable_schema = current_schema() AND h.hypertable_name = c.relname
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
ORDER BY c.relname;

-- old_chunks --
-- Chunks that end before a time, oldest first, with their size.
SELECT range_start, range_end, pg_total_relation_size(format('%%I.%%I', chunk_schema, chunk_name)::regclass)
FROM timescaledb_information.chunks
WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND range_end <= %(before)s
ORDER BY range_end;

-- drop_chunk --
-- Each chunk by itself, so that a lock is held for one at a time.
SELECT drop_chunks(format('%%I.%%I', current_schema(), %(table)s::text)::regclass, older_than => %(end)s::timestamptz);

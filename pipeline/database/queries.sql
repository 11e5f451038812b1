-- Queries of the ledger, the migrations and the outbox.

-- take_partitions --
-- Raise the epoch of each partition and read where it stands; whoever held it before is fenced out from here on.
INSERT INTO ledger AS kept (consumer, topic, partition, epoch)
SELECT %(consumer)s, taken.topic, taken.partition, 1
FROM unnest(%(topics)s::text[], %(partitions)s::integer[]) AS taken (topic, partition)
ORDER BY taken.topic, taken.partition
ON CONFLICT (consumer, topic, partition) DO UPDATE SET epoch = kept.epoch + 1
RETURNING topic, partition, epoch, next_offset, last_hash, raw_offset, bridges;

-- advance_partitions --
-- The first statement of every batch: move each partition, but only for its owner and only from where it stood.
UPDATE ledger AS kept
SET next_offset = moved.next_offset,
    last_hash = moved.last_hash,
    raw_offset = greatest(kept.raw_offset, moved.raw_offset),
    bridges = coalesce(moved.bridges, kept.bridges),
    as_of = coalesce(moved.as_of, kept.as_of),
    updated_at = now()
FROM unnest(
    %(topics)s::text[], %(partitions)s::integer[], %(epochs)s::bigint[], %(expected)s::bigint[],
    %(next_offsets)s::bigint[], %(hashes)s::bytea[], %(raw_offsets)s::bigint[], %(bridges)s::jsonb[],
    %(as_of)s::timestamptz[]
) AS moved (topic, partition, epoch, expected, next_offset, last_hash, raw_offset, bridges, as_of)
WHERE kept.consumer = %(consumer)s
  AND kept.topic = moved.topic
  AND kept.partition = moved.partition
  AND kept.epoch = moved.epoch
  AND kept.next_offset = moved.expected;

-- show_ledger --
SELECT consumer, topic, partition, epoch, next_offset, raw_offset, as_of, updated_at
FROM ledger
ORDER BY consumer, topic, partition;

-- reset_ledger --
-- Let a consumer begin again at the beginning of its log; the epoch stays, so that a running worker is fenced out.
UPDATE ledger
SET next_offset = -1, last_hash = NULL, raw_offset = -1, bridges = '{}', as_of = NULL, epoch = epoch + 1,
    updated_at = now()
WHERE consumer = %(consumer)s AND (%(topic)s::text IS NULL OR topic = %(topic)s);

-- raise_sequences --
-- After a restore the subjects' counters may be behind what was published: leap over whatever that was.
UPDATE subject SET sequence = sequence + 1000000;

-- has_schema --
SELECT true FROM pg_namespace WHERE nspname = %(schema)s;

-- columns_of --
SELECT table_name::text, column_name::text, data_type::text
FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = ANY(%(tables)s)
ORDER BY table_name, ordinal_position;

-- comments_of --
-- The comments of a table or view and of its columns; the column NULL is the relation itself.
SELECT attribute.attname::text, CASE WHEN attribute.attnum IS NULL THEN obj_description(relation.oid, 'pg_class')
         ELSE col_description(relation.oid, attribute.attnum) END, relation.relkind::text
FROM pg_class AS relation
CROSS JOIN LATERAL (
    SELECT attname, attnum FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT NULL, NULL
) AS attribute
WHERE relation.relnamespace = current_schema()::regnamespace AND relation.relname = %(relation)s
  AND relation.relkind IN ('r', 'v');

-- chunk_interval --
-- How long new chunks of a hypertable are, and whether it has some already.
SELECT dimension.time_interval, EXISTS (
    SELECT FROM timescaledb_information.chunks AS chunk
    WHERE chunk.hypertable_schema = dimension.hypertable_schema AND chunk.hypertable_name = dimension.hypertable_name
)
FROM timescaledb_information.dimensions AS dimension
WHERE dimension.hypertable_schema = current_schema() AND dimension.hypertable_name = %(table)s;

-- list_devices --
-- Every device as its newest whole description says.
SELECT device, name, profile, application, application_id, tenant, device_class, tags, seen_at
FROM device
ORDER BY application, profile, device;

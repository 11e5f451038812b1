-- What every topology reads and writes besides its own tables.

-- load_assignments --
SELECT device, valid_from, site FROM assignment;

-- load_sites --
SELECT site, valid_from, name, "group", attributes, class FROM site;

-- delete_recompute --
DELETE FROM recompute WHERE id = ANY(%(ids)s);

-- load_alerts --
-- Of each rule and device the alerts that were not over at a time.
SELECT alert.id, alert.rule, alert.subject, alert.site, alert.device, alert.since, alert.resolved_at,
    alert.opened_event, alert.value, alert.limit_value, alert.retrospective, alert.silenced, alert.message_de,
    alert.message_en, alert.class, alert.cause
FROM unnest(%(rules)s::text[], %(devices)s::text[], %(begins)s::timestamptz[]) AS late (rule, device, begins_at)
JOIN alert ON alert.rule = late.rule AND alert.device = late.device
WHERE alert.resolved_at IS NULL
   OR alert.resolved_at > late.begins_at;

-- taken_alerts --
-- Ids that a new alert can not be given.
SELECT id FROM alert WHERE id = ANY(%(ids)s::uuid[]);

-- store_alert --
-- The acknowledgement is not ours.
INSERT INTO alert (
    id, rule, family, subject, severity, status, since, resolved_at, opened_event, value, limit_value, device, site,
    retrospective, silenced, message_de, message_en, class, cause
)
VALUES (
    %(id)s, %(rule)s, %(family)s, %(subject)s, %(severity)s, %(status)s, %(since)s, %(resolved_at)s,
    %(opened_event)s, %(value)s, %(limit)s, %(device)s, %(site)s, %(retrospective)s, %(silenced)s,
    %(message_de)s, %(message_en)s, %(class)s, %(cause)s
)
ON CONFLICT (id) DO UPDATE SET
    status = excluded.status, since = excluded.since, resolved_at = excluded.resolved_at, value = excluded.value,
    limit_value = excluded.limit_value, retrospective = excluded.retrospective, silenced = excluded.silenced,
    message_de = excluded.message_de, message_en = excluded.message_en, class = excluded.class,
    cause = excluded.cause, updated_at = now();

-- delete_alerts --
-- Late data say that they never were.
DELETE FROM alert WHERE id = ANY(%(ids)s::uuid[]);

-- count_events --
-- Reserve as many sequence numbers as each subject needs, under the locks of their rows until the transaction ends.
INSERT INTO subject AS kept (topic, key, sequence)
SELECT topic, key, needed
FROM unnest(%(topics)s::text[], %(keys)s::text[], %(counts)s::bigint[]) AS wanted (topic, key, needed)
ORDER BY topic, key
ON CONFLICT (topic, key) DO UPDATE SET sequence = kept.sequence + excluded.sequence
RETURNING topic, key, sequence;

-- store_events --
INSERT INTO outbox (topic, key, sequence, event, suppressed)
SELECT topic, key, sequence, event::jsonb, %(suppressed)s
FROM unnest(%(topics)s::text[], %(keys)s::text[], %(sequences)s::bigint[], %(events)s::text[])
    WITH ORDINALITY AS told (topic, key, sequence, event, position)
ORDER BY position;

-- The outbox, from the side of the relay.

-- lock_relay --
-- One relay at a time: two would mix up the order of a subject's events.
SELECT pg_try_advisory_lock(hashtext(current_schema() || '.relay'));

-- read_unsent --
-- By what is unsent and not by a cursor: identities are given before the commit, so a lower one may appear later.
SELECT id, topic, key, event::text
FROM outbox
WHERE sent_at IS NULL AND NOT suppressed
ORDER BY id
LIMIT %(most)s;

-- mark_sent --
UPDATE outbox SET sent_at = now() WHERE id = ANY(%(ids)s);

-- delete_sent --
-- In small steps, so that nobody waits for it.
DELETE FROM outbox
WHERE id IN (
    SELECT id FROM outbox
    WHERE sent_at < now() - interval '7 days'
    ORDER BY id
    LIMIT %(most)s
);

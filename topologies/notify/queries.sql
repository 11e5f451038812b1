-- What the notifier has heard, what it has to tell, and what became of it.

-- lock_notify --
-- One notifier at a time: two would mix up the order in which people hear of a subject.
SELECT pg_try_advisory_lock(hashtext(current_schema() || '.notify'));

-- has_begun --
-- Whether there has ever been a notifier here.
SELECT EXISTS (SELECT FROM ledger WHERE consumer = %(consumer)s);

-- read_heard --
SELECT topic, subject, sequence
FROM heard
JOIN unnest(%(topics)s::text[], %(subjects)s::text[]) AS wanted (topic, subject) USING (topic, subject);

-- store_heard --
INSERT INTO heard (topic, subject, sequence)
SELECT * FROM unnest(%(topics)s::text[], %(subjects)s::text[], %(sequences)s::bigint[])
ON CONFLICT (topic, subject) DO UPDATE SET sequence = excluded.sequence;

-- store_notifications --
INSERT INTO notification (id, channel, alert, topic, subject, sequence, change, event)
SELECT *
FROM unnest(
    %(ids)s::uuid[], %(channels)s::text[], %(alerts)s::uuid[], %(topics)s::text[], %(subjects)s::text[],
    %(sequences)s::bigint[], %(changes)s::text[], %(events)s::text[]
)
ON CONFLICT (id) DO NOTHING;

-- read_due --
-- The first that waits of each subject, so that nobody hears of an end before the beginning.
SELECT id, event, stored_at, attempts
FROM (
    SELECT DISTINCT ON (topic, subject) id, event, stored_at, attempts, next_at
    FROM notification
    WHERE channel = %(channel)s AND sent_at IS NULL AND given_up_at IS NULL
    ORDER BY topic, subject, sequence
) AS first
WHERE next_at <= now()
ORDER BY next_at, stored_at
LIMIT %(most)s;

-- mark_sent --
-- It may have been given up while it was on its way.
UPDATE notification
SET sent_at = now(), given_up_at = NULL, attempts = attempts + 1, last_error = %(remark)s
WHERE id = %(id)s;

-- mark_failed --
-- The pause doubles with each attempt, up to the longest.
UPDATE notification
SET attempts = attempts + 1,
    last_error = %(error)s,
    next_at = now() + interval '1 second'
        * least(%(first_seconds)s * power(2::double precision, least(attempts, 30)), %(most_seconds)s)
WHERE id = %(id)s;

-- give_up --
-- Also what waits for a channel that is no longer there.
UPDATE notification
SET given_up_at = now()
WHERE sent_at IS NULL
  AND given_up_at IS NULL
  AND (attempts >= %(attempts)s OR stored_at < now() - interval '1 hour' * %(hours)s)
RETURNING channel, alert, subject, change, attempts, last_error;

-- count_waiting --
SELECT channel, count(*) FROM notification WHERE sent_at IS NULL AND given_up_at IS NULL GROUP BY channel;

-- delete_done --
-- In small steps, so that nobody waits for it; as long as the topics keep the events.
DELETE FROM notification
WHERE id IN (
    SELECT id FROM notification
    WHERE (sent_at IS NOT NULL OR given_up_at IS NOT NULL) AND stored_at < now() - interval '90 days'
    ORDER BY stored_at
    LIMIT %(most)s
);

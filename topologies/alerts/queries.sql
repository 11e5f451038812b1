-- Alerts as people see them.

-- list_alerts --
-- The newest first, each with what became of telling people.
SELECT alert.id, alert.family, alert.rule, alert.severity, alert.subject, alert.site, alert.device, alert.status,
    alert.since, alert.resolved_at, alert.opened_event, alert.value, alert.limit_value, alert.retrospective, alert.message_de,
    alert.message_en, alert.acknowledged_at, alert.acknowledged_by, alert.acknowledged_note,
    alert.class, alert.cause,
    (
        SELECT coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'channel', notification.channel,
                    'change', notification.change,
                    'attempts', notification.attempts,
                    'sent_at', notification.sent_at,
                    'given_up_at', notification.given_up_at,
                    'last_error', notification.last_error
                )
                ORDER BY notification.channel, notification.sequence
            ),
            '[]'
        )
        FROM notification
        WHERE notification.alert = alert.id
    )
FROM alert
WHERE (%(every)s OR alert.status = 'open')
  AND (%(family)s::text IS NULL OR alert.family = %(family)s)
  AND (%(rule)s::text IS NULL OR alert.rule = %(rule)s)
ORDER BY alert.since DESC, alert.id
LIMIT %(most)s;

-- find_alerts --
-- Those whose id begins as given: a range of the primary key.
SELECT id FROM alert WHERE id BETWEEN %(least)s::uuid AND %(greatest)s::uuid ORDER BY id LIMIT 5;

-- acknowledge --
-- Once: the second one finds it done.
UPDATE alert
SET acknowledged_at = %(at)s, acknowledged_by = %(by)s, acknowledged_note = %(note)s
WHERE id = %(id)s AND acknowledged_at IS NULL;

-- read_alert --
SELECT id, family, rule, severity, subject, site, device, status, since, resolved_at, opened_event, value, limit_value,
    retrospective, message_de, message_en, acknowledged_at, acknowledged_by, acknowledged_note, class, cause
FROM alert
WHERE id = %(id)s;

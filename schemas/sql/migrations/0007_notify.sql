-- People are told: what the notifier has heard, what it has to tell and what became of it; a note of acknowledgement.

ALTER TABLE alert ADD COLUMN acknowledged_note text;
COMMENT ON COLUMN alert.acknowledged_note IS 'What the person who acknowledged it wrote';

CREATE TABLE heard (
    topic text NOT NULL,
    subject text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, subject)
);
COMMENT ON TABLE heard IS 'The highest sequence of each subject that the notifier has read; it ignores what is not above';
COMMENT ON COLUMN heard.topic IS 'Of alerts, with the namespace';
COMMENT ON COLUMN heard.subject IS 'The event''s subject';
COMMENT ON COLUMN heard.sequence IS 'The highest one read';

CREATE TABLE notification (
    id uuid PRIMARY KEY,
    channel text NOT NULL,
    alert uuid NOT NULL,
    topic text NOT NULL,
    subject text NOT NULL,
    sequence bigint NOT NULL,
    change text NOT NULL,
    event text NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    sent_at timestamptz,
    given_up_at timestamptz
);
CREATE INDEX notification_waiting ON notification (channel, topic, subject, sequence)
    WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX notification_alert ON notification (alert);
CREATE INDEX notification_done ON notification (stored_at) WHERE sent_at IS NOT NULL OR given_up_at IS NOT NULL;
COMMENT ON TABLE notification IS 'What people are told: one row for each change of an alert and channel, kept 90 days';
COMMENT ON COLUMN notification.id IS 'From the CloudEvent and the channel; the Idempotency-Key or Message-ID of every attempt';
COMMENT ON COLUMN notification.channel IS 'By which webhook or mail, as the settings name it';
COMMENT ON COLUMN notification.alert IS 'alert.id; the alert may be gone, where late data withdrew it';
COMMENT ON COLUMN notification.topic IS 'Where the event was read, with the namespace';
COMMENT ON COLUMN notification.subject IS 'The event''s subject: order holds within it';
COMMENT ON COLUMN notification.sequence IS 'The event''s sequence';
COMMENT ON COLUMN notification.change IS 'opened, updated, acknowledged, resolved: as in the type of the event';
COMMENT ON COLUMN notification.event IS 'The CloudEvent as it was on the topic';
COMMENT ON COLUMN notification.stored_at IS 'When it was read from the topic';
COMMENT ON COLUMN notification.attempts IS 'How often it was tried';
COMMENT ON COLUMN notification.next_at IS 'Not tried before';
COMMENT ON COLUMN notification.last_error IS 'Why the last attempt failed, or what the other side said beside taking it';
COMMENT ON COLUMN notification.sent_at IS 'When the other side took it';
COMMENT ON COLUMN notification.given_up_at IS 'Nobody was told by this channel: too many attempts, or too late';

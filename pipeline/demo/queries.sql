-- What the demo's screen and its closing words ask the database.

-- totals --
SELECT (SELECT count(*) FROM frame) AS frames,
       (SELECT count(*) FROM frame WHERE verdict = 'accepted') AS accepted,
       (SELECT count(*) FROM link_quality) AS links,
       (SELECT count(*) FROM device) AS devices,
       (SELECT count(*) FROM alert WHERE status = 'open') AS open_alerts,
       (SELECT count(*) FROM alert) AS alerts,
       (SELECT count(*) FROM mark) + (SELECT count(*) FROM rollup_mark) AS marks,
       (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND NOT suppressed) AS unsent,
       (SELECT min(as_of) FROM ledger WHERE as_of IS NOT NULL) AS as_of;

-- rejects --
SELECT reason, count(*) FROM dead_letter GROUP BY reason ORDER BY count(*) DESC, reason;

-- zones --
SELECT zone, bays, occupied, free, unknown FROM parking_zone ORDER BY zone;

-- full_containers --
SELECT site, round((fill_ratio * 100)::numeric)::integer, since FROM container
WHERE is_full ORDER BY fill_ratio DESC, site;

-- containers --
SELECT count(*), count(*) FILTER (WHERE is_full), avg(fill_ratio) FROM container WHERE site IS NOT NULL;

-- dark_lamps --
SELECT latest.device, coalesce(device.name, latest.device)
FROM device_latest AS latest LEFT JOIN device ON device.device = latest.device
WHERE latest.quantity = 'lamp_failure' AND latest.number = 1
GROUP BY 1, 2 ORDER BY 2;

-- lamps --
SELECT count(*) FILTER (WHERE lit), count(*)
FROM (
    SELECT device, bool_or(number = 1) AS lit FROM device_latest WHERE quantity = 'lamp_on' GROUP BY device
) AS lamp;

-- wells --
SELECT count(*), count(*) FILTER (WHERE observed_at > %(now)s::timestamptz - interval '1 hour'),
       min(number), avg(number), max(number)
FROM device_latest WHERE quantity = 'pressure_bar';

-- alert_to_tell --
SELECT alert.id, alert.rule, alert.subject, alert.status, alert.since, alert.message_en, alert.opened_event, frame.observed_at,
       frame.device, frame.f_cnt, frame.f_port, frame.raw_partition, frame.raw_offset, frame.decoder,
       frame.decoder_version
FROM alert JOIN frame ON frame.event_id = alert.opened_event
WHERE NOT alert.retrospective
ORDER BY alert.status, alert.since DESC LIMIT 1;

-- fact_to_tell --
SELECT distance_metres, fill_ratio, is_full, site FROM container_level
WHERE device = %(device)s AND observed_at = %(observed_at)s;

-- row_to_tell --
SELECT observed_at, distance_metres, tilted, battery_ratio, flags FROM reading_container
WHERE device = %(device)s AND observed_at = %(observed_at)s;

-- outbox_to_tell --
SELECT topic, event::text FROM outbox WHERE key = %(key)s AND sent_at IS NOT NULL ORDER BY id DESC LIMIT 1;

-- frame_ids --
SELECT event_id::text, verdict, reason FROM frame;

-- reading_events --
SELECT count(DISTINCT event_id) FROM (
    SELECT event_id FROM reading_container UNION ALL SELECT event_id FROM reading_groundwater
    UNION ALL SELECT event_id FROM reading_lighting UNION ALL SELECT event_id FROM reading_parking
) AS rows;

-- positions --
SELECT topic, partition, min(next_offset) FROM ledger GROUP BY topic, partition;

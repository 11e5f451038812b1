-- What the demo's screen and its closing words ask the database.

-- legal_time --
SELECT set_config('TimeZone', %(zone)s, false);

-- totals --
SELECT (SELECT count(*) FROM frame) AS frames,
       (SELECT count(*) FROM frame WHERE verdict = 'accepted') AS accepted,
       (SELECT count(*) FROM link_quality) AS links,
       (SELECT count(*) FROM device) AS devices,
       (SELECT count(*) FROM alert WHERE status = 'open') AS open_alerts,
       (SELECT count(*) FROM alert) AS alerts,
       (SELECT count(*) FROM mark) AS marks,
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

-- emptied_containers --
SELECT count(*), count(DISTINCT site), avg(emptying_ratio) FROM container_emptying;

-- expected_containers --
-- The next ones to be called full, if it goes on as since the last emptying.
SELECT site, round((fill_ratio * 100)::numeric)::integer, nearly_full_at, nearly_full_earliest_at, nearly_full_latest_at
FROM container
WHERE nearly_full_at IS NOT NULL
ORDER BY nearly_full_at, site;

-- open_alerts --
SELECT rule, severity, count(*) FROM alert WHERE status = 'open' GROUP BY rule, severity ORDER BY rule;

-- route --
-- The newest day's lists, by material.
SELECT day, material, to_empty, can_wait FROM container_route
WHERE day = (SELECT max(day) FROM container_route)
ORDER BY material;

-- route_stops --
SELECT material, site, reason, round((fill_ratio * 100)::numeric)::integer, full_at FROM container_route_stop
WHERE day = %(day)s AND reason IS NOT NULL
ORDER BY material, position;

-- dark_lamps --
SELECT alert.site, alert.since, alert.message_en FROM alert
WHERE alert.status = 'open' AND alert.rule IN ('lighting_dark', 'lighting_lamp_fault', 'lighting_driver_fault')
ORDER BY alert.rule, alert.since, alert.site;

-- lamps --
SELECT count(*) FILTER (WHERE burning), count(*) FILTER (WHERE should_burn), count(*)
FROM luminaire WHERE site IS NOT NULL;

-- wells --
SELECT count(*), count(*) FILTER (WHERE now.observed_at > %(now)s::timestamptz - interval '1 hour'),
       count(*) FILTER (WHERE trend.day_metres_per_day > 0.01)
FROM groundwater_well AS now LEFT JOIN groundwater_trend AS trend USING (site)
WHERE now.site IS NOT NULL;

-- high_wells --
SELECT alert.site, now.level_metres_nhn, alert.limit_value, now.depth_metres, alert.since
FROM alert JOIN groundwater_well AS now USING (site)
WHERE alert.status = 'open' AND alert.rule IN ('groundwater_high', 'groundwater_flood')
ORDER BY now.level_metres_nhn - alert.limit_value DESC, alert.site;

-- silent --
-- Those whose silence a gateway's explains are named in the gateway's sentence.
SELECT rule, subject, since, message_en FROM alert
WHERE status = 'open' AND rule IN ('fleet_gateway_offline', 'fleet_device_offline') AND cause IS NULL
ORDER BY rule DESC, since, subject;

-- fleet --
SELECT count(DISTINCT device), sum(received), sum(copies), sum(missing), sum(lost) FROM fleet_day;

-- alert_to_tell --
SELECT alert.id, alert.rule, alert.subject, alert.status, alert.since, alert.message_en, alert.opened_event, frame.observed_at,
       frame.device, frame.f_cnt, frame.f_port, frame.raw_partition, frame.raw_offset, frame.decoder,
       frame.decoder_version
FROM alert JOIN frame ON frame.event_id = alert.opened_event
WHERE NOT alert.retrospective AND alert.family = 'container'
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

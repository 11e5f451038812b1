-- Silences of devices and gateways, and the days of devices.

-- gateways_due --
SELECT gateway, heard_at FROM fleet_gateway WHERE due_at < %(as_of)s;

-- gateway_gaps --
-- Of each gateway, from the last minute before a time on, the gaps between minutes in which it heard somebody, with how
-- many there were in the day before, since when. The last minute has no next one. Steps of a few minutes are left out.
WITH wanted AS (
    SELECT gateway, coalesce(
        (SELECT max(minute) FROM fleet_heard AS h WHERE h.gateway = w.gateway AND minute < w.begin_at), w.begin_at
    ) AS begin_at
    FROM unnest(%(gateways)s::text[], %(begins)s::timestamptz[]) AS w (gateway, begin_at)
), heard AS (
    SELECT
        wanted.gateway, minute, begin_at,
        lead(minute) OVER (PARTITION BY wanted.gateway ORDER BY minute) AS following,
        count(*) OVER day AS minutes,
        min(minute) OVER day AS first
    FROM wanted
    JOIN fleet_heard AS h ON h.gateway = wanted.gateway AND minute >= begin_at - interval '1 day'
    WINDOW day AS (PARTITION BY wanted.gateway ORDER BY minute RANGE BETWEEN interval '1 day' PRECEDING AND CURRENT ROW)
)
SELECT gateway, minute, following, minutes::integer, first, begin_at
FROM heard
WHERE minute >= begin_at AND (following IS NULL OR following - minute > interval '5 minutes')
ORDER BY gateway, minute;

-- keep_gateways --
INSERT INTO fleet_gateway AS kept (gateway, heard_at, minutes, due_at)
SELECT * FROM unnest(%(gateways)s::text[], %(heard)s::timestamptz[], %(minutes)s::integer[], %(due)s::timestamptz[])
ON CONFLICT (gateway) DO UPDATE SET heard_at = excluded.heard_at, minutes = excluded.minutes, due_at = excluded.due_at
WHERE (kept.heard_at, kept.minutes, kept.due_at)
    IS DISTINCT FROM (excluded.heard_at, excluded.minutes, excluded.due_at);

-- dependent_devices --
-- Devices that none but these gateways hear, by each of them: as the city calls their places. What ChirpStack calls them
-- may not be stored yet.
SELECT gateway, coalesce(place.name, now.device)
FROM fleet_device AS now
CROSS JOIN LATERAL unnest(now.usual) AS gateway
LEFT JOIN LATERAL (SELECT name FROM site WHERE site.site = now.site ORDER BY valid_from DESC LIMIT 1) AS place ON true
WHERE now.usual <> '{}' AND now.usual <@ %(gateways)s::text[];

-- heard_again --
-- Devices whose open alert says that they are silent, and who are not.
SELECT alert.device, alert.since
FROM alert
JOIN fleet_device AS now ON now.device = alert.device
WHERE alert.rule = %(rule)s AND alert.status = 'open' AND now.observed_at > alert.since;

-- ended_silences --
-- Silences that a sign of life has ended. Where retention has taken the last one before it, the one that ended it
-- stands for it.
SELECT
    ended.device, ended.silent_from, coalesce(begun.due_at, ended.silent_from), ended.observed_at,
    coalesce(begun.usual, ended.usual), coalesce(begun.event_id, ended.event_id),
    coalesce(ended.site, ended.device), coalesce(place."group", ''),
    coalesce(place.name, ended.device)
FROM unnest(%(devices)s::text[], %(begins)s::timestamptz[]) AS w (device, begin_at)
JOIN fleet_frame AS ended
    ON ended.device = w.device AND ended.silent_from IS NOT NULL AND ended.observed_at > w.begin_at
LEFT JOIN fleet_frame AS begun ON begun.device = ended.device AND begun.observed_at = ended.silent_from
LEFT JOIN LATERAL (
    SELECT name, "group" FROM site WHERE site.site = ended.site ORDER BY valid_from DESC LIMIT 1
) AS place ON true;

-- left_silences --
-- Silences that the end of the assignment has ended, before the device spoke again elsewhere.
SELECT
    begun.device, begun.observed_at, begun.due_at, left_at.valid_from, begun.usual, begun.event_id,
    coalesce(begun.site, begun.device), coalesce(place."group", ''),
    coalesce(place.name, begun.device)
FROM unnest(%(devices)s::text[], %(begins)s::timestamptz[]) AS w (device, begin_at)
JOIN fleet_frame AS begun ON begun.device = w.device AND begun.observed_at = w.begin_at
CROSS JOIN LATERAL (
    SELECT min(valid_from) AS valid_from
    FROM assignment
    WHERE assignment.device = begun.device
      AND assignment.valid_from > begun.observed_at
      AND assignment.site IS DISTINCT FROM begun.site
) AS left_at
LEFT JOIN LATERAL (
    SELECT name, "group" FROM site WHERE site.site = begun.site ORDER BY valid_from DESC LIMIT 1
) AS place ON true
WHERE left_at.valid_from > begun.due_at;

-- explained --
-- Silences that these alerts explain.
SELECT device, min(since) FROM alert WHERE cause = ANY(%(ids)s) GROUP BY device;

-- open_silences --
-- Devices that are overdue, with the end of their assignment, where there is one; without those of whom people have heard
-- already, as long as nothing else happens to them.
SELECT
    now.device, now.observed_at, now.due_at, left_at.valid_from, now.usual, now.event_id,
    coalesce(now.fact_site, now.device), coalesce(place."group", ''),
    coalesce(place.name, now.device)
FROM fleet_device AS now
CROSS JOIN LATERAL (
    SELECT min(valid_from) AS valid_from
    FROM assignment
    WHERE assignment.device = now.device
      AND assignment.valid_from > now.observed_at
      AND assignment.site IS DISTINCT FROM now.fact_site
) AS left_at
LEFT JOIN LATERAL (
    SELECT name, "group" FROM site WHERE site.site = now.fact_site ORDER BY valid_from DESC LIMIT 1
) AS place ON true
WHERE now.due_at < %(as_of)s
  AND (left_at.valid_from <= %(as_of)s OR NOT EXISTS (
      SELECT FROM alert
      WHERE alert.rule = %(rule)s AND alert.device = now.device AND alert.since = now.observed_at
        AND alert.status = 'open' AND NOT alert.silenced AND NOT alert.retrospective
  ));

-- outages --
SELECT device, id, since, resolved_at
FROM alert
WHERE rule = %(rule)s AND device = ANY(%(gateways)s) AND (resolved_at IS NULL OR resolved_at > %(since)s);

-- first_heard --
-- The first minute from a time on in which a gateway heard somebody.
SELECT w.gateway, w.due_at, first.minute
FROM unnest(%(gateways)s::text[], %(dues)s::timestamptz[]) AS w (gateway, due_at)
CROSS JOIN LATERAL (
    SELECT min(minute) AS minute
    FROM fleet_heard AS h
    WHERE h.gateway = w.gateway AND minute >= date_trunc('minute', w.due_at)
) AS first;

-- read_day_marks --
-- The days that waited longest, each with all its marks.
SELECT subject, bucket, array_agg(id)
FROM mark
WHERE what = 'fleet_day'
GROUP BY subject, bucket
ORDER BY min(id)
LIMIT %(most)s;

-- neighbours --
-- With each day the next one that there is, whose first gap begins in it; and with a new one the last one before it,
-- which is over now.
SELECT w.device, coalesce(following.day, w.day)
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
CROSS JOIN LATERAL (
    SELECT min(day) AS day FROM fleet_day WHERE fleet_day.device = w.device AND fleet_day.day > w.day
) AS following
UNION
SELECT w.device, earlier.day
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
CROSS JOIN LATERAL (
    SELECT max(day) AS day FROM fleet_day WHERE fleet_day.device = w.device AND fleet_day.day < w.day
) AS earlier
WHERE earlier.day IS NOT NULL
  AND NOT EXISTS (SELECT FROM fleet_day WHERE fleet_day.device = w.device AND fleet_day.day = w.day);

-- events --
-- Uplinks and joins of days in order; before them the last uplink before the day, and the last join after that.
SELECT w.device, w.day, observed_at, event, verdict, dev_addr, f_cnt, false AS is_earlier
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
JOIN frame
    ON frame.device = w.device AND observed_at >= w.day AND observed_at < w.day + interval '24 hours'
    AND event IN ('up', 'join')
UNION ALL
SELECT w.device, w.day, before.*, true
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
CROSS JOIN LATERAL (
    SELECT observed_at, event, verdict, dev_addr, f_cnt
    FROM frame
    WHERE frame.device = w.device AND observed_at < w.day AND observed_at >= w.day - interval '30 days'
      AND event = 'up' AND verdict <> 'duplicate'
    ORDER BY observed_at DESC
    LIMIT 1
) AS before
UNION ALL
SELECT w.device, w.day, joined.*, true
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
CROSS JOIN LATERAL (
    SELECT observed_at, event, verdict, dev_addr, f_cnt
    FROM frame
    WHERE frame.device = w.device AND observed_at < w.day AND observed_at >= w.day - interval '30 days'
      AND event IN ('join', 'up')
    ORDER BY observed_at DESC
    LIMIT 1
) AS joined
WHERE joined.event = 'join'
ORDER BY 1, 2, 3, 4;

-- links --
-- How uplinks were heard: of each the best gateway, and how many there were.
SELECT w.device, w.day, heard.spreading_factor, heard.rssi_dbm, heard.snr_db, heard.gateways
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
CROSS JOIN LATERAL (
    SELECT
        avg(nullif(frame.spreading_factor, 0))::double precision AS spreading_factor,
        avg(link.rssi_dbm)::double precision AS rssi_dbm,
        avg(link.snr_db)::double precision AS snr_db,
        avg(link.gateways)::double precision AS gateways
    FROM frame
    LEFT JOIN (
        SELECT event_id, max(rssi_dbm) AS rssi_dbm, max(snr_db) AS snr_db, count(*) AS gateways
        FROM link_quality
        WHERE link_quality.device = w.device
          AND observed_at >= w.day AND observed_at < w.day + interval '24 hours'
        GROUP BY event_id
    ) AS link USING (event_id)
    WHERE frame.device = w.device AND observed_at >= w.day AND observed_at < w.day + interval '24 hours'
      AND event = 'up' AND verdict <> 'duplicate'
) AS heard;

-- lost --
-- Signs of life that the fleet saw and the store, which is further than they are, has not stored.
SELECT w.device, w.day, count(fact.event_id)::integer
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
JOIN fleet_device AS now ON now.device = w.device
JOIN ledger ON ledger.consumer = 'store' AND ledger.topic = %(topic)s AND ledger.partition = now.partition
JOIN fleet_frame AS fact
    ON fact.device = w.device AND fact.observed_at >= w.day AND fact.observed_at < w.day + interval '24 hours'
    AND fact.raw_offset <= ledger.raw_offset
    AND NOT EXISTS (
        SELECT FROM frame
        WHERE frame.event_id = fact.event_id
          AND frame.observed_at BETWEEN fact.observed_at - interval '1 microsecond' AND fact.observed_at
    )
GROUP BY w.device, w.day;

-- reported_batteries --
-- The last charge in a status of each day.
SELECT DISTINCT ON (w.device, w.day) w.device, w.day, fact.observed_at, fact.reported_ratio, NULL::boolean
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
JOIN fleet_frame AS fact
    ON fact.device = w.device AND fact.observed_at >= w.day AND fact.observed_at < w.day + interval '24 hours'
    AND fact.reported_ratio IS NOT NULL
ORDER BY w.device, w.day, fact.observed_at DESC;

-- known_days --
-- What is kept of devices since some time.
SELECT
    device, day, received, accepted, no_payload, ignored, rejected, copies, sessions, joins, resets, missing, lost,
    spreading_factor, rssi_dbm, snr_db, gateways, battery_ratio, battery_low, battery_days_left
FROM fleet_day
WHERE device = ANY(%(devices)s) AND day >= %(since)s
ORDER BY device, day;

-- charges --
SELECT device, day, battery_ratio
FROM fleet_day
WHERE device = ANY(%(devices)s) AND day >= %(since)s AND battery_ratio IS NOT NULL;

-- keep_day --
INSERT INTO fleet_day (
    device, day, received, accepted, no_payload, ignored, rejected, copies, sessions, joins, resets, missing, lost,
    spreading_factor, rssi_dbm, snr_db, gateways, battery_ratio, battery_low, battery_days_left
)
VALUES (
    %(device)s, %(day)s, %(received)s, %(accepted)s, %(no_payload)s, %(ignored)s, %(rejected)s, %(copies)s,
    %(sessions)s, %(joins)s, %(resets)s, %(missing)s, %(lost)s, %(spreading_factor)s, %(rssi_dbm)s, %(snr_db)s,
    %(gateways)s, %(battery_ratio)s, %(battery_low)s, %(battery_days_left)s
)
ON CONFLICT (device, day) DO UPDATE SET
    received = excluded.received, accepted = excluded.accepted, no_payload = excluded.no_payload,
    ignored = excluded.ignored, rejected = excluded.rejected, copies = excluded.copies, sessions = excluded.sessions,
    joins = excluded.joins, resets = excluded.resets, missing = excluded.missing, lost = excluded.lost,
    spreading_factor = excluded.spreading_factor, rssi_dbm = excluded.rssi_dbm, snr_db = excluded.snr_db,
    gateways = excluded.gateways, battery_ratio = excluded.battery_ratio, battery_low = excluded.battery_low,
    battery_days_left = excluded.battery_days_left;

-- clear_sessions --
DELETE FROM fleet_session
USING unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
WHERE fleet_session.device = w.device AND fleet_session.day = w.day;

-- keep_session --
INSERT INTO fleet_session (
    device, day, begins_at, begun_by, dev_addr, first_f_cnt, last_f_cnt, received, copies, missing
)
VALUES (
    %(device)s, %(day)s, %(begins_at)s, %(begun_by)s, %(dev_addr)s, %(first_f_cnt)s, %(last_f_cnt)s, %(received)s,
    %(copies)s, %(missing)s
)
ON CONFLICT (device, day, begins_at) DO NOTHING;

-- who --
-- Where devices were first on each day, and what people call that. What came later on the day must not move an alert.
SELECT w.device, w.day, coalesce(served.site, w.device), coalesce(place."group", ''),
    coalesce(place.name, nullif(device.name, ''), w.device)
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
LEFT JOIN device ON device.device = w.device
LEFT JOIN LATERAL (
    SELECT site
    FROM (
        SELECT site, valid_from, lead(valid_from) OVER (ORDER BY valid_from) AS until
        FROM assignment
        WHERE assignment.device = w.device
    ) AS turn
    WHERE site IS NOT NULL AND valid_from < w.day + interval '1 day' AND coalesce(until, 'infinity') > w.day
    ORDER BY valid_from
    LIMIT 1
) AS served ON true
LEFT JOIN LATERAL (
    SELECT name, "group" FROM site WHERE site.site = served.site ORDER BY valid_from DESC LIMIT 1
) AS place ON true
ORDER BY w.device, w.day;

-- known_sessions --
SELECT
    session.device, session.day, begins_at, begun_by, dev_addr, first_f_cnt, last_f_cnt, received, copies, missing
FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)
JOIN fleet_session AS session ON session.device = w.device AND session.day = w.day
ORDER BY session.device, session.day, session.begins_at;

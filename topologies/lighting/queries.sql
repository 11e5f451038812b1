-- Facts of luminaires, and their rows of now. Staged times are microseconds since 1970.

-- create_staging --
CREATE TEMPORARY TABLE staged_fact (
    device text COLLATE "C", observed_at bigint, event_id uuid, dimming_ratio double precision, lamp_on boolean,
    lamp_failure boolean, driver_failure boolean, power_watts double precision, energy_watt_hours double precision,
    energy_channel integer, lamp_seconds double precision, lamp_channel integer, site text, segment text,
    rated_watts double precision, night bigint, prior_at bigint, burning boolean, since bigint, until_at bigint,
    failed boolean, should_burn boolean, level_ratio double precision, draws_watts double precision,
    lamp_fault boolean, driver_fault boolean, meter double precision[], used_watt_hours double precision,
    used_since bigint, lamp_meter double precision[], lit_seconds double precision, lit_since bigint, alarms jsonb,
    flags text[]
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE staged_now (
    device text COLLATE "C", partition integer, observed_at bigint, event_id uuid, site text, segment text,
    burning boolean, since bigint, should_burn boolean, level_ratio double precision, power_watts double precision,
    lamp_fault boolean, driver_fault boolean, energy_watt_hours double precision, lamp_seconds double precision,
    until_at bigint, failed boolean, meter double precision[], lamp_meter double precision[], alarms jsonb
) ON COMMIT DELETE ROWS;

-- stage_facts --
COPY staged_fact FROM STDIN;

-- store_facts --
-- A fact is replaced as a whole: it was folded anew from its own input.
INSERT INTO luminaire_state (
    device, observed_at, event_id, dimming_ratio, lamp_on, lamp_failure, driver_failure, power_watts,
    energy_watt_hours, energy_channel, lamp_seconds, lamp_channel, site, segment, rated_watts, night, prior_at,
    burning, since, until_at, failed, should_burn, level_ratio, draws_watts, lamp_fault, driver_fault, meter,
    used_watt_hours, used_since, lamp_meter, lit_seconds, lit_since, alarms, flags
)
SELECT
    device, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, dimming_ratio, lamp_on,
    lamp_failure, driver_failure, power_watts, energy_watt_hours, energy_channel, lamp_seconds, lamp_channel, site,
    segment, rated_watts, timestamptz 'epoch' + night * interval '1 microsecond',
    timestamptz 'epoch' + prior_at * interval '1 microsecond', burning,
    timestamptz 'epoch' + since * interval '1 microsecond',
    timestamptz 'epoch' + until_at * interval '1 microsecond', failed, should_burn, level_ratio, draws_watts,
    lamp_fault, driver_fault, meter, used_watt_hours, timestamptz 'epoch' + used_since * interval '1 microsecond',
    lamp_meter, lit_seconds, timestamptz 'epoch' + lit_since * interval '1 microsecond', alarms, flags
FROM staged_fact
ON CONFLICT (device, observed_at) DO UPDATE SET
    event_id = excluded.event_id, dimming_ratio = excluded.dimming_ratio, lamp_on = excluded.lamp_on,
    lamp_failure = excluded.lamp_failure, driver_failure = excluded.driver_failure,
    power_watts = excluded.power_watts, energy_watt_hours = excluded.energy_watt_hours,
    energy_channel = excluded.energy_channel, lamp_seconds = excluded.lamp_seconds,
    lamp_channel = excluded.lamp_channel, site = excluded.site, segment = excluded.segment,
    rated_watts = excluded.rated_watts, night = excluded.night, prior_at = excluded.prior_at,
    burning = excluded.burning, since = excluded.since, until_at = excluded.until_at, failed = excluded.failed,
    should_burn = excluded.should_burn, level_ratio = excluded.level_ratio, draws_watts = excluded.draws_watts,
    lamp_fault = excluded.lamp_fault, driver_fault = excluded.driver_fault, meter = excluded.meter,
    used_watt_hours = excluded.used_watt_hours, used_since = excluded.used_since, lamp_meter = excluded.lamp_meter,
    lit_seconds = excluded.lit_seconds, lit_since = excluded.lit_since, alarms = excluded.alarms,
    flags = excluded.flags;

-- load_facts --
-- Of each device the facts from the last one before a time on.
SELECT
    fact.device, fact.observed_at, fact.event_id, fact.dimming_ratio, fact.lamp_on, fact.lamp_failure,
    fact.driver_failure, fact.power_watts, fact.energy_watt_hours, fact.energy_channel, fact.lamp_seconds,
    fact.lamp_channel, fact.site, fact.segment, fact.rated_watts, fact.night, fact.prior_at, fact.burning,
    fact.since, fact.until_at, fact.failed, fact.should_burn, fact.level_ratio, fact.draws_watts, fact.lamp_fault,
    fact.driver_fault, fact.meter, fact.used_watt_hours, fact.used_since, fact.lamp_meter, fact.lit_seconds,
    fact.lit_since, fact.alarms, fact.flags
FROM unnest(%(devices)s::text[], %(from)s::timestamptz[]) AS late (device, from_at)
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM luminaire_state
    WHERE device = late.device AND observed_at < late.from_at
) AS before
JOIN luminaire_state AS fact
    ON fact.device = late.device AND fact.observed_at >= coalesce(before.observed_at, late.from_at)
ORDER BY fact.device, fact.observed_at;

-- stage_now --
COPY staged_now FROM STDIN;

-- store_now --
INSERT INTO luminaire (
    device, partition, observed_at, event_id, site, segment, burning, since, should_burn, level_ratio, power_watts,
    lamp_fault, driver_fault, energy_watt_hours, lamp_seconds, until_at, failed, meter, lamp_meter, alarms
)
SELECT
    device, partition, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, site, segment,
    burning, timestamptz 'epoch' + since * interval '1 microsecond', should_burn, level_ratio, power_watts,
    lamp_fault, driver_fault, energy_watt_hours, lamp_seconds,
    timestamptz 'epoch' + until_at * interval '1 microsecond', failed, meter, lamp_meter, alarms
FROM staged_now
ORDER BY device
ON CONFLICT (device) DO UPDATE SET
    partition = excluded.partition, observed_at = excluded.observed_at, event_id = excluded.event_id,
    site = excluded.site, segment = excluded.segment, burning = excluded.burning, since = excluded.since,
    should_burn = excluded.should_burn, level_ratio = excluded.level_ratio, power_watts = excluded.power_watts,
    lamp_fault = excluded.lamp_fault, driver_fault = excluded.driver_fault,
    energy_watt_hours = excluded.energy_watt_hours, lamp_seconds = excluded.lamp_seconds,
    until_at = excluded.until_at, failed = excluded.failed, meter = excluded.meter,
    lamp_meter = excluded.lamp_meter, alarms = excluded.alarms;

-- load_now --
-- What is shown, and the newest fact. Where retention has taken the fact, what is shown stands for it.
SELECT
    now.device, now.observed_at, now.event_id, fact.dimming_ratio, fact.lamp_on, fact.lamp_failure,
    fact.driver_failure, fact.power_watts, fact.energy_watt_hours, fact.energy_channel, fact.lamp_seconds,
    fact.lamp_channel, CASE WHEN fact.device IS NULL THEN now.site ELSE fact.site END,
    CASE WHEN fact.device IS NULL THEN now.segment ELSE fact.segment END, fact.rated_watts, fact.night,
    fact.prior_at, CASE WHEN fact.device IS NULL THEN now.burning ELSE fact.burning END,
    CASE WHEN fact.device IS NULL THEN now.since ELSE fact.since END, now.until_at, now.failed,
    CASE WHEN fact.device IS NULL THEN now.should_burn ELSE fact.should_burn END,
    CASE WHEN fact.device IS NULL THEN now.level_ratio ELSE fact.level_ratio END,
    CASE WHEN fact.device IS NULL THEN now.power_watts ELSE fact.draws_watts END,
    CASE WHEN fact.device IS NULL THEN now.lamp_fault ELSE fact.lamp_fault END,
    CASE WHEN fact.device IS NULL THEN now.driver_fault ELSE fact.driver_fault END, now.meter, fact.used_watt_hours,
    fact.used_since, now.lamp_meter, fact.lit_seconds, fact.lit_since, now.alarms, fact.flags, now.site,
    now.segment, now.burning, now.since, now.should_burn, now.level_ratio, now.power_watts, now.lamp_fault,
    now.driver_fault, now.energy_watt_hours, now.lamp_seconds, now.partition AS number
FROM luminaire AS now
LEFT JOIN luminaire_state AS fact ON fact.device = now.device AND fact.observed_at = now.observed_at
WHERE now.partition = ANY(%(partitions)s);

-- load_recompute --
-- Requests for the devices of one partition: their sites have changed.
SELECT recompute.id, recompute.device, recompute.from_at
FROM recompute
JOIN luminaire AS now ON now.device = recompute.device
WHERE now.partition = %(partition)s;

-- Facts of luminaires, and their rows of now.

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

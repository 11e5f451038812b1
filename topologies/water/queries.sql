-- Facts of water meters, and their rows of now. Staged times are microseconds since 1970.

-- create_staging --
CREATE TEMPORARY TABLE staged_fact (
    device text COLLATE "C", observed_at bigint, event_id uuid, volumes jsonb, raised text[], cleared text[],
    site text, used_litres double precision, peak_litres_per_hour double precision, track jsonb, found text[],
    meter_alarms text[], alarms jsonb, flags text[]
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE staged_now (
    device text COLLATE "C", partition integer, observed_at bigint, event_id uuid, site text,
    volume_litres double precision, measured_at bigint, flow_litres_per_hour double precision,
    lowest_litres_per_hour double precision, still_since bigint, found text[], meter_alarms text[], track jsonb,
    alarms jsonb
) ON COMMIT DELETE ROWS;

-- stage_facts --
COPY staged_fact FROM STDIN;

-- store_facts --
-- A fact is replaced as a whole: it was folded anew from its own input.
INSERT INTO water_consumption (
    device, observed_at, event_id, volumes, raised, cleared, site, used_litres, peak_litres_per_hour, track, found,
    meter_alarms, alarms, flags
)
SELECT
    device, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, volumes, raised, cleared, site,
    used_litres, peak_litres_per_hour, track, found, meter_alarms, alarms, flags
FROM staged_fact
ON CONFLICT (device, observed_at) DO UPDATE SET
    event_id = excluded.event_id, volumes = excluded.volumes, raised = excluded.raised, cleared = excluded.cleared,
    site = excluded.site, used_litres = excluded.used_litres, peak_litres_per_hour = excluded.peak_litres_per_hour,
    track = excluded.track, found = excluded.found, meter_alarms = excluded.meter_alarms, alarms = excluded.alarms,
    flags = excluded.flags;

-- load_facts --
-- Of each device the facts from the last one before a time on.
SELECT
    fact.device, fact.observed_at, fact.event_id, fact.volumes, fact.raised, fact.cleared, fact.site,
    fact.used_litres, fact.peak_litres_per_hour, fact.track, fact.found, fact.meter_alarms, fact.alarms, fact.flags
FROM unnest(%(devices)s::text[], %(from)s::timestamptz[]) AS late (device, from_at)
CROSS JOIN LATERAL (
    SELECT max(observed_at) AS observed_at
    FROM water_consumption
    WHERE device = late.device AND observed_at < late.from_at
) AS before
JOIN water_consumption AS fact
    ON fact.device = late.device AND fact.observed_at >= coalesce(before.observed_at, late.from_at)
ORDER BY fact.device, fact.observed_at;

-- stage_now --
COPY staged_now FROM STDIN;

-- store_now --
INSERT INTO water_meter (
    device, partition, observed_at, event_id, site, volume_litres, measured_at, flow_litres_per_hour,
    lowest_litres_per_hour, still_since, found, meter_alarms, track, alarms
)
SELECT
    device, partition, timestamptz 'epoch' + observed_at * interval '1 microsecond', event_id, site, volume_litres,
    timestamptz 'epoch' + measured_at * interval '1 microsecond', flow_litres_per_hour, lowest_litres_per_hour,
    timestamptz 'epoch' + still_since * interval '1 microsecond', found, meter_alarms, track, alarms
FROM staged_now
ORDER BY device
ON CONFLICT (device) DO UPDATE SET
    partition = excluded.partition, observed_at = excluded.observed_at, event_id = excluded.event_id,
    site = excluded.site, volume_litres = excluded.volume_litres, measured_at = excluded.measured_at,
    flow_litres_per_hour = excluded.flow_litres_per_hour, lowest_litres_per_hour = excluded.lowest_litres_per_hour,
    still_since = excluded.still_since, found = excluded.found, meter_alarms = excluded.meter_alarms,
    track = excluded.track, alarms = excluded.alarms;

-- load_now --
-- What is shown, and the newest fact. Where retention has taken the fact, its state is here, without what it was from.
SELECT
    now.device, now.observed_at, now.event_id, fact.volumes, fact.raised, fact.cleared,
    CASE WHEN fact.device IS NULL THEN now.site ELSE fact.site END,
    fact.used_litres,
    fact.peak_litres_per_hour,
    now.track,
    CASE WHEN fact.device IS NULL THEN now.found ELSE fact.found END,
    CASE WHEN fact.device IS NULL THEN now.meter_alarms ELSE fact.meter_alarms END,
    now.alarms,
    fact.flags,
    now.site, now.volume_litres, now.measured_at, now.flow_litres_per_hour, now.lowest_litres_per_hour,
    now.still_since, now.found, now.meter_alarms, now.partition AS number
FROM water_meter AS now
LEFT JOIN water_consumption AS fact ON fact.device = now.device AND fact.observed_at = now.observed_at
WHERE now.partition = ANY(%(partitions)s);

-- load_recompute --
-- Requests for the devices of one partition: their sites have changed.
SELECT recompute.id, recompute.device, recompute.from_at
FROM recompute
JOIN water_meter AS now ON now.device = recompute.device
WHERE now.partition = %(partition)s;

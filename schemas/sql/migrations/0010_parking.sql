-- Parking over time: stays of bays, the history of zones, and zone events that do not come faster than they are read.

ALTER TABLE parking_observation
    ADD COLUMN heartbeat boolean,
    ADD COLUMN earliest_at timestamptz,
    ADD COLUMN settles_at timestamptz,
    ADD COLUMN held boolean,
    ADD COLUMN held_since timestamptz,
    ADD COLUMN held_earliest_at timestamptz,
    ADD COLUMN silent_at timestamptz,
    ADD COLUMN overstay_at timestamptz;
COMMENT ON COLUMN parking_observation.heartbeat IS 'Whether the frame came because time had passed; null where the sensor does not say';
COMMENT ON COLUMN parking_observation.earliest_at IS 'When occupied may have become what it is at the earliest; null = not known';
COMMENT ON COLUMN parking_observation.settles_at IS 'When occupied will have lasted long enough to be a change; null where it is what is held';
COMMENT ON COLUMN parking_observation.held IS 'The state without what was too short; null = unknown';
COMMENT ON COLUMN parking_observation.held_since IS 'Since when that is so';
COMMENT ON COLUMN parking_observation.held_earliest_at IS 'When that may have begun at the earliest; null = not known';
COMMENT ON COLUMN parking_observation.silent_at IS 'From when on the sensor is silent, if no other frame comes';
COMMENT ON COLUMN parking_observation.overstay_at IS 'From when on the stay is too long, if it lasts; null where none is on, or there is no limit';

-- What was kept so far: each word was a change, and the day of silence had 26 hours.
UPDATE parking_observation SET
    since = coalesce(since, observed_at), earliest_at = since, held = occupied,
    held_since = coalesce(since, observed_at), held_earliest_at = since, silent_at = observed_at + interval '26 hours';

ALTER TABLE parking_bay ADD COLUMN settled boolean;
COMMENT ON COLUMN parking_bay.settled IS 'Whether that has lasted long enough to be a change';
UPDATE parking_bay SET settled = true WHERE site IS NOT NULL;

ALTER TABLE parking_zone
    ADD COLUMN told_at timestamptz,
    ADD COLUMN told integer[];
COMMENT ON COLUMN parking_zone.told_at IS 'When subscribers were told of it last';
COMMENT ON COLUMN parking_zone.told IS 'What they were told: bays, occupied, free, unknown; what differs is told when it may be';

CREATE TABLE parking_phase (
    site text NOT NULL,
    begin_at timestamptz NOT NULL,
    zone text,
    device text COLLATE "C" NOT NULL,
    occupied boolean NOT NULL,
    begin_earliest_at timestamptz,
    end_at timestamptz,
    end_earliest_at timestamptz,
    ended_by text CHECK (ended_by IN ('sensor', 'heartbeat', 'silence', 'replaced', 'unassigned')),
    PRIMARY KEY (site, begin_at)
);
CREATE INDEX parking_phase_end ON parking_phase (site, end_at);
COMMENT ON TABLE parking_phase IS 'From when to when a bay was taken (a stay) or free, derived from the facts of its sensors; between phases it is unknown';
COMMENT ON COLUMN parking_phase.site IS 'The bay';
COMMENT ON COLUMN parking_phase.begin_at IS 'When it began, by the frame that showed it';
COMMENT ON COLUMN parking_phase.zone IS 'The bay''s group then';
COMMENT ON COLUMN parking_phase.device IS 'DevEUI of the sensor that saw it begin';
COMMENT ON COLUMN parking_phase.occupied IS 'True: a stay';
COMMENT ON COLUMN parking_phase.begin_earliest_at IS 'When it may have begun at the earliest; null = its begin was not seen';
COMMENT ON COLUMN parking_phase.end_at IS 'When it ended at the latest; null = it goes on';
COMMENT ON COLUMN parking_phase.end_earliest_at IS 'When it may have ended at the earliest; null = it goes on';
COMMENT ON COLUMN parking_phase.ended_by IS 'sensor: it told of the change; heartbeat: a frame of the change was lost; silence: nothing is known from then on; replaced, unassigned: the sensor left the bay';

CREATE TABLE parking_zone_history (
    zone text NOT NULL,
    period text NOT NULL CHECK (period IN ('quarter', 'hour', 'day')),
    begin_at timestamptz NOT NULL,
    audience text NOT NULL CHECK (audience IN ('operations', 'public')),
    end_at timestamptz NOT NULL,
    bays integer NOT NULL,
    occupied_seconds double precision NOT NULL,
    known_seconds double precision NOT NULL,
    occupancy_ratio double precision,
    known_ratio double precision NOT NULL,
    stays_begun integer NOT NULL,
    turnover_ratio double precision NOT NULL,
    stays_ended integer NOT NULL,
    stay_median_seconds double precision,
    stay_p90_seconds double precision,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (zone, period, begin_at, audience)
);
CREATE INDEX parking_zone_history_begin ON parking_zone_history (period, begin_at);
COMMENT ON TABLE parking_zone_history IS 'Parking zones over time, recomputed from phases; stretches that are over';
COMMENT ON COLUMN parking_zone_history.zone IS 'The group of bays';
COMMENT ON COLUMN parking_zone_history.period IS 'quarter: of an hour; hour; day: of legal time, 23 to 25 hours';
COMMENT ON COLUMN parking_zone_history.begin_at IS 'Begin of the stretch';
COMMENT ON COLUMN parking_zone_history.audience IS 'operations: all bays but personally assigned ones; public: open bays alone';
COMMENT ON COLUMN parking_zone_history.end_at IS 'Its end, not included';
COMMENT ON COLUMN parking_zone_history.bays IS 'Bays that a sensor served in it';
COMMENT ON COLUMN parking_zone_history.occupied_seconds IS 'Of all bays together [s]';
COMMENT ON COLUMN parking_zone_history.known_seconds IS 'Occupied or free, of all bays together [s]';
COMMENT ON COLUMN parking_zone_history.occupancy_ratio IS 'occupied_seconds / known_seconds; null where nothing is known [1]';
COMMENT ON COLUMN parking_zone_history.known_ratio IS 'known_seconds / (bays * length): share of bays with data [1]';
COMMENT ON COLUMN parking_zone_history.stays_begun IS 'Stays whose begin was seen in it [1]';
COMMENT ON COLUMN parking_zone_history.turnover_ratio IS 'stays_begun / bays [1]';
COMMENT ON COLUMN parking_zone_history.stays_ended IS 'Stays whose end was seen in it, and whose begin was seen [1]';
COMMENT ON COLUMN parking_zone_history.stay_median_seconds IS 'Their median duration; null where there is none [s]';
COMMENT ON COLUMN parking_zone_history.stay_p90_seconds IS 'Nine of ten were shorter; null where there is none [s]';
COMMENT ON COLUMN parking_zone_history.stored_at IS 'When the row was written last';

CREATE VIEW internal_parking_phase WITH (security_barrier) AS
SELECT site, begin_at, zone, device, occupied, begin_earliest_at, end_at, end_earliest_at, ended_by,
    extract(epoch FROM end_at - begin_at)::double precision AS duration_seconds,
    extract(epoch FROM greatest(end_earliest_at - begin_at, interval '0'))::double precision AS shortest_seconds,
    extract(epoch FROM end_at - begin_earliest_at)::double precision AS longest_seconds
FROM parking_phase
WHERE site NOT IN (SELECT site FROM site WHERE class = 'personal')
  AND device NOT IN (SELECT device FROM personal_device);
COMMENT ON VIEW internal_parking_phase IS 'parking_phase without personally assigned bays: for operations; stays are those where occupied';
COMMENT ON COLUMN internal_parking_phase.site IS 'The bay';
COMMENT ON COLUMN internal_parking_phase.begin_at IS 'When it began, by the frame that showed it';
COMMENT ON COLUMN internal_parking_phase.zone IS 'The bay''s group then';
COMMENT ON COLUMN internal_parking_phase.device IS 'DevEUI of the sensor that saw it begin';
COMMENT ON COLUMN internal_parking_phase.occupied IS 'True: a stay';
COMMENT ON COLUMN internal_parking_phase.begin_earliest_at IS 'When it may have begun at the earliest; null = its begin was not seen';
COMMENT ON COLUMN internal_parking_phase.end_at IS 'When it ended at the latest; null = it goes on';
COMMENT ON COLUMN internal_parking_phase.end_earliest_at IS 'When it may have ended at the earliest; null = it goes on';
COMMENT ON COLUMN internal_parking_phase.ended_by IS 'sensor, heartbeat, silence, replaced or unassigned';
COMMENT ON COLUMN internal_parking_phase.duration_seconds IS 'From begin_at to end_at [s]';
COMMENT ON COLUMN internal_parking_phase.shortest_seconds IS 'It lasted as long at the least [s]';
COMMENT ON COLUMN internal_parking_phase.longest_seconds IS 'And at the most; null = its begin was not seen [s]';

CREATE VIEW open_parking_zone_history WITH (security_barrier) AS
SELECT zone, period, begin_at, end_at, bays, occupancy_ratio, known_ratio, stays_begun, turnover_ratio,
    CASE WHEN stays_ended >= 5 THEN stay_median_seconds END AS stay_median_seconds,
    CASE WHEN stays_ended >= 5 THEN stay_p90_seconds END AS stay_p90_seconds
FROM parking_zone_history
WHERE audience = 'public' AND bays >= 5;
COMMENT ON VIEW open_parking_zone_history IS 'Open data: zones over time, counted from open bays alone, where there were at least five';
COMMENT ON COLUMN open_parking_zone_history.zone IS 'The group of bays';
COMMENT ON COLUMN open_parking_zone_history.period IS 'quarter: of an hour; hour; day: of legal time';
COMMENT ON COLUMN open_parking_zone_history.begin_at IS 'Begin of the stretch';
COMMENT ON COLUMN open_parking_zone_history.end_at IS 'Its end, not included';
COMMENT ON COLUMN open_parking_zone_history.bays IS 'Open bays that a sensor served in it';
COMMENT ON COLUMN open_parking_zone_history.occupancy_ratio IS 'Share of the known time in which bays were occupied [1]';
COMMENT ON COLUMN open_parking_zone_history.known_ratio IS 'Share of bays with data [1]';
COMMENT ON COLUMN open_parking_zone_history.stays_begun IS 'Stays that began in it [1]';
COMMENT ON COLUMN open_parking_zone_history.turnover_ratio IS 'stays_begun / bays [1]';
COMMENT ON COLUMN open_parking_zone_history.stay_median_seconds IS 'Median duration of the stays that ended in it; null where there were fewer than five [s]';
COMMENT ON COLUMN open_parking_zone_history.stay_p90_seconds IS 'Nine of ten were shorter; null where there were fewer than five [s]';

-- What is there already of bays becomes phases, and those the history of their zones.
INSERT INTO mark (what, subject, bucket)
SELECT DISTINCT 'parking_stay', site, timestamptz '2000-01-01 00:00+00'
FROM parking_observation
WHERE site IS NOT NULL;

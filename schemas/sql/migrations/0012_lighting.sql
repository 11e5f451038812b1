-- Street lights: facts, what is so now, and nights.

-- ── street lights ─────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE luminaire_state (
    device text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    dimming_ratio double precision,
    lamp_on boolean,
    lamp_failure boolean,
    driver_failure boolean,
    power_watts double precision,
    energy_watt_hours double precision,
    energy_channel integer,
    lamp_seconds double precision,
    lamp_channel integer,
    site text,
    segment text,
    rated_watts double precision,
    night timestamptz,
    prior_at timestamptz,
    burning boolean,
    since timestamptz,
    until_at timestamptz NOT NULL,
    failed boolean NOT NULL DEFAULT false,
    should_burn boolean,
    level_ratio double precision,
    draws_watts double precision,
    lamp_fault boolean,
    driver_fault boolean,
    meter double precision[],
    used_watt_hours double precision,
    used_since timestamptz,
    lamp_meter double precision[],
    lit_seconds double precision,
    lit_since timestamptz,
    alarms jsonb,
    flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, observed_at)
);
SELECT create_hypertable('luminaire_state', 'observed_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX luminaire_state_site ON luminaire_state (site, observed_at);
COMMENT ON TABLE luminaire_state IS 'Facts: each report of a luminaire, kept with what follows from it';
COMMENT ON COLUMN luminaire_state.device IS 'DevEUI';
COMMENT ON COLUMN luminaire_state.observed_at IS 'When it was measured';
COMMENT ON COLUMN luminaire_state.event_id IS 'The frame it came with';
COMMENT ON COLUMN luminaire_state.dimming_ratio IS '0..1, the level of the brightest output as this frame says; null where it does not, as all up to lamp_channel [1]';
COMMENT ON COLUMN luminaire_state.lamp_on IS 'Whether the driver says that a lamp burns';
COMMENT ON COLUMN luminaire_state.lamp_failure IS 'Whether a driver, or the meter, says that a lamp has failed';
COMMENT ON COLUMN luminaire_state.driver_failure IS 'Whether a driver has failed, or does not answer';
COMMENT ON COLUMN luminaire_state.power_watts IS 'Active power by the node''s own meter, else a driver''s [W]';
COMMENT ON COLUMN luminaire_state.energy_watt_hours IS 'Reading of the node''s own meter, else of a driver''s; never a sum of them [W.h]';
COMMENT ON COLUMN luminaire_state.energy_channel IS 'Whose reading: 0 the node''s own, else the driver''s channel';
COMMENT ON COLUMN luminaire_state.lamp_seconds IS 'Reading of the counter of burning time [s]';
COMMENT ON COLUMN luminaire_state.lamp_channel IS 'Whose reading: see energy_channel';
COMMENT ON COLUMN luminaire_state.site IS 'The luminaire that the device served; null = none';
COMMENT ON COLUMN luminaire_state.segment IS 'The group of the site, whose plan holds; null = none';
COMMENT ON COLUMN luminaire_state.rated_watts IS 'Power at full level by the description of the site that held then [W]';
COMMENT ON COLUMN luminaire_state.night IS 'When the night began that it belongs to: noon of Europe/Berlin';
COMMENT ON COLUMN luminaire_state.prior_at IS 'The report before it, of this device at this site';
COMMENT ON COLUMN luminaire_state.burning IS 'Whether it burns, as far as is known then; null = not known';
COMMENT ON COLUMN luminaire_state.since IS 'Since when burning is what it is';
COMMENT ON COLUMN luminaire_state.until_at IS 'How long that holds if nothing else comes';
COMMENT ON COLUMN luminaire_state.failed IS 'It was measured dark while told to burn and due to, and not measured burning since';
COMMENT ON COLUMN luminaire_state.should_burn IS 'By the plan of the segment; null = not judged';
COMMENT ON COLUMN luminaire_state.level_ratio IS '0..1, the last level that was told [1]';
COMMENT ON COLUMN luminaire_state.draws_watts IS 'The last power that was measured since it burns, or does not [W]';
COMMENT ON COLUMN luminaire_state.lamp_fault IS 'The last that was said of lamp failures';
COMMENT ON COLUMN luminaire_state.driver_fault IS 'The last that was said of failures of drivers';
COMMENT ON COLUMN luminaire_state.meter IS 'The meter as known by then: channel, reading in W.h, its time in microseconds since 1970, a reading that is doubted, its time';
COMMENT ON COLUMN luminaire_state.used_watt_hours IS 'Energy since used_since, where the reading of this frame tells it [W.h]';
COMMENT ON COLUMN luminaire_state.used_since IS 'The reading of the meter before';
COMMENT ON COLUMN luminaire_state.lamp_meter IS 'The counter of burning time as known by then; see meter, in s';
COMMENT ON COLUMN luminaire_state.lit_seconds IS 'Burning time since lit_since by the counter of this frame [s]';
COMMENT ON COLUMN luminaire_state.lit_since IS 'The reading of that counter before';
COMMENT ON COLUMN luminaire_state.alarms IS 'Conditions that are on or have just ended: rule, since, when long enough, end, until when a return is the same';
COMMENT ON COLUMN luminaire_state.flags IS 'What was noticed';

CREATE TABLE luminaire (
    device text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    site text,
    segment text,
    burning boolean,
    since timestamptz,
    should_burn boolean,
    level_ratio double precision,
    power_watts double precision,
    lamp_fault boolean,
    driver_fault boolean,
    energy_watt_hours double precision,
    lamp_seconds double precision,
    until_at timestamptz NOT NULL,
    failed boolean NOT NULL DEFAULT false,
    meter double precision[],
    lamp_meter double precision[],
    alarms jsonb,
    PRIMARY KEY (device)
);
CREATE INDEX luminaire_site ON luminaire (site);
CREATE INDEX luminaire_partition ON luminaire (partition);
COMMENT ON TABLE luminaire IS 'Luminaires now: what the newest fact of each device says';
COMMENT ON COLUMN luminaire.device IS 'DevEUI';
COMMENT ON COLUMN luminaire.partition IS 'Of readings.lighting.v1: whose worker writes this row';
COMMENT ON COLUMN luminaire.observed_at IS 'Time of the newest fact';
COMMENT ON COLUMN luminaire.event_id IS 'The frame that the newest fact came with';
COMMENT ON COLUMN luminaire.site IS 'The luminaire that the device serves; null, as all up to lamp_seconds, where it serves none';
COMMENT ON COLUMN luminaire.segment IS 'The group of the site';
COMMENT ON COLUMN luminaire.burning IS 'Whether it burns; null = not known any more';
COMMENT ON COLUMN luminaire.since IS 'Since when burning is what it is';
COMMENT ON COLUMN luminaire.should_burn IS 'By the plan at the time of the newest fact; null = not judged';
COMMENT ON COLUMN luminaire.level_ratio IS '0..1, the last level that was told [1]';
COMMENT ON COLUMN luminaire.power_watts IS 'The last power that was measured since it burns, or does not [W]';
COMMENT ON COLUMN luminaire.lamp_fault IS 'The last that was said of lamp failures';
COMMENT ON COLUMN luminaire.driver_fault IS 'The last that was said of failures of drivers';
COMMENT ON COLUMN luminaire.energy_watt_hours IS 'Reading of its meter [W.h]';
COMMENT ON COLUMN luminaire.lamp_seconds IS 'Reading of its counter of burning time [s]';
COMMENT ON COLUMN luminaire.until_at IS 'How long burning holds if nothing else comes';
COMMENT ON COLUMN luminaire.failed IS 'See luminaire_state.failed';
COMMENT ON COLUMN luminaire.meter IS 'See luminaire_state.meter';
COMMENT ON COLUMN luminaire.lamp_meter IS 'See luminaire_state.lamp_meter';
COMMENT ON COLUMN luminaire.alarms IS 'Conditions that are on or have just ended; see luminaire_state.alarms';

CREATE TABLE luminaire_hour (
    site text NOT NULL,
    hour timestamptz NOT NULL,
    energy_watt_hours double precision NOT NULL,
    PRIMARY KEY (site, hour)
);
SELECT create_hypertable('luminaire_hour', 'hour', chunk_time_interval => interval '7 days', create_default_indexes => false);
COMMENT ON TABLE luminaire_hour IS 'Energy of luminaires by the hour, derived from their facts';
COMMENT ON COLUMN luminaire_hour.site IS 'The luminaire, whatever devices served it';
COMMENT ON COLUMN luminaire_hour.hour IS 'Begin of the hour';
COMMENT ON COLUMN luminaire_hour.energy_watt_hours IS 'What its meter counted, evenly spread between two readings [W.h]';

CREATE TABLE luminaire_night (
    site text NOT NULL,
    night date NOT NULL,
    segment text NOT NULL,
    energy_watt_hours double precision,
    due_seconds double precision NOT NULL,
    known_seconds double precision NOT NULL,
    lit_seconds double precision NOT NULL,
    burning_seconds double precision,
    rated_watt_hours double precision,
    PRIMARY KEY (site, night)
);
CREATE INDEX luminaire_night_segment ON luminaire_night (segment, night);
COMMENT ON TABLE luminaire_night IS 'Nights of luminaires, from noon to noon of Europe/Berlin, derived from their facts';
COMMENT ON COLUMN luminaire_night.site IS 'The luminaire, whatever devices served it';
COMMENT ON COLUMN luminaire_night.night IS 'Date of the evening';
COMMENT ON COLUMN luminaire_night.segment IS 'Its group then; empty = none';
COMMENT ON COLUMN luminaire_night.energy_watt_hours IS 'What its meter counted; null = no meter told [W.h]';
COMMENT ON COLUMN luminaire_night.due_seconds IS 'How long it had to burn by the plan, without the grace around switchings [s]';
COMMENT ON COLUMN luminaire_night.known_seconds IS 'Of due_seconds the time in which its state was known [s]';
COMMENT ON COLUMN luminaire_night.lit_seconds IS 'Of known_seconds the time in which it burned [s]';
COMMENT ON COLUMN luminaire_night.burning_seconds IS 'Burning time of the whole night: by its own counter, else from its state; null = neither is known [s]';
COMMENT ON COLUMN luminaire_night.rated_watt_hours IS 'Energy at rated_watts over burning_seconds; null where one of them or energy is not known well [W.h]';

CREATE TABLE lighting_segment_night (
    segment text NOT NULL,
    night date NOT NULL,
    luminaires integer NOT NULL,
    reporting integer NOT NULL,
    energy_kilowatt_hours double precision,
    availability_ratio double precision,
    known_ratio double precision,
    saving_ratio double precision,
    PRIMARY KEY (segment, night)
);
COMMENT ON TABLE lighting_segment_night IS 'Nights of segments, summed over their luminaires';
COMMENT ON COLUMN lighting_segment_night.segment IS 'Group of sites';
COMMENT ON COLUMN lighting_segment_night.night IS 'Date of the evening, from noon to noon of Europe/Berlin';
COMMENT ON COLUMN lighting_segment_night.luminaires IS 'Sites of the segment that a device was assigned to by the end of the night';
COMMENT ON COLUMN lighting_segment_night.reporting IS 'Of them those that anything is known of';
COMMENT ON COLUMN lighting_segment_night.energy_kilowatt_hours IS 'Sum over those with a meter; null = none [kW.h]';
COMMENT ON COLUMN lighting_segment_night.availability_ratio IS 'Share of the time in which they were known to burn of that in which they had to burn and were known; null = no such time [1]';
COMMENT ON COLUMN lighting_segment_night.known_ratio IS 'Share of the time in which they had to burn in which they were known, the silent ones included; null = no such time [1]';
COMMENT ON COLUMN lighting_segment_night.saving_ratio IS '1 - energy / energy at rated power over the same burning time, of those where both are known; null = none [1]';

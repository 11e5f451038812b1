-- Roll-ups of every quantity by quarter of an hour, hour and day.

-- ── roll-ups ─────────────────────────────────────────────────────────────────────────────────────────────────────
-- Marks wait for minutes here, in the order in which they are done: among the others they would be in the way.
CREATE TABLE rollup_mark (
    minutes integer NOT NULL DEFAULT 15,
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (minutes, family, device, bucket, id)
);
COMMENT ON TABLE rollup_mark IS 'Of which devices derive has to recompute which roll-ups';
COMMENT ON COLUMN rollup_mark.minutes IS '15: a quarter of an hour, marked by the store; 1440: a day, marked by derive with its hours';
COMMENT ON COLUMN rollup_mark.family IS 'Whose wide table was written into';
COMMENT ON COLUMN rollup_mark.device IS 'DevEUI';
COMMENT ON COLUMN rollup_mark.bucket IS 'Begin of the quarter of an hour or of the day';
COMMENT ON COLUMN rollup_mark.id IS 'Tells marks of one time apart: one that comes while it is recomputed stays';

CREATE TABLE rollup_quarter_hour (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    resultant_length double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    changes integer,
    true_seconds double precision,
    known_seconds double precision,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_quarter_hour IS 'Each quantity of each device by quarter of an hour, recomputed from the wide tables; none of those that tell of people';
COMMENT ON COLUMN rollup_quarter_hour.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_quarter_hour.device IS 'DevEUI';
COMMENT ON COLUMN rollup_quarter_hour.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN rollup_quarter_hour.quantity IS 'A column of the wide table, whose comment tells its unit';
COMMENT ON COLUMN rollup_quarter_hour.bucket IS 'Begin of the quarter of an hour';
COMMENT ON COLUMN rollup_quarter_hour.samples IS 'Values in the bucket [1]';
COMMENT ON COLUMN rollup_quarter_hour.minimum IS 'Of a gauge: the least value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out; in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.maximum IS 'Of a gauge or a level: the greatest value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.resultant_length IS 'Of a direction: the length of the mean of the unit vectors, 0..1 [1]; 1 = always the same direction';
COMMENT ON COLUMN rollup_quarter_hour.first IS 'Of a counter: its first value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.last IS 'Of a gauge, a counter or a state (0, 1): the last value, in the unit of its quantity';
COMMENT ON COLUMN rollup_quarter_hour.total IS 'Of a counter: the increase observed here, from the sample before, null where that is unknown; of an amount: the sum, in the unit of its quantity; of an event: how often it was true';
COMMENT ON COLUMN rollup_quarter_hour.resets IS 'Of a counter: how often it began again, by a reset or at its end [1]';
COMMENT ON COLUMN rollup_quarter_hour.changes IS 'Of a state: how many samples differ from the one before [1]';
COMMENT ON COLUMN rollup_quarter_hour.true_seconds IS 'Of a state: for how much of known_seconds it was true [s]';
COMMENT ON COLUMN rollup_quarter_hour.known_seconds IS 'Of a state: the time up to the samples here from the ones before them, where these are not further away than derive.state_gap_hours [s]; it may have begun before the bucket';

CREATE TABLE rollup_hour (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    resultant_length double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    changes integer,
    true_seconds double precision,
    known_seconds double precision,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_hour IS 'Each quantity of each device by hour, recomputed from its quarters; none of those that tell of people';
COMMENT ON COLUMN rollup_hour.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_hour.device IS 'DevEUI';
COMMENT ON COLUMN rollup_hour.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN rollup_hour.quantity IS 'A column of the wide table, whose comment tells its unit';
COMMENT ON COLUMN rollup_hour.bucket IS 'Begin of the hour';
COMMENT ON COLUMN rollup_hour.samples IS 'Values in the bucket [1]';
COMMENT ON COLUMN rollup_hour.minimum IS 'Of a gauge: the least value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out; in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.maximum IS 'Of a gauge or a level: the greatest value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.resultant_length IS 'Of a direction: the length of the mean of the unit vectors, 0..1 [1]; 1 = always the same direction';
COMMENT ON COLUMN rollup_hour.first IS 'Of a counter: its first value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.last IS 'Of a gauge, a counter or a state (0, 1): the last value, in the unit of its quantity';
COMMENT ON COLUMN rollup_hour.total IS 'Of a counter: the increase observed here, from the sample before, null where that is unknown; of an amount: the sum, in the unit of its quantity; of an event: how often it was true';
COMMENT ON COLUMN rollup_hour.resets IS 'Of a counter: how often it began again, by a reset or at its end [1]';
COMMENT ON COLUMN rollup_hour.changes IS 'Of a state: how many samples differ from the one before [1]';
COMMENT ON COLUMN rollup_hour.true_seconds IS 'Of a state: for how much of known_seconds it was true [s]';
COMMENT ON COLUMN rollup_hour.known_seconds IS 'Of a state: the time up to the samples here from the ones before them, where these are not further away than derive.state_gap_hours [s]; it may have begun before the bucket';

CREATE TABLE rollup_day (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    resultant_length double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    changes integer,
    true_seconds double precision,
    known_seconds double precision,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_day IS 'Each quantity of each device by day, recomputed from its hours; none of those that tell of people';
COMMENT ON COLUMN rollup_day.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_day.device IS 'DevEUI';
COMMENT ON COLUMN rollup_day.channel IS 'Which of several probes; 0 = the only one';
COMMENT ON COLUMN rollup_day.quantity IS 'A column of the wide table, whose comment tells its unit';
COMMENT ON COLUMN rollup_day.bucket IS 'Begin of the day in the legal time of derive.time_zone (Europe/Berlin unless set otherwise): 23 or 25 hours long when the clocks change';
COMMENT ON COLUMN rollup_day.samples IS 'Values in the bucket [1]';
COMMENT ON COLUMN rollup_day.minimum IS 'Of a gauge: the least value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out; in the unit of its quantity';
COMMENT ON COLUMN rollup_day.maximum IS 'Of a gauge or a level: the greatest value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.resultant_length IS 'Of a direction: the length of the mean of the unit vectors, 0..1 [1]; 1 = always the same direction';
COMMENT ON COLUMN rollup_day.first IS 'Of a counter: its first value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.last IS 'Of a gauge, a counter or a state (0, 1): the last value, in the unit of its quantity';
COMMENT ON COLUMN rollup_day.total IS 'Of a counter: the increase observed here, from the sample before, null where that is unknown; of an amount: the sum, in the unit of its quantity; of an event: how often it was true';
COMMENT ON COLUMN rollup_day.resets IS 'Of a counter: how often it began again, by a reset or at its end [1]';
COMMENT ON COLUMN rollup_day.changes IS 'Of a state: how many samples differ from the one before [1]';
COMMENT ON COLUMN rollup_day.true_seconds IS 'Of a state: for how much of known_seconds it was true [s]';
COMMENT ON COLUMN rollup_day.known_seconds IS 'Of a state: the time up to the samples here from the ones before them, where these are not further away than derive.state_gap_hours [s]; it may have begun before the bucket';

SELECT create_hypertable(
    'rollup_quarter_hour', 'bucket', chunk_time_interval => interval '7 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_hour', 'bucket', chunk_time_interval => interval '28 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_day', 'bucket', chunk_time_interval => interval '365 days', create_default_indexes => false
);

-- What was stored before: mark all of it, but for what tells of people. A wide table is known by its columns.
DO $$
DECLARE
    wide text;
BEGIN
    FOR wide IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND column_name = 'raw_offset' AND table_name LIKE 'reading\_%'
          AND table_name NOT IN ('reading_parking', 'reading_water') AND table_name NOT LIKE '%\_personal'
        ORDER BY table_name
    LOOP
        EXECUTE format(
            'INSERT INTO rollup_mark (family, device, bucket)'
            ' SELECT DISTINCT %L, device, date_bin(''15 minutes'', observed_at, ''epoch'') FROM %I ORDER BY 2, 3',
            substr(wide, length('reading_') + 1), wide
        );
    END LOOP;
END
$$;

-- Roll-ups of every quantity by quarter of an hour, hour and day.

CREATE TABLE rollup_mark (
    family text NOT NULL,
    minutes integer NOT NULL DEFAULT 60,
    device text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (family, minutes, device, bucket, id)
);
COMMENT ON TABLE rollup_mark IS 'Hours and days of devices whose roll-ups derive has to recompute';
COMMENT ON COLUMN rollup_mark.family IS 'Whose wide table was written into';
COMMENT ON COLUMN rollup_mark.minutes IS '60: an hour, marked by the store; 1440: a day, marked by derive when it has done its hours';
COMMENT ON COLUMN rollup_mark.device IS 'DevEUI';
COMMENT ON COLUMN rollup_mark.bucket IS 'Begin of the hour or the day';
COMMENT ON COLUMN rollup_mark.id IS 'Tells marks of one hour apart: one that comes while the hour is recomputed stays';

CREATE FUNCTION rollup_buckets(first_at timestamptz, last_at timestamptz, zone text)
RETURNS TABLE (minutes integer, begins_at timestamptz, ends_at timestamptz)
LANGUAGE sql STABLE
AS $$
    SELECT 15, begins_at, begins_at + interval '15 minutes'
    FROM generate_series(date_bin('15 minutes', first_at, 'epoch'), last_at, interval '15 minutes') AS begins_at
    UNION ALL
    SELECT 60, begins_at, begins_at + interval '1 hour'
    FROM generate_series(date_bin('1 hour', first_at, 'epoch'), last_at, interval '1 hour') AS begins_at
    UNION ALL
    SELECT 1440, begins_on AT TIME ZONE zone, (begins_on + interval '1 day') AT TIME ZONE zone
    FROM generate_series(
        date_trunc('day', first_at AT TIME ZONE zone), last_at AT TIME ZONE zone, interval '1 day'
    ) AS begins_on
$$;
COMMENT ON FUNCTION rollup_buckets IS 'The buckets of each resolution (in minutes) that hold a moment from first_at to last_at; days in the legal time of zone';

CREATE TABLE rollup_quarter_hour (
    family text NOT NULL,
    device text COLLATE "C" NOT NULL,
    channel integer NOT NULL,
    quantity text NOT NULL,
    bucket timestamptz NOT NULL,
    samples integer NOT NULL,
    minimum double precision,
    mean double precision,
    maximum double precision,
    first double precision,
    last double precision,
    total double precision,
    resets integer,
    true_ratio double precision,
    known_seconds double precision,
    changes integer,
    PRIMARY KEY (device, bucket, quantity, channel, family)
);
COMMENT ON TABLE rollup_quarter_hour IS 'Each quantity of each device by quarter of an hour, recomputed from the wide tables';
COMMENT ON COLUMN rollup_quarter_hour.family IS 'Of the decoder: the wide table is reading_<family>';
COMMENT ON COLUMN rollup_quarter_hour.device IS 'DevEUI';
COMMENT ON COLUMN rollup_quarter_hour.channel IS 'Which of several probes';
COMMENT ON COLUMN rollup_quarter_hour.quantity IS 'A column of the wide table, whose comment tells its unit; the values here are in that unit';
COMMENT ON COLUMN rollup_quarter_hour.bucket IS 'Begin of the quarter of an hour';
COMMENT ON COLUMN rollup_quarter_hour.samples IS 'Values in the bucket; 0 where a state is known from the samples around it';
COMMENT ON COLUMN rollup_quarter_hour.minimum IS 'Of a gauge: the least value';
COMMENT ON COLUMN rollup_quarter_hour.mean IS 'Of a gauge: the mean of its samples; of a level (dB): the energetic mean; of a direction: that of the unit vectors, null where they cancel out';
COMMENT ON COLUMN rollup_quarter_hour.maximum IS 'Of a gauge or a level: the greatest value';
COMMENT ON COLUMN rollup_quarter_hour.first IS 'Of a counter: its first value';
COMMENT ON COLUMN rollup_quarter_hour.last IS 'Of a gauge, a counter or a state (0, 1): the last value';
COMMENT ON COLUMN rollup_quarter_hour.total IS 'Of a counter: the increase observed here, from the sample before; of an amount: the sum; of an event: how often it was true';
COMMENT ON COLUMN rollup_quarter_hour.resets IS 'Of a counter: how often it began again, by a reset or at its end';
COMMENT ON COLUMN rollup_quarter_hour.true_ratio IS 'Of a state: the share of known_seconds in which it was true, 0..1; null where nothing is known';
COMMENT ON COLUMN rollup_quarter_hour.known_seconds IS 'Of a state: how much of the bucket lies between two samples not further apart than derive.state_gap_hours';
COMMENT ON COLUMN rollup_quarter_hour.changes IS 'Of a state: how many samples differ from the one before, not further away than that';

CREATE TABLE rollup_hour (LIKE rollup_quarter_hour INCLUDING ALL);
COMMENT ON TABLE rollup_hour IS 'Each quantity of each device by hour, recomputed from the wide tables';
COMMENT ON COLUMN rollup_hour.bucket IS 'Begin of the hour';

CREATE TABLE rollup_day (LIKE rollup_quarter_hour INCLUDING ALL);
COMMENT ON TABLE rollup_day IS 'Each quantity of each device by day, recomputed from the wide tables';
COMMENT ON COLUMN rollup_day.bucket IS 'Begin of the day, in the legal time of derive.time_zone (Europe/Berlin unless set otherwise): 23 or 25 hours long when the clocks change';

SELECT create_hypertable(
    'rollup_quarter_hour', 'bucket', chunk_time_interval => interval '2 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_hour', 'bucket', chunk_time_interval => interval '7 days', create_default_indexes => false
);
SELECT create_hypertable(
    'rollup_day', 'bucket', chunk_time_interval => interval '180 days', create_default_indexes => false
);

-- What was stored before: mark all of it. A wide table is known by its columns.
DO $$
DECLARE
    wide text;
BEGIN
    FOR wide IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name LIKE 'reading\_%' AND column_name = 'raw_offset'
        ORDER BY table_name
    LOOP
        EXECUTE format(
            'INSERT INTO rollup_mark (family, device, bucket)'
            ' SELECT DISTINCT %L, device, date_trunc(''hour'', observed_at) FROM %I ORDER BY 2, 3',
            substr(wide, length('reading_') + 1), wide
        );
    END LOOP;
END
$$;

-- The first roll-up: how much came from each family in each hour.

CREATE TABLE reading_hour (
    family text NOT NULL,
    bucket timestamptz NOT NULL,
    readings integer NOT NULL,
    devices integer NOT NULL,
    PRIMARY KEY (family, bucket)
);
COMMENT ON TABLE reading_hour IS 'Readings of each family by hour of their observation, recomputed from the wide tables';
COMMENT ON COLUMN reading_hour.bucket IS 'Begin of the hour';
COMMENT ON COLUMN reading_hour.devices IS 'How many devices they came from';

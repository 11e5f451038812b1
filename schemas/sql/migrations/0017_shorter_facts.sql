-- Facts without what says nothing.

-- Volumes of a meter stay together as it logged them: begin, step, litres. A pair of a time and litres is one by itself.

UPDATE water_consumption
SET volumes = (
    SELECT jsonb_agg(jsonb_build_array(pair -> 0, 0, jsonb_build_array(pair -> 1)) ORDER BY place)
    FROM jsonb_array_elements(volumes) WITH ORDINALITY AS each (pair, place)
)
WHERE volumes IS NOT NULL;

COMMENT ON COLUMN water_consumption.volumes IS 'The volumes that it brought, in the order of time: begin and step in microseconds (since 1970), and litres from the begin on; null = none';

-- A lamp's counter has its last two numbers only where a reading is doubted; rows that have them empty mean the same.
COMMENT ON COLUMN luminaire_state.meter IS 'The meter as known by then: channel, reading in W.h, its time in microseconds since 1970; then, where one is doubted, that reading and its time';

-- Volumes of a meter stay together as it logged them: begin, step, litres. A pair of a time and litres is one by itself.

UPDATE water_consumption
SET volumes = (
    SELECT jsonb_agg(jsonb_build_array(pair -> 0, 0, jsonb_build_array(pair -> 1)) ORDER BY place)
    FROM jsonb_array_elements(volumes) WITH ORDINALITY AS each (pair, place)
)
WHERE volumes IS NOT NULL;

COMMENT ON COLUMN water_consumption.volumes IS 'The volumes that it brought, in the order of time: begin and step in microseconds (since 1970), and litres from the begin on; null = none';

"""From MQTT into the raw log: every event, its bytes untouched, acknowledged when it is safe."""

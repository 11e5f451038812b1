"""From the raw log to frames, readings and dead letters."""

"""From frames, readings and dead letters to rows."""

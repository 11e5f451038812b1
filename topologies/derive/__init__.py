"""What concerns several devices: recomputed in the database from marks and facts, by one writer."""

"""What every stage shares and nothing does I/O in: records, identities, reasons, settings, topics."""

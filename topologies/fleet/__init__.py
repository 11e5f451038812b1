"""The fleet: every device by its frames, whatever is in them."""

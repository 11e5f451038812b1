"""Which places there are, and which device serves which of them from when on."""

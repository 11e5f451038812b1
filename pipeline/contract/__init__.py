"""What downstream services can rely on, as documents that are generated from the code."""

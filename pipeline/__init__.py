"""The services that carry a frame from ChirpStack to the database."""

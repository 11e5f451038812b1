"""ChirpStack's integration events, JSON and protobuf, read into one model. Pure."""

"""A day of the city, from frames to alerts, on real servers, with two processes killed on the way."""

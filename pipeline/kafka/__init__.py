"""Logs behind ports: the only room that knows aiokafka, and the same ports in memory."""

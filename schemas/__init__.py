"""Contracts with the outside: protobuf messages and the database schema. Imports nothing."""

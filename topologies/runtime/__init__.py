"""Runs topologies: Faust at arm's length, the ledger, facts, alerts and the outbox."""

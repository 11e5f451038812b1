"""The outbox relay: publishes what the topologies and derive have to tell."""

"""Connections, migrations, named queries and the ledger."""

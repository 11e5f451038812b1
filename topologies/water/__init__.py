"""Water meters: consumption, leaks, bursts, standstill and the meters' own alarms."""

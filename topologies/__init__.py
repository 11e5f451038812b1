"""Stateful stream logic on readings, run by Faust at arm's length."""

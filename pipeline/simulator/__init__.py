"""A simulated city of LoRaWAN devices that publishes ChirpStack's events over MQTT, and knows what was true."""

from __future__ import annotations

from pipeline.simulator.city import CityPlan, Encoding
from pipeline.simulator.devices import Device, devices
from pipeline.simulator.frames import Fate, Planned
from pipeline.simulator.ledger import Account, Ledger, read_ledger, write_ledger
from pipeline.simulator.models import Family
from pipeline.simulator.play import events
from pipeline.simulator.publish import simulate
from pipeline.simulator.sites import sites_csv

__all__ = [
    "Account",
    "CityPlan",
    "Device",
    "Encoding",
    "Family",
    "Fate",
    "Ledger",
    "Planned",
    "devices",
    "events",
    "read_ledger",
    "simulate",
    "sites_csv",
    "write_ledger",
]

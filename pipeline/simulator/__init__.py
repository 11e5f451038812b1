"""A simulated city of LoRaWAN devices that publishes ChirpStack's events over MQTT, and knows what was true."""

from __future__ import annotations

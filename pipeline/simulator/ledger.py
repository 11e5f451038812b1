"""What was published and what was true: the page by which a run of the pipeline is judged.

Only what the broker has acknowledged counts as published. Two pictures of the city are kept: `truth` is what the
sensors measured, `told` is what the accepted uplinks said last, which is the best any pipeline can know.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from pipeline.core.clock import from_us
from pipeline.simulator.city import CityPlan
from pipeline.simulator.containers import fill_ratio
from pipeline.simulator.devices import Device, devices
from pipeline.simulator.frames import Fate, Planned
from pipeline.simulator.models import Family

FULL_RATIO: Final = 0.8
LETTERS: Final[Mapping[Fate, str]] = {
    Fate.ACCEPTED: "a",
    Fate.LATE_COPY: "l",
    Fate.NO_PAYLOAD: "n",
    Fate.BROKEN: "b",
}


@dataclass(slots=True, kw_only=True)
class Zone:
    """The bays of a zone: `unknown` have not spoken yet, so bays = occupied + free + unknown."""

    bays: int = 0
    occupied: int = 0
    free: int = 0
    unknown: int = 0


@dataclass(slots=True, kw_only=True)
class Picture:
    """The city at one moment. All but the bays are named by their site; what has not spoken is absent.

    Fill ratios are 0 for empty, 1 for full, above 1 for overfull; levels in metres above NHN. A meter's volume is the
    last one that it told, which may be that of midnight. A luminaire counts as dark where its model can know it.
    """

    zones: dict[str, Zone] = field(default_factory=dict)
    fill_ratios: dict[str, float] = field(default_factory=dict)
    full_containers: list[str] = field(default_factory=list)
    dark_luminaires: list[str] = field(default_factory=list)
    water_levels_metres_nhn: dict[str, float] = field(default_factory=dict)
    air_temperatures_celsius: dict[str, float] = field(default_factory=dict)
    water_volumes_litres: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The account of a run, as plain values.

    `counts` is event type -> fate -> number; a lost uplink is counted though it was never published. `keys` holds for
    each DevEUI the ids (UUID text, `pipeline.core.identity`) of its events in the order of publishing, each id once
    even if it was published again, and `fates` one letter for each of them: `a` accepted, `l` late copy, `n` no
    payload, `b` broken. `resent` are messages sent again after a lost connection: the broker may hold any of them
    twice. `unheard` were acknowledged by the broker with "no matching subscribers".
    """

    plan: dict[str, Any]
    complete: bool = False
    as_of: str = ""
    published: int = 0
    ticks: int = 0
    resent: int = 0
    unheard: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)
    truth: Picture = field(default_factory=Picture)
    told: Picture = field(default_factory=Picture)

    @property
    def uplinks(self) -> dict[str, int]:
        """The uplinks by fate."""
        return self.counts.get("up", {})

    def count(self, fate: Fate) -> int:
        """How many uplinks had that fate."""
        return self.uplinks.get(fate, 0)

    def keys_of(self, *fates: Fate) -> set[str]:
        """The ids of all events with one of those fates."""
        letters = {LETTERS[fate] for fate in fates}
        return {
            key
            for dev_eui, keys in self.keys.items()
            for key, letter in zip(keys, self.fates[dev_eui], strict=True)
            if letter in letters
        }

    def to_json(self) -> bytes:
        """The ledger as JSON."""
        return msgspec.json.encode(self)


def read_ledger(path: Path) -> Ledger:
    """The ledger that a simulator has written; it is whole at any time.

    Raises:
        OSError: there is none.
        msgspec.MsgspecError: it is no ledger.
    """
    return msgspec.json.decode(path.read_bytes(), type=Ledger)


def write_ledger(ledger: Ledger, path: Path) -> None:
    """Write it so that a reader, or a crash, finds the old one or the new one and never a part."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(ledger.to_json())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


class Account:
    """Keeps the ledger while messages are acknowledged, in the order in which they were published."""

    def __init__(self, plan: CityPlan, city: tuple[Device, ...] | None = None) -> None:
        self._devices = devices(plan) if city is None else city
        self._ledger = Ledger(plan=plan.described())
        self._truth: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._as_of_us = plan.start_us

    @property
    def published(self) -> int:
        """Messages acknowledged by the broker, without ticks."""
        return self._ledger.published

    def record(self, planned: Planned, *, unheard: bool = False) -> None:
        """Count a message that was acknowledged, or lost as planned."""
        ledger, fate = self._ledger, planned.fate
        self._as_of_us = max(self._as_of_us, planned.at_us)
        if fate is Fate.TICK:
            ledger.ticks += 1
            return
        by_fate = ledger.counts.setdefault(planned.event, {})
        by_fate[fate.value] = by_fate.get(fate.value, 0) + 1
        if planned.says is not None and fate not in (Fate.DUPLICATE, Fate.LATE_COPY):
            self._truth[planned.dev_eui] = planned.says
            if fate is Fate.ACCEPTED:
                self._told[planned.dev_eui] = planned.says
        if fate is Fate.LOST:
            return
        ledger.published += 1
        ledger.unheard += unheard
        letter = LETTERS.get(fate)
        if letter is not None:
            ledger.keys.setdefault(planned.dev_eui, []).append(planned.event_key)
            ledger.fates[planned.dev_eui] = ledger.fates.get(planned.dev_eui, "") + letter

    def resend(self, messages: int) -> None:
        """Count messages sent again."""
        self._ledger.resent += messages

    def ledger(self, *, complete: bool) -> Ledger:
        """The ledger as it stands; the same object each time, brought up to date."""
        self._ledger.complete = complete
        self._ledger.as_of = from_us(self._as_of_us).isoformat()
        self._ledger.truth = picture(self._devices, self._truth)
        self._ledger.told = picture(self._devices, self._told)
        return self._ledger


def picture(city: Iterable[Device], says: Mapping[str, float]) -> Picture:
    """What the devices' last words (by DevEUI) mean for the city."""
    made = Picture()
    for device in city:
        value = says.get(device.dev_eui)
        if device.family is Family.PARKING:
            zone = made.zones.setdefault(device.group, Zone())
            zone.bays += 1
            zone.unknown += value is None
            zone.occupied += value == 1.0
            zone.free += value == 0.0
        elif value is None:
            continue
        elif device.family is Family.CONTAINER:
            made.fill_ratios[device.site] = ratio = round(fill_ratio(value, device), 4)
            if ratio >= FULL_RATIO:
                made.full_containers.append(device.site)
        elif device.family is Family.LIGHTING:
            if value:
                made.dark_luminaires.append(device.site)
        elif device.family is Family.WEATHER:
            made.air_temperatures_celsius[device.site] = value
        elif device.family is Family.WATER:
            made.water_volumes_litres[device.site] = value
        else:
            made.water_levels_metres_nhn[device.site] = value
    return made

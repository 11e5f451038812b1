"""Records as decode writes them, and places, for the tests of topologies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha1

from pipeline.core.clock import EPOCH, from_us
from pipeline.core.model import Record, StoredRecord
from pipeline.core.ticks import EVENT_HEADER, RAW_OFFSET_HEADER, TICK, Tick, write_tick
from schemas.silkstream.v1.frame_pb2 import Device, Frame, Gateway
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.readings import Value, said, sample, series
from topologies.runtime.places import Places, build_places

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
BASE_US = 1_760_000_000_000_000
"""2025-10-09, the zero of `minutes`."""


def at(minutes: float) -> int:
    """Microseconds of a time given in minutes from the tests' zero."""
    return BASE_US + round(minutes * MINUTE_US)


def eui(number: int) -> str:
    """The DevEUI of a test device."""
    return f"{number:016x}"


def event_id(*parts: object) -> bytes:
    """An event id that follows from its parts."""
    return sha1(repr(parts).encode(), usedforsecurity=False).digest()[:16]


def reading(
    device: str,
    minutes: float,
    values: Mapping[str, Value],
    *,
    raw_offset: int = 0,
    event: bytes | None = None,
    flags: Sequence[str] = (),
    earlier: Sequence[tuple[float, Mapping[str, Value]]] = (),
) -> Reading:
    """A reading with a sample of its time, and with those that the device took earlier, each at its minutes."""
    return Reading(
        event_id=event or event_id(device, minutes),
        dev_eui=device,
        observed_at_us=at(minutes),
        ingested_at_us=at(minutes),
        raw_offset=raw_offset,
        decoder="test",
        decoder_version="1",
        samples=[
            sample(values, at_us=at(minutes), flags=flags),
            *(sample(taken, at_us=at(when)) for when, taken in earlier),
        ],
    )


def with_series(content: Reading) -> Reading:
    """The same reading with what the device took earlier, at even steps and of the same quantities, as a series."""
    written = Reading.FromString(content.SerializeToString())
    past = sorted(written.samples[1:], key=lambda each: each.observed_at_us)
    del written.samples[1:]
    if past:
        times = [each.observed_at_us for each in past]
        first_us, step_us = times[0], (times[-1] - times[0]) // max(len(past) - 1, 1)
        assert times == [first_us + place * step_us for place in range(len(past))]
        rows = [said(each) for each in past]
        columns = {name: [value for row in rows if not isinstance(value := row[name], str)] for name in rows[0]}
        written.series.append(series(columns, first_at_us=first_us, step_us=step_us))
    return written


def frame(
    device: str,
    minutes: float,
    *,
    raw_offset: int = 0,
    said: bytes | None = None,
    event: str = "up",
    verdict: str = "accepted",
    copy_of: bytes | None = None,
    gateways: Sequence[str] = ("00000000000000a1",),
    profile: str = "",
    family: str = "",
    f_cnt: int = 0,
    dev_addr: str = "01020304",
    battery_ratio: float | None = None,
) -> Frame:
    """A frame as decode writes it; `said` is its event id."""
    made = Frame(
        event_id=said or event_id(device, minutes, event),
        dev_eui=device,
        event=event,
        verdict=f"VERDICT_{verdict.upper()}",
        observed_at_us=at(minutes),
        ingested_at_us=at(minutes),
        raw_offset=raw_offset,
        dev_addr=dev_addr,
        f_cnt=f_cnt,
        family=family,
        spreading_factor=7,
        gateways=[Gateway(gateway_id=each, rssi_dbm=-90, snr_db=5.0) for each in gateways],
        device=Device(name=f"device {device[-1]}", profile=profile),
    )
    if copy_of is not None:
        made.duplicate_of = copy_of
        made.duplicate_of_us = at(minutes)
    if battery_ratio is not None:
        made.status.battery_ratio = battery_ratio
    return made


def record(content: Reading | Frame, offset: int, *, topic: str = "readings.test.v1", partition: int = 0) -> Record:
    """The record of a reading."""
    return StoredRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=content.ingested_at_us // 1000,
        key=content.dev_eui.encode(),
        value=content.SerializeToString(),
    )


def tick(minutes: float, offset: int, *, raw_offset: int, bridge: str = "b", partition: int = 0) -> Record:
    """A forwarded tick."""
    return StoredRecord(
        topic="readings.test.v1",
        partition=partition,
        offset=offset,
        timestamp=at(minutes) // 1000,
        key=None,
        value=write_tick(Tick(bridge, at(minutes))),
        headers=((EVENT_HEADER, TICK), (RAW_OFFSET_HEADER, b"%d" % raw_offset)),
    )


def records(
    contents: Sequence[Reading | Frame | float], *, topic: str = "readings.test.v1", partition: int = 0
) -> list[Record]:
    """A log of readings and (as numbers: their time in minutes) ticks, with offsets and raw offsets in order."""
    log: list[Record] = []
    for offset, content in enumerate(contents):
        if isinstance(content, Reading | Frame):
            numbered = type(content).FromString(content.SerializeToString())
            numbered.raw_offset = offset
            log.append(record(numbered, offset, topic=topic, partition=partition))
        else:
            log.append(tick(content, offset, raw_offset=offset, partition=partition))
    return log


def places(
    assignments: Sequence[tuple[str, float, str | None]],
    sites: Sequence[tuple[str, float, str, Mapping[str, object]]],
    classes: Mapping[str, str] | None = None,
) -> Places:
    """Places from (device, from minutes, site) and (site, from minutes, group, attributes), and sites' classes."""
    return build_places(
        [(device, from_us(at(minutes)), site) for device, minutes, site in assignments],
        [
            (site, from_us(at(minutes)), site, group, attributes, (classes or {}).get(site, ""))
            for site, minutes, group, attributes in sites
        ],
    )


assert EPOCH + timedelta(microseconds=BASE_US) == from_us(BASE_US)

"""The closing words: the city's answers, and one frame told from its bytes to its alert."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from pipeline.core.settings import Settings
from pipeline.database.connection import Connection
from pipeline.demo.account import raw_record
from pipeline.demo.look import ask
from pipeline.event.read import read_event, read_topic
from pipeline.kafka.consumer import KafkaLog

_MOST: Final = 8
"""Lines of each list."""


async def tell_city(console: Console, connection: Connection, now: datetime) -> None:
    """Print what operations wants to know."""
    console.rule("the city's answers, in its legal time")
    zones = Table("zone", "free", "occupied", "unknown", "bays", box=None, pad_edge=False)
    for zone, bays, occupied, free, unknown in await ask(connection, "zones"):
        zones.add_row(zone, str(free), str(occupied), str(unknown), str(bays))
    console.print("Free bays", style="bold")
    console.print(zones)
    ((count, full, mean),) = await ask(connection, "containers")
    console.print(f"\nContainers: {full} of {count} are full; on average {100 * (mean or 0):.0f} %", style="bold")
    for site, percent, since in (await ask(connection, "full_containers"))[:8]:
        console.print(f"  {site}  {percent} %  since {since:%a %H:%M}")
    ((emptyings, emptied, share),) = await ask(connection, "emptied_containers")
    if emptyings:
        console.print(f"  {emptied} of them were emptied, by {100 * share:.0f} % on average")
    for site, percent, at, earliest, latest in (await ask(connection, "expected_containers"))[:5]:
        bounds = f"{earliest:%a %H:%M} to {latest:%a %H:%M}" if latest else f"not before {earliest:%a %H:%M}"
        console.print(f"  {site}  {percent} %  expected to be at 80 % by {at:%a %H:%M} ({bounds})")
    console.print("\nOpen alerts", style="bold")
    for rule, severity, number in await ask(connection, "open_alerts"):
        console.print(f"  {number}  {rule} ({severity})")
    await _tell_wells(console, connection, now)
    await _tell_route(console, connection)
    await _tell_lamps(console, connection)
    await _tell_fleet(console, connection)


async def _tell_wells(console: Console, connection: Connection, now: datetime) -> None:
    ((wells, heard, rising),) = await ask(connection, "wells", now=now)
    high = await ask(connection, "high_wells")
    console.print(
        f"\nWells: {len(high)} of {wells} stand above their limit, {rising} are rising; {heard} were heard within the "
        "last hour",
        style="bold",
    )
    for site, level, limit, depth, since in high[:_MOST]:
        console.print(
            f"  {site}  {level:.2f} m NHN, limit {limit:.2f}; {depth:.2f} m below the ground; since {since:%a %H:%M}"
        )


async def _tell_route(console: Console, connection: Connection) -> None:
    lists = await ask(connection, "route")
    if not lists:
        console.print("\nNo round of the lorries has begun in this time", style="bold")
        return
    day = lists[0][0]
    console.print(f"\nContainers to empty on {day:%A}", style="bold")
    for _, material, to_empty, can_wait in lists:
        console.print(f"  {material or 'all'}: {to_empty} to empty, {can_wait} can wait")
    for material, site, reason, percent, full_at in (await ask(connection, "route_stops", day=day))[:_MOST]:
        expected = f", full by {full_at:%a %H:%M}" if full_at else ""
        console.print(f"    {material}  {site}  {percent} %  {str(reason).replace('_', ' ')}{expected}")


async def _tell_lamps(console: Console, connection: Connection) -> None:
    ((burning, due, lamps),) = await ask(connection, "lamps")
    dark = await ask(connection, "dark_lamps")
    console.print(
        f"\nLamps: {burning} of {lamps} burn, {due} should; {len(dark)} alerts of dark lamps and faults", style="bold"
    )
    for site, since, sentence in dark[:_MOST]:
        console.print(f"  {site}  since {since:%a %H:%M}: {sentence}")


async def _tell_fleet(console: Console, connection: Connection) -> None:
    silent = await ask(connection, "silent")
    ((known, received, copies, missing, lost),) = await ask(connection, "fleet")
    console.print(
        f"\nSilent: {len(silent)} devices and gateways; of {known:,} devices {received or 0:,} frames came, "
        f"{copies or 0:,} copies, {missing or 0:,} were missing before us, {lost or 0:,} were lost inside",
        style="bold",
    )
    for _, subject, since, sentence in silent[:_MOST]:
        console.print(f"  {subject}  since {since:%a %H:%M}: {sentence}")


async def tell_frame(console: Console, settings: Settings, log: KafkaLog, connection: Connection) -> None:
    """Print the way of the frame that opened the newest alert."""
    console.rule("one frame's way")
    found = await ask(connection, "alert_to_tell")
    if not found:
        console.print("no alert was opened in this day")
        return
    alert = dict(zip(_ALERT, found[0], strict=True))
    partition, offset = alert["raw_partition"], alert["raw_offset"]
    topic, value = await raw_record(settings, log, partition=partition, offset=offset)
    named = read_topic(topic)
    event = read_event(named.event, value, dev_eui=named.dev_eui) if named else None
    key = {"device": alert["device"], "observed_at": alert["observed_at"]}
    way = Table(box=None, pad_edge=False, show_header=False)
    way.add_column(style="bold")
    way.add_column()
    if event is not None:
        way.add_row("radio", f"fPort {event.f_port}, fCnt {event.f_cnt}: {event.data.hex()}")
        way.add_row("MQTT", topic)
        way.add_row("event", f"{_encoding(value)}, {len(value)} bytes: {_shortened(value)}")
    way.add_row("raw log", f"{settings.namespace}lorawan.raw.v1[{partition}] offset {offset}")
    for at, distance, tilted, battery, flags in await ask(connection, "row_to_tell", **key):
        way.add_row("decoder", f"{alert['decoder']} {alert['decoder_version']}")
        way.add_row(
            "row",
            f"reading_container: {at:%F %T %Z} distance_metres={distance} tilted={tilted} battery_ratio={battery} "
            f"flags={flags}",
        )
    for distance, ratio, full, site in await ask(connection, "fact_to_tell", **key):
        way.add_row("fact", f"container_level: {site} distance {distance} m = {100 * (ratio or 0):.0f} % full={full}")
    way.add_row("alert", f"{alert['rule']} {alert['subject']} since {alert['since']:%F %T %Z}: {alert['message_en']}")
    for out_topic, content in await ask(connection, "outbox_to_tell", key=alert["subject"]):
        way.add_row(
            "Kafka", f"{settings.namespace}{str(out_topic).removeprefix(settings.namespace)}: {str(content)[:220]}…"
        )
    console.print(way)


_ALERT = (
    "id",
    "rule",
    "subject",
    "status",
    "since",
    "message_en",
    "opened_event",
    "observed_at",
    "device",
    "f_cnt",
    "f_port",
    "raw_partition",
    "raw_offset",
    "decoder",
    "decoder_version",
)


def _encoding(value: bytes) -> str:
    return "JSON" if value[:1] == b"{" else "protobuf"


def _shortened(value: bytes) -> str:
    if value[:1] != b"{":
        return base64.b64encode(value)[:60].decode() + "…"
    content: dict[str, Any] = orjson.loads(value)
    shown = {name: content[name] for name in ("time", "devAddr", "fCnt", "fPort", "data") if name in content}
    return orjson.dumps(shown).decode()

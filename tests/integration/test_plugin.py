"""A decoder of somebody else's: begun by `new`, written, installed beside silkstream, and its frames become rows.

The virtual environment is a fresh one that finds this one's packages, so that nothing is downloaded and the plugin
alone is new in it; the plugin itself is built and installed by pip, as an integrator would.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import sysconfig
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import orjson
import pytest

from pipeline.core import clock
from pipeline.core.settings import Settings
from pipeline.kafka.provision import delete_topics
from tests.integration.servers import (
    declared,
    drop_schema,
    environment_of,
    event_topic,
    eventually,
    forget_session,
    publish,
    rows_of,
    spawned,
)

pytestmark = pytest.mark.integration

FAMILY: Final = "odour"
EUI: Final = "00000000000000aa"
DECODER: Final = '''
"""Acme Nose: how it smells, as the maker's scale counts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from decoders.api import Decoder, Sample, UnknownPort, Uplink
from decoders.bits import Reader
from decoders.quantities import Quantity

SMELL = Quantity(name="smell_units", unit="[odour]", low=0, high=6553.5, kind="gauge", help="how it smells")


@dataclass(frozen=True, slots=True, kw_only=True)
class Smell(Sample):
    smell_units: float | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    if uplink.f_port != 7:
        raise UnknownPort
    reader = Reader(uplink.payload)
    smell, millivolts = reader.u16be(), reader.u16be()
    reader.finish()
    if millivolts > 24_000:
        return (Smell(smell_units=smell / 10, flags=("invalid_reading",)),)
    return (Smell(smell_units=smell / 10, battery_volts=millivolts / 1000),)


DECODER = Decoder(
    name="acme_nose", version="0.1", family="odour", about="Acme Nose", samples=(Smell,), decode=decode,
    quantities=(SMELL,),
)
'''
VECTORS: Final = """
{"about": "faint", "port": 7, "hex": "000f0e10", "expect": [{"smell_units": 1.5, "battery_volts": 3.6}], "source": "x"}
{"about": "one byte short", "port": 7, "hex": "000f0e", "reject": "payload_truncated", "source": "made up"}
"""


class Told(NamedTuple):
    """What a command answered."""

    status: int
    output: str


async def run(settings: Settings, *words: str) -> Told:
    """Run a command to its end, with the test's installation in its environment."""
    process = await asyncio.create_subprocess_exec(*words, env=environment_of(settings), stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate()
    return Told(process.returncode or 0, output.decode() + errors.decode())


@pytest.fixture
async def place(namespace: Settings) -> AsyncIterator[Settings]:
    """A namespace in which the plugin's own commands will make topics and tables."""
    yield namespace
    own = f"{namespace.namespace}readings.{FAMILY}.v1"
    await delete_topics(namespace, [own, *(topic.name for topic in declared(namespace))])
    await drop_schema(namespace)
    await forget_session(namespace)


async def test_a_package_begun_by_new_is_installed_and_its_frames_become_rows(place: Settings, tmp_path: Path) -> None:
    package, python = tmp_path / "nose", str(tmp_path / "venv/bin/python")
    here = (sys.executable, "-m", "pipeline.cli", "decoders")
    begun = await run(place, *here, "new", "Acme", "Nose", "--family", FAMILY, "--package", str(package))
    assert begun.status == 0, begun.output
    await fresh_environment(place, tmp_path / "venv")
    install = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps")
    offline = ("--no-index", "--no-build-isolation", "--disable-pip-version-check")
    installed = await run(place, *install, *offline, "--editable", str(package))
    assert installed.status == 0, installed.output

    silkstream = (python, "-m", "pipeline.cli")
    red = await run(place, *silkstream, "decoders", "test", "acme_nose")
    assert red.status == 1
    (package / "silkstream_acme_nose/decoder.py").write_text(DECODER, encoding="utf-8")
    (package / "silkstream_acme_nose/vectors.jsonl").write_text(VECTORS, encoding="utf-8")
    green = await run(place, *silkstream, "decoders", "test", "acme_nose")
    assert green.status == 0, green.output
    assert "acme_nose: 2 vectors, 4 checks passed" in green.output
    listed = await run(place, *silkstream, "decoders", "list")
    assert ["acme_nose", "0.1", FAMILY, "silkstream-acme-nose"] in [
        line.split()[:4] for line in listed.output.split("\n")
    ]

    contract = await run(place, *silkstream, "contract")
    assert f"address: {place.namespace}readings.{FAMILY}.v1" in contract.output
    assert "smell_units:" in contract.output
    for command in ("topics", "migrate"):
        done = await run(place, *silkstream, command)
        assert done.status == 0, done.output
    async with AsyncExitStack() as stages:
        for stage in ("bridge", "decode", "store"):
            await stages.enter_async_context(spawned(stage, place, python=python))
        await eventually(lambda: ticked(place), "the first tick has come through")
        await publish(place, [(event_topic(place, EUI), uplink(b"\x00\x0f\x0e\x10"))])
        rows = await eventually(
            lambda: rows_of(place, "SELECT device, smell_units, battery_volts, decoder FROM reading_odour"),
            "the plugin's reading is a row",
        )

    assert rows == [(EUI, 1.5, 3.6, "acme_nose")]


async def fresh_environment(settings: Settings, folder: Path) -> None:
    """A virtual environment that finds the packages of this one."""
    made = await run(settings, sys.executable, "-m", "venv", "--without-pip", str(folder))
    assert made.status == 0, made.output
    site = folder / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    ours = sysconfig.get_path("purelib")
    (site / "beside.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")


async def ticked(settings: Settings) -> bool:
    """Whether store has seen a tick: every stage before it is at work."""
    return bool(await rows_of(settings, "SELECT FROM ledger WHERE consumer = 'store' AND as_of IS NOT NULL LIMIT 1"))


def uplink(payload: bytes) -> bytes:
    """An uplink as ChirpStack publishes it."""
    return orjson.dumps(
        {
            "deduplicationId": "nose",
            "time": clock.from_us(clock.now_us()).isoformat(),
            "deviceInfo": {"devEui": EUI, "deviceProfileName": "Acme Nose", "tags": {"decoder": "acme_nose"}},
            "devAddr": "01020304",
            "fCnt": 1,
            "fPort": 7,
            "data": base64.b64encode(payload).decode(),
        }
    )

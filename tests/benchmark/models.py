"""Each decoder by itself: its median and its slowest frame, by its own vectors; and what it costs to choose one.

    python -m tests.benchmark.models

Prints one line of JSON: microseconds by name.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Final

import orjson

from decoders.api import Decoder, Uplink, check_attributes
from decoders.registry import load
from decoders.vectors import load_vectors
from pipeline.decode.binding import Bindings
from pipeline.event.model import DeviceInfo

_CALLS: Final = 500
_DEVICES: Final = 1000


def microseconds(call: Callable[[], object], *, calls: int = _CALLS) -> float:
    """Of one call, the best of several rounds: whatever else the machine does only adds to it."""
    return min(timeit.repeat(call, number=calls, repeat=5)) / calls * 1e6


def frames_of(decoder: Decoder) -> list[float]:
    """What each accepted vector takes."""
    return [
        microseconds(
            partial(decoder.decode, Uplink(each.port, each.payload, check_attributes(decoder, each.attributes)))
        )
        for each in load_vectors(decoder)
        if each.expect is not None
    ]


def choosing() -> float:
    """The binding of a device that has spoken before, over a city of them."""
    decoders = load()
    bindings = Bindings(decoders, {})
    names = list(decoders)
    devices = [
        DeviceInfo(f"{number:016x}", "", "", "", "", "", "", {"decoder": names[number % len(names)]})
        for number in range(_DEVICES)
    ]

    def all_of_them() -> None:
        for device in devices:
            bindings.of(device)

    return microseconds(all_of_them, calls=20) / _DEVICES


def main() -> None:
    """Measure all."""
    found = {}
    for name, decoder in load().items():
        took = frames_of(decoder)
        found[name] = {"median": median(took), "slowest": max(took)}
    answer = {"models": found, "choosing": choosing()}
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")


if __name__ == "__main__":
    main()

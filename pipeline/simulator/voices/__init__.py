"""How each model speaks: which frames it makes of a moment, on which ports, and what can be judged by them.

One module per family, one function per model. The bytes are those of `encode`; what is chosen here is when a model
sends which of its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import NamedTuple, TypeVar

from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Frame, randomness
from pipeline.simulator.moments import Moment


class Sent(NamedTuple):
    """A frame of a model; `says` as in `Frame`: the moment's truth in the model's resolution."""

    f_port: int
    payload: bytes
    says: float | None = None


Spoken = TypeVar("Spoken", bound=Moment)
Voice = Callable[[Random, Spoken], Iterable[Sent]]
"""What a model sends at a moment; often one frame, sometimes several or none."""


def spoken(voice: Voice[Spoken], plan: CityPlan, device: Device, moments: Iterable[Spoken]) -> Iterator[Frame]:
    """The device's frames. What its model adds by chance does not touch the physics."""
    rng = randomness(plan.seed, device.dev_eui, "voice")
    for moment in moments:
        for sent in voice(rng, moment):
            yield Frame(moment.at_us, sent.f_port, sent.payload, sent.says)

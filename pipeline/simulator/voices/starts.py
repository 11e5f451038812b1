"""What a device says of itself when it has started again, where its model does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from pipeline.simulator.frames import Frame
from pipeline.simulator.moments import Start
from pipeline.simulator.voices import Sent, containers, groundwater, lighting, parking, water, weather

NOTICES: Final[Mapping[str, Callable[[Start], Iterator[Sent]]]] = MappingProxyType(
    {
        **parking.NOTICES,
        **groundwater.NOTICES,
        **containers.NOTICES,
        **lighting.NOTICES,
        **weather.NOTICES,
        **water.NOTICES,
    }
)


def notices(start: Start) -> Iterator[Frame]:
    """The frames of a start, in order; none where the model begins as it goes on."""
    notice = NOTICES.get(start.device.model.decoder)
    if notice is not None:
        for sent in notice(start):
            yield Frame(start.at_us, sent.f_port, sent.payload, sent.says, notice=True)

"""Turns samples into a `silkstream.v1.Reading`.

Fields are set one by one: keyword arguments to protobuf's constructors cost three times as much. Writing the bytes of
each quantity without the library was tried, and was no faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from decoders.api import Decoder, Sample
from decoders.quantities import Quantity
from decoders.registry import fields_of
from schemas.silkstream.v1 import frame_pb2, reading_pb2


class _Output(NamedTuple):
    """How one sample type becomes quantities."""

    values: Callable[[Sample], tuple[Any, ...]]
    names: tuple[str, ...]
    kinds: tuple[str, ...]


class Readings:
    """Makes the readings of these decoders."""

    def __init__(self, decoders: Iterable[Decoder], known: Mapping[str, Quantity]) -> None:
        self._outputs: dict[type[Sample], _Output] = {}
        for decoder in decoders:
            for sample in decoder.samples:
                names = tuple(fields_of(sample))
                values = attrgetter(*names) if len(names) > 1 else _single(names)
                self._outputs[sample] = _Output(values, names, tuple(known[name].value_type for name in names))

    def reading_of(
        self, frame: frame_pb2.Frame, samples: Sequence[Sample], *, history_step_seconds: int | None
    ) -> reading_pb2.Reading:
        """The reading of an accepted frame.

        Args:
            frame: the reading has its identity, times, decoder, counters and flags.
            samples: as the decoder returned them.
            history_step_seconds: to which the times of samples with an age are rounded.

        Raises:
            Exception: of any type, where the samples are not what their decoder declared.
        """
        observed_us = frame.observed_at_us
        reading = reading_pb2.Reading()
        reading.event_id = frame.event_id
        reading.dev_eui = frame.dev_eui
        reading.observed_at_us = observed_us
        reading.ingested_at_us = frame.ingested_at_us
        reading.raw_offset = frame.raw_offset
        reading.decoder = frame.decoder
        reading.decoder_version = frame.decoder_version
        reading.f_cnt = frame.f_cnt
        reading.f_port = frame.f_port
        if frame.flags:
            reading.flags.extend(frame.flags)
        for sample in samples:
            at = observed_us
            if sample.age_seconds:
                at = _sampled_us(observed_us, sample.age_seconds, history_step_seconds)
            output = self._outputs[type(sample)]
            written = reading.samples.add()
            written.observed_at_us = at
            written.channel = sample.channel
            if sample.flags:
                written.flags.extend(sample.flags)
            add = written.quantities.add
            for name, kind, value in zip(output.names, output.kinds, output.values(sample), strict=True):
                if value is not None:
                    quantity = add()
                    quantity.name = name
                    setattr(quantity, kind, value)
        return reading


def _sampled_us(observed_us: int, age_seconds: float, step_seconds: int | None) -> int:
    """When a history sample was taken; rounded to the decoder's step, so that it has one time in every frame."""
    at = observed_us - round(age_seconds * 1_000_000)
    if step_seconds:
        step = step_seconds * 1_000_000
        at = (at + step // 2) // step * step
    return at


def _single(names: tuple[str, ...]) -> Callable[[Sample], tuple[Any, ...]]:
    """Like `attrgetter` of several names: always a tuple."""

    def values(sample: Sample) -> tuple[Any, ...]:
        return tuple(getattr(sample, name) for name in names)

    return values

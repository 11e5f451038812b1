"""Turns samples into a `silkstream.v1.Reading`.

Building a message costs more than filling it: a device sends the same quantities again and again, so a message of each
shape is kept, and of the next reading of that shape only the values are set. Fields are set one by one, since keyword
arguments to protobuf's constructors cost three times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, repeat
from operator import attrgetter, is_not
from typing import Any, Final, NamedTuple

from decoders.api import Decoder, Sample
from decoders.quantities import Quantity
from decoders.registry import fields_of
from schemas.silkstream.v1 import frame_pb2, reading_pb2

AHEAD_US: Final = 300_000_000
"""How far a time may lie ahead of what is known: clocks differ, and more than that is a clock that is wrong."""
HISTORY_AHEAD: Final = "history_ahead"
"""Flag of a reading: its device's clock runs ahead, and history with times to come was left out."""
_SHAPES: Final = 10_000
"""How many kept messages are enough for a city's devices; beyond that, all are made anew."""

_Values = tuple[Any, ...]
_Form = tuple[type[Sample], bytes, tuple[str, ...]]
"""Of a sample: its type, which of its quantities are there (a byte each), its flags."""


class _Output(NamedTuple):
    """How one sample type becomes quantities."""

    values: Callable[[Sample], _Values]
    names: tuple[str, ...]
    kinds: tuple[str, ...]


class _Part(NamedTuple):
    """A sample of a kept message, and where its values go: each quantity with the name of its field."""

    message: reading_pb2.Sample
    places: tuple[tuple[reading_pb2.Quantity, str], ...]


class _Shape(NamedTuple):
    """A kept message."""

    message: reading_pb2.Reading
    parts: tuple[_Part, ...]


class Readings:
    """Makes the readings of these decoders."""

    def __init__(self, decoders: Iterable[Decoder], known: Mapping[str, Quantity]) -> None:
        self._outputs: dict[type[Sample], _Output] = {}
        self._shapes: dict[tuple[tuple[str, ...], tuple[_Form, ...]], _Shape] = {}
        for decoder in decoders:
            for sample in decoder.samples:
                names = tuple(fields_of(sample))
                values = attrgetter(*names) if len(names) > 1 else _single(names)
                self._outputs[sample] = _Output(values, names, tuple(known[name].value_type for name in names))

    def serialised(
        self, frame: frame_pb2.Frame, samples: Sequence[Sample], *, history_step_seconds: int | None
    ) -> bytes:
        """The reading of an accepted frame, as bytes.

        Args:
            frame: the reading has its identity, times, decoder, counters and flags.
            samples: as the decoder returned them.
            history_step_seconds: to which the times of history samples are rounded.

        Raises:
            Exception: of any type, where the samples are not what their decoder declared.
        """
        observed_us = frame.observed_at_us
        flags = tuple(frame.flags)
        forms: list[_Form] = []
        given: list[tuple[int, int, Iterable[Any]]] = []
        for sample in samples:
            at_us = observed_us
            if sample.age_seconds or sample.taken_unix_seconds is not None:
                at_us = _taken_us(sample, observed_us, step_seconds=history_step_seconds)
                if at_us > observed_us + AHEAD_US:
                    # It has no place in time: at the frame's own it would pass for the live one.
                    flags = (*frame.flags, HISTORY_AHEAD)
                    continue
            values = self._outputs[type(sample)].values(sample)
            present = bytes(map(is_not, values, repeat(None)))
            forms.append((type(sample), present, sample.flags))
            given.append((at_us, sample.channel, values if all(present) else compress(values, present)))
        reading, parts = self._shape(flags, tuple(forms))
        reading.event_id = frame.event_id
        reading.dev_eui = frame.dev_eui
        reading.observed_at_us = observed_us
        reading.ingested_at_us = frame.ingested_at_us
        reading.raw_offset = frame.raw_offset
        reading.decoder = frame.decoder
        reading.decoder_version = frame.decoder_version
        reading.f_cnt = frame.f_cnt
        reading.f_port = frame.f_port
        for (at_us, channel, filling), (written, places) in zip(given, parts, strict=True):
            written.observed_at_us = at_us
            written.channel = channel
            for (quantity, kind), value in zip(places, filling, strict=True):
                setattr(quantity, kind, value)
        return reading.SerializeToString()

    def _shape(self, flags: tuple[str, ...], forms: tuple[_Form, ...]) -> _Shape:
        kept = self._shapes.get((flags, forms))
        if kept is not None:
            return kept
        message = reading_pb2.Reading(flags=flags)
        parts = []
        for sample_type, present, sample_flags in forms:
            output = self._outputs[sample_type]
            written = message.samples.add(flags=sample_flags)
            places = tuple(
                (written.quantities.add(name=name), kind)
                for name, kind in compress(zip(output.names, output.kinds, strict=True), present)
            )
            parts.append(_Part(written, places))
        if len(self._shapes) >= _SHAPES:
            self._shapes.clear()
        shape = self._shapes[flags, forms] = _Shape(message, tuple(parts))
        return shape


def _taken_us(sample: Sample, observed_us: int, *, step_seconds: int | None) -> int:
    """When a history sample was taken; rounded to the decoder's step, so that it has one time in every frame."""
    if sample.taken_unix_seconds is not None:
        at_us = sample.taken_unix_seconds * 1_000_000
    else:
        at_us = observed_us - round(sample.age_seconds * 1_000_000)
    if step_seconds:
        step_us = step_seconds * 1_000_000
        at_us = (at_us + step_us // 2) // step_us * step_us
    return at_us


def _single(names: tuple[str, ...]) -> Callable[[Sample], tuple[Any, ...]]:
    """Like `attrgetter` of several names: always a tuple."""

    def values(sample: Sample) -> tuple[Any, ...]:
        return tuple(getattr(sample, name) for name in names)

    return values

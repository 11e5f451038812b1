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
            history_step_seconds: to which the times of samples with an age are rounded.

        Raises:
            Exception: of any type, where the samples are not what their decoder declared.
        """
        forms: list[_Form] = []
        given: list[Iterable[Any]] = []
        for sample in samples:
            values = self._outputs[type(sample)].values(sample)
            present = bytes(map(is_not, values, repeat(None)))
            forms.append((type(sample), present, sample.flags))
            given.append(values if all(present) else compress(values, present))
        reading, parts = self._shape(tuple(frame.flags), tuple(forms))
        observed_us = frame.observed_at_us
        reading.event_id = frame.event_id
        reading.dev_eui = frame.dev_eui
        reading.observed_at_us = observed_us
        reading.ingested_at_us = frame.ingested_at_us
        reading.raw_offset = frame.raw_offset
        reading.decoder = frame.decoder
        reading.decoder_version = frame.decoder_version
        reading.f_cnt = frame.f_cnt
        reading.f_port = frame.f_port
        for sample, (written, places), filling in zip(samples, parts, given, strict=True):
            at = observed_us
            if sample.age_seconds:
                at = _sampled_us(observed_us, sample.age_seconds, history_step_seconds)
            written.observed_at_us = at
            written.channel = sample.channel
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

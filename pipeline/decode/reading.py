"""Turns samples into a `silkstream.v1.Reading`.

A device sends the same quantities again and again. So the bytes of a form are kept, by what it was made of, and so is a
message for each number of samples and series, whose values are set anew. Fields are set one by one, since keyword
arguments to protobuf's constructors cost three times as much.

What a device has logged at even steps becomes a series: whoever reads a day of hourly volumes from samples makes two
hundred objects of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, compress, repeat
from operator import attrgetter, is_not
from typing import Any, Final, NamedTuple

from decoders.api import Decoder, Sample
from decoders.quantities import Quantity
from decoders.registry import fields_of
from schemas.silkstream.v1 import frame_pb2, reading_pb2
from schemas.silkstream.v1.reading_view_pb2 import ReadingView

AHEAD_US: Final = 300_000_000
"""How far a time may lie ahead of what is known: clocks differ, and more than that is a clock that is wrong."""
HISTORY_AHEAD: Final = "history_ahead"
"""Flag of a frame's samples: its device's clock runs ahead, and history with times to come was left out."""
_KEPT: Final = 20_000
"""How many forms are enough for a city's devices; beyond that, all are made anew."""

_Values = tuple[Any, ...]
_Form = tuple[type[Sample], bytes, tuple[str, ...]]
"""Of a sample: its type, which of its quantities are there (a byte each), its flags."""
_Past = dict[tuple[_Form, int], list[tuple[int, _Values]]]
"""Samples of the past by form and channel: their times, and their values of the quantities that are there."""


class _Output(NamedTuple):
    """How one sample type becomes quantities."""

    values: Callable[[Sample], _Values]
    names: tuple[str, ...]
    kinds: tuple[str, ...]


class _One(NamedTuple):
    """A sample to write."""

    form: _Form
    at_us: int
    channel: int
    values: _Values
    """Of the quantities that are there."""


class _Many(NamedTuple):
    """A series to write."""

    form: _Form
    first_us: int
    step_us: int
    channel: int
    columns: Sequence[_Values]
    """Of the quantities that are there, each from the oldest value on."""


class _Split(NamedTuple):
    """How the values of a form are told apart: for each kind a byte for every value, and the names."""

    numbers: bytes
    integers: bytes
    states: bytes
    number_names: tuple[str, ...]
    integer_names: tuple[str, ...]
    state_names: tuple[tuple[str, str], ...]
    """Each with its kind."""


class Readings:
    """Makes the readings of these decoders."""

    def __init__(self, decoders: Iterable[Decoder], known: Mapping[str, Quantity]) -> None:
        self._outputs: dict[type[Sample], _Output] = {}
        self._splits: dict[tuple[type[Sample], bytes], _Split] = {}
        self._forms: dict[tuple[Any, ...], bytes] = {}
        self._messages: dict[tuple[int, int], ReadingView] = {}
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
        ones, past, is_ahead = self._by_form(samples, frame.observed_at_us, step_seconds=history_step_seconds)
        scattered, many = self._in_series(past)
        ones += scattered
        flags = (*frame.flags, HISTORY_AHEAD) if is_ahead else tuple(frame.flags)
        reading = self._message(len(ones), len(many))
        self._fill(reading, flags, ones, many)
        reading.event_id = frame.event_id
        reading.dev_eui = frame.dev_eui
        reading.observed_at_us = frame.observed_at_us
        reading.ingested_at_us = frame.ingested_at_us
        reading.raw_offset = frame.raw_offset
        reading.decoder = frame.decoder
        reading.decoder_version = frame.decoder_version
        reading.f_cnt = frame.f_cnt
        reading.f_port = frame.f_port
        return reading.SerializeToString()

    def _by_form(
        self, samples: Sequence[Sample], observed_us: int, *, step_seconds: int | None
    ) -> tuple[list[_One], _Past, bool]:
        """Samples of now and of the past, and whether some have times to come, which are left out."""
        ones: list[_One] = []
        past: _Past = {}
        is_ahead = False
        for sample in samples:
            values = self._outputs[type(sample)].values(sample)
            present = bytes(map(is_not, values, repeat(None)))
            if not all(present):
                values = tuple(compress(values, present))
            form = (type(sample), present, sample.flags)
            if not sample.age_seconds and sample.taken_unix_seconds is None:
                ones.append(_One(form, observed_us, sample.channel, values))
                continue
            at_us = _taken_us(sample, observed_us, step_seconds=step_seconds)
            if at_us > observed_us + AHEAD_US:
                # It has no place in time: at the frame's own it would pass for the live one.
                is_ahead = True
            else:
                past.setdefault((form, sample.channel), []).append((at_us, values))
        return ones, past, is_ahead

    def _in_series(self, past: _Past) -> tuple[list[_One], list[_Many]]:
        """What has to be written sample by sample all the same, and the series."""
        ones: list[_One] = []
        many: list[_Many] = []
        for (form, channel), logged in past.items():
            steps = _even_steps([at_us for at_us, _ in logged])
            if steps is None or not self._is_numeric(form):
                ones += [_One(form, at_us, channel, values) for at_us, values in logged]
                continue
            if logged[0][0] != steps.start:
                logged.reverse()
            columns = list(zip(*(values for _, values in logged), strict=True))
            many.append(_Many(form, steps.start, steps.step, channel, columns))
        return ones, many

    def _is_numeric(self, form: _Form) -> bool:
        """Whether a series can hold its quantities, and there are any."""
        split = self._split(form)
        return bool(split.numbers) and not any(split.states)

    def _message(self, samples: int, series: int) -> ReadingView:
        kept = self._messages.get((samples, series))
        if kept is None:
            kept = self._messages[samples, series] = ReadingView()
            for _ in range(samples):
                kept.samples.add()
            for _ in range(series):
                kept.series.add()
        return kept

    def _fill(self, reading: ReadingView, flags: tuple[str, ...], ones: Sequence[_One], many: Sequence[_Many]) -> None:
        """Set the samples and series of a kept message."""
        for (form, at_us, channel, values), sample in zip(ones, reading.samples[:], strict=True):
            split = self._split(form)
            sample.observed_at_us = at_us
            sample.channel = channel
            sample.form = self._form(form, flags, split, tuple(compress(values, split.states)))
            # As tuples: an iterator costs protobuf three times as much.
            sample.numbers[:] = tuple(compress(values, split.numbers))
            sample.integers[:] = tuple(compress(values, split.integers))
        for (form, first_us, step_us, channel, columns), series in zip(many, reading.series[:], strict=True):
            split = self._split(form)
            series.first_at_us = first_us
            series.step_us = step_us
            series.channel = channel
            series.count = len(columns[0])
            series.form = self._form(form, flags, split, ())
            series.numbers[:] = tuple(chain.from_iterable(compress(columns, split.numbers)))
            series.integers[:] = tuple(chain.from_iterable(compress(columns, split.integers)))

    def _split(self, form: _Form) -> _Split:
        sample_type, present, _ = form
        kept = self._splits.get((sample_type, present))
        if kept is not None:
            return kept
        output = self._outputs[sample_type]
        names, kinds = list(compress(output.names, present)), list(compress(output.kinds, present))
        numbers = bytes([kind == "number" for kind in kinds])
        integers = bytes([kind == "integer" for kind in kinds])
        states = bytes([kind not in {"number", "integer"} for kind in kinds])
        self._splits[sample_type, present] = split = _Split(
            numbers,
            integers,
            states,
            tuple(compress(names, numbers)),
            tuple(compress(names, integers)),
            tuple(compress(zip(names, kinds, strict=True), states)),
        )
        return split

    def _form(self, form: _Form, flags: tuple[str, ...], split: _Split, states: _Values) -> bytes:
        """The bytes of a form.

        Raises:
            Exception: a state is not of its kind.
        """
        # With their types: to Python true is 1.0, to a decoder it is not.
        key = (form, flags, states, tuple(map(type, states)))
        kept = self._forms.get(key)
        if kept is not None:
            return kept
        message = reading_pb2.Form(flags=[*flags, *form[2]], numbers=split.number_names, integers=split.integer_names)
        for (name, kind), value in zip(split.state_names, states, strict=True):
            setattr(message.states.add(name=name), kind, value)
        if len(self._forms) >= _KEPT:
            self._forms.clear()
        made = self._forms[key] = message.SerializeToString(deterministic=True)
        return made


def _even_steps(times: Sequence[int]) -> range | None:
    """Times at even steps, from the oldest on; None where they are not, or where there is no step.

    Args:
        times: rising or falling.
    """
    if len(times) < 2 or times[0] == times[1]:
        return None
    first, last = min(times[0], times[-1]), max(times[0], times[-1])
    steps = range(first, last + 1, abs(times[1] - times[0]))
    # Its length first: between two times of a device's clock there may be billions of steps.
    if len(steps) != len(times) or list(times) not in (list(steps), list(reversed(steps))):
        return None
    return steps


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

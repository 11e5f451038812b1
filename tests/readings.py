"""Samples and series as decode writes them, made of what they say; and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.silkstream.v1.reading_pb2 import Form, Reading, Sample, Series, State
from schemas.silkstream.v1.reading_view_pb2 import ReadingView

Value = float | bool | int | str


def sample(values: Mapping[str, Value], *, at_us: int, channel: int = 0, flags: Sequence[str] = ()) -> Sample:
    """A sample of these quantities: whole numbers are integers."""
    states = {name: value for name, value in values.items() if isinstance(value, (bool, str))}
    form = Form(
        flags=flags,
        numbers=[name for name, value in values.items() if isinstance(value, float)],
        integers=[name for name, value in values.items() if _is_integer(value)],
        states=[
            State(name=name, flag=value) if isinstance(value, bool) else State(name=name, text=value)
            for name, value in states.items()
        ],
    )
    return Sample(
        observed_at_us=at_us,
        channel=channel,
        form=form,
        numbers=[value for value in values.values() if isinstance(value, float)],
        integers=[int(value) for value in values.values() if _is_integer(value)],
    )


def series(
    columns: Mapping[str, Sequence[float]],
    *,
    first_at_us: int,
    step_us: int,
    channel: int = 0,
    flags: Sequence[str] = (),
) -> Series:
    """A series of these quantities, each with its values from the oldest on."""
    integers = [name for name, values in columns.items() if all(map(_is_integer, values))]
    numbers = [name for name in columns if name not in integers]
    return Series(
        first_at_us=first_at_us,
        step_us=step_us,
        channel=channel,
        count=max(map(len, columns.values())),
        form=Form(flags=flags, numbers=numbers, integers=integers),
        numbers=[value for name in numbers for value in columns[name]],
        integers=[int(value) for name in integers for value in columns[name]],
    )


def view(given: Reading) -> ReadingView:
    """A reading as our stages read it."""
    return ReadingView.FromString(given.SerializeToString())


def said(given: Sample) -> dict[str, Value]:
    """The quantities of a sample."""
    form = given.form
    numbers = zip(form.numbers, given.numbers, strict=True)
    integers = zip(form.integers, given.integers, strict=True)
    states = {state.name: getattr(state, state.WhichOneof("value") or "text") for state in form.states}
    return {**dict(numbers), **dict(integers), **states}


def logged(given: Series) -> dict[str, list[float]]:
    """The quantities of a series, each with its values from the oldest on."""
    form, count = given.form, given.count
    columns: dict[str, list[float]] = {}
    for names, values in ((form.numbers, [*given.numbers]), (form.integers, [*map(float, given.integers)])):
        assert len(values) == count * len(names)
        columns |= {name: values[place * count : (place + 1) * count] for place, name in enumerate(names)}
    return columns


def _is_integer(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

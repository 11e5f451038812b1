"""What a reading says: its samples, whether they are written one by one or as a series; pure.

A city's devices have a few hundred forms (`reading.proto`), and each frame repeats one. So a reader makes of a form
once what it needs, and keeps it by the form's bytes: that is why readings are parsed as views. A repeated field is read
as a slice of the whole: to iterate it takes half a microsecond more, also where it is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import repeat
from math import isfinite
from typing import Any, Final, Generic, NamedTuple, TypeVar

from google.protobuf.message import DecodeError

from schemas.silkstream.v1 import reading_pb2
from schemas.silkstream.v1.reading_view_pb2 import ReadingView

T = TypeVar("T")
Value = float | int

_FORMS: Final = 20_000
"""How many forms are enough for a city's devices; beyond that, all are made anew."""


class Form(NamedTuple):
    """What samples of one form have in common."""

    flags: tuple[str, ...]
    """In the order of the alphabet."""
    numbers: tuple[str, ...]
    integers: tuple[str, ...]
    states: Mapping[str, bool | str]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the values of a sample."""
        return self.numbers + self.integers

    def place(self, name: str) -> int | None:
        """Where in the values of a sample a quantity is."""
        names = self.names
        return names.index(name) if name in names else None

    def flag(self, name: str) -> bool | None:
        """Whether something is so, None where nothing is said of it."""
        value = self.states.get(name)
        return value if isinstance(value, bool) else None


def read_form(content: bytes) -> Form:
    """A form from its bytes.

    Raises:
        DecodeError: it is none.
    """
    form = reading_pb2.Form.FromString(content)
    states = {each.name: getattr(each, each.WhichOneof("value") or "text") for each in form.states}
    return Form(tuple(sorted({*form.flags})), tuple(form.numbers), tuple(form.integers), states)


class _Kept(NamedTuple, Generic[T]):
    """What was made of a form, and how many values of its samples are read."""

    made: T
    numbers: int
    integers: int


class Forms(dict[bytes, _Kept[T]]):
    """What a reader has made of forms, by their bytes."""

    def __init__(self, make: Callable[[Form], T], *, wanted: AbstractSet[str] | None = None) -> None:
        """No forms yet.

        Args:
            make: makes what the reader needs of a form.
            wanted: the numbers and integers that are read, if not all; a form has no names of a kind of which none is.
        """
        super().__init__()
        self._make = make
        self._wanted = wanted

    def __missing__(self, content: bytes) -> _Kept[T]:
        """Make it.

        Raises:
            DecodeError: these are the bytes of no form.
            Exception: as the reader says.
        """
        form = read_form(content)
        if self._wanted is not None:
            if self._wanted.isdisjoint(form.numbers):
                form = form._replace(numbers=())
            if self._wanted.isdisjoint(form.integers):
                form = form._replace(integers=())
        kept = _Kept(self._make(form), len(form.numbers), len(form.integers))
        if len(self) >= _FORMS:
            self.clear()
        self[content] = kept
        return kept


Sample = tuple[int, int, T, Sequence[Value]]
"""What was so at one time: when (microseconds since 1970), the channel, what the reader made of the form, and the
values: first those of the form's numbers, then of its integers."""


class Series(NamedTuple, Generic[T]):
    """What a device logged at even steps."""

    first_at_us: int
    step_us: int
    times: int
    """How many."""
    channel: int
    form: T
    """What the reader made of it."""
    columns: Sequence[Sequence[Value]]
    """Of each of the form's numbers, then of its integers, the values from the oldest on."""


def samples_of(reading: ReadingView, forms: Forms[T]) -> list[Sample[T]]:
    """All samples of a reading: first those that are written one by one.

    Raises:
        DecodeError: a form is none, or has not as many names as there are values.
    """
    samples = live_of(reading, forms)
    for first_us, step_us, times, channel, form, columns in series_of(reading, forms):
        rows = zip(*columns, strict=True) if columns else repeat((), times)
        samples += [(first_us + place * step_us, channel, form, values) for place, values in enumerate(rows)]
    return samples


def live_of(reading: ReadingView, forms: Forms[T]) -> list[Sample[T]]:
    """The samples that are written one by one.

    Raises:
        DecodeError: as `samples_of`.
    """
    found: list[Sample[T]] = []
    for sample in reading.samples[:]:
        made, numbers, integers = forms[sample.form]
        values: list[Any] = sample.numbers[:] if numbers else []
        if integers:
            values += sample.integers[:]
        if len(values) != numbers + integers:
            raise DecodeError("a sample without a name for each value")
        found.append((sample.observed_at_us or reading.observed_at_us, sample.channel, made, values))
    return found


def series_of(reading: ReadingView, forms: Forms[T]) -> list[Series[T]]:
    """The series.

    Raises:
        DecodeError: as `samples_of`.
    """
    found = []
    for series in reading.series[:]:
        made, numbers, integers = forms[series.form]
        times = series.count
        values: list[Any] = series.numbers[:] if numbers else []
        if integers:
            values += series.integers[:]
        width = numbers + integers
        # Where none of the values is read there are all the same no more times than values.
        if len(values) != width * times or (not width and times > len(series.numbers) + len(series.integers)):
            raise DecodeError("a series without a name for each column")
        columns = [values] if width == 1 else [values[place * times : (place + 1) * times] for place in range(width)]
        found.append(Series(series.first_at_us, series.step_us, times, series.channel, made, columns))
    return found


def finite(values: Sequence[Value], place: int | None) -> Value | None:
    """The value of a place, None where there is none or it is no number."""
    if place is None:
        return None
    value = values[place]
    return value if isfinite(value) else None

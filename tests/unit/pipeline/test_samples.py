"""How our stages read a reading: its forms once, its samples always."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from infra.local.layout import REPOSITORY
from pipeline.core.samples import Form, Forms, finite, samples_of
from schemas.silkstream.v1 import reading_pb2, reading_view_pb2
from schemas.silkstream.v1.reading_pb2 import Reading, Sample, Series
from tests.readings import Value, sample, series, view

NUMBERS: dict[str, Value] = {"distance_metres": 1.5, "battery_ratio": 0.5, "pulses": 7}
VALUES = NUMBERS | {"tilted": True, "firmware_version": "1.2"}


DOCUMENTATION: Final = REPOSITORY / "docs" / "downstream.md"


class Record(NamedTuple):
    """What a consumer is handed."""

    value: bytes


def reading(*samples: Sample, logs: tuple[Series, ...] = ()) -> reading_view_pb2.ReadingView:
    return view(Reading(observed_at_us=100, samples=samples, series=logs))


def forms(wanted: set[str] | None = None) -> Forms[Form]:
    return Forms(lambda form: form, wanted=wanted)


@pytest.mark.parametrize("name", ["Sample", "Series", "Reading"])
def test_a_view_has_the_fields_of_the_contract_but_for_forms_of_bytes(name: str) -> None:
    def fields(message: type) -> dict[str, tuple[int, bool, int, str | None]]:
        return {
            each.name: (
                each.number,
                each.is_repeated,
                each.type,
                each.message_type.name.removesuffix("View") if each.message_type else None,
            )
            for each in message.DESCRIPTOR.fields  # type: ignore[attr-defined]  # of a message
        }

    contract = fields(getattr(reading_pb2, name))
    for field, (number, repeated, _, kind) in contract.items():
        if kind == "Form":
            contract[field] = (number, repeated, FieldDescriptor.TYPE_BYTES, None)
    assert fields(getattr(reading_view_pb2, f"{name}View")) == contract


def test_a_sample_has_the_values_of_its_form() -> None:
    given = reading(sample(VALUES, at_us=5, channel=2, flags=["b", "a"]))
    ((at_us, channel, form, values),) = samples_of(given, forms())

    assert (at_us, channel, form.flags) == (5, 2, ("a", "b"))
    assert dict(zip(form.names, values, strict=True)) == NUMBERS
    assert (form.flag("tilted"), form.flag("firmware_version"), form.flag("full")) == (True, None, None)
    assert form.states["firmware_version"] == "1.2"


def test_a_sample_without_a_time_is_of_its_frames() -> None:
    assert [at_us for at_us, *_ in samples_of(reading(sample({}, at_us=0)), forms())] == [100]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"pulses"}, ("pulses",)),
        ({"battery_ratio"}, ("distance_metres", "battery_ratio")),
        ({"battery_ratio", "pulses"}, ("distance_metres", "battery_ratio", "pulses")),
        (set(), ()),
    ],
)
def test_kinds_of_which_nothing_is_wanted_are_not_read(wanted: set[str], names: tuple[str, ...]) -> None:
    ((_, _, form, values),) = samples_of(reading(sample(VALUES, at_us=5)), forms(wanted))

    assert (form.names, [VALUES[name] for name in names]) == (names, list(values))
    assert form.place("battery_ratio") == (names.index("battery_ratio") if "battery_ratio" in names else None)


def test_a_series_is_as_many_samples() -> None:
    columns: dict[str, list[float]] = {
        "pulses": [1, 2, 3],
        "battery_ratio": [0.1, 0.2, 0.3],
        "distance_metres": [4.0, 5.0, 6.0],
    }
    found = samples_of(reading(logs=(series(columns, first_at_us=40, step_us=10, channel=1),)), forms())

    assert [(at_us, channel) for at_us, channel, *_ in found] == [(40, 1), (50, 1), (60, 1)]
    rows = [dict(zip(form.names, values, strict=True)) for _, _, form, values in found]
    assert rows == [{name: values[place] for name, values in columns.items()} for place in range(3)]


def test_a_series_of_which_nothing_is_wanted_is_as_many_samples_all_the_same() -> None:
    given = reading(logs=(series({"pulses": [1, 2, 3]}, first_at_us=40, step_us=10),))

    assert [at_us for at_us, *_ in samples_of(given, forms(set()))] == [40, 50, 60]


def test_a_form_is_made_once() -> None:
    made: list[Form] = []
    kept = Forms(made.append)
    for value in (1.0, 2.0):
        samples_of(reading(sample({"distance_metres": value}, at_us=5)), kept)

    assert len(made) == 1


@pytest.mark.parametrize(
    "given",
    [
        reading_view_pb2.ReadingView(samples=[{"form": b"\xff"}]),
        reading_view_pb2.ReadingView(series=[{"form": b"\xff"}]),
        reading(Sample(form={"numbers": ["distance_metres"]})),
        reading(Sample(form={"integers": ["pulses"]}, integers=[1, 2])),
        reading(logs=(Series(form={"numbers": ["distance_metres"]}, count=2, numbers=[1.0]),)),
        reading(logs=(Series(count=2),)),
    ],
    ids=["no form", "no form of a series", "no value", "no name", "too few values", "times without values"],
)
def test_what_is_torn_is_refused(given: reading_view_pb2.ReadingView) -> None:
    with pytest.raises(DecodeError):
        samples_of(given, forms())


def test_what_is_no_number_is_none() -> None:
    values = [1.5, float("nan"), float("inf"), 7]

    assert [finite(values, place) for place in (0, 1, 2, 3, None)] == [1.5, None, None, 7, None]


def test_what_a_sample_says_is_found_as_the_documentation_finds_it() -> None:
    (example,) = re.findall(r"```python\n(for sample in Reading.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    scope = {"Reading": Reading, "record": Record(Reading(samples=[sample(VALUES, at_us=5)]).SerializeToString())}
    exec(compile(example, str(DOCUMENTATION), "exec"), scope)  # noqa: S102  # it is ours

    assert scope["said"] == VALUES

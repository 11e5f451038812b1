"""The suite for plugins finds what it is there to find."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from decoders.api import Decoder, Sample, Truncated, Uplink
from decoders.milesight_em310_udl.decoder import DECODER as EM310
from decoders.testing import (
    DecoderSuite,
    accepts_and_refuses,
    answers_every_vector,
    refuses_every_prefix,
    survives_mutated_frames,
)
from decoders.vectors import ConformanceError, load_vectors, read_vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance(Sample):
    distance_metres: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    if len(uplink.payload) != 2:
        raise Truncated
    return (Distance(distance_metres=int.from_bytes(uplink.payload, "big") / 1000),)


GOOD = Decoder(name="toy", version="1", family="container", about="", samples=(Distance,), decode=decode)
ACCEPTED = {"about": "a metre", "port": 1, "hex": "03e8", "expect": [{"distance_metres": 1.0}], "source": "made up"}
REFUSED = {"about": "cut", "port": 1, "hex": "03", "reject": "payload_truncated", "source": "made up"}


def lines(*vectors: dict[str, object]) -> str:
    return "\n".join(json.dumps(each) for each in vectors)


VECTORS = read_vectors(lines(ACCEPTED, REFUSED))


def deciding(decide: Callable[[bytes], Sequence[Sample]]) -> Decoder:
    return replace(GOOD, decode=lambda uplink: decide(uplink.payload))


def test_a_good_decoder_passes() -> None:
    accepts_and_refuses(GOOD, VECTORS)
    answers_every_vector(GOOD, VECTORS)
    refuses_every_prefix(GOOD, VECTORS)
    survives_mutated_frames(GOOD, VECTORS)


def test_an_empty_file_of_vectors_proves_nothing() -> None:
    with pytest.raises(ConformanceError, match="no vector"):
        read_vectors("\n\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hex": "3"}, "hex '3': expected pairs of hexadecimal digits"),
        ({"colour": "red"}, "unknown keys"),
        ({"source": ""}, "must say something"),
        ({"reject": "payload_truncated"}, "either expect or reject"),
        ({"expect": None}, "either expect or reject"),
        ({"expect": None, "reject": "bad luck"}, "is none of"),
        ({"prefixes_accepted": [1]}, "needs prefixes_because"),
    ],
)
def test_a_faulty_vector_is_named_by_its_line(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConformanceError, match=f"line 2: .*{sentence}"):
        read_vectors(lines(ACCEPTED, ACCEPTED | change))


@pytest.mark.parametrize(("vectors", "sentence"), [((ACCEPTED,), "is refused"), ((REFUSED,), "is accepted")])
def test_one_sided_vectors_are_not_enough(vectors: tuple[dict[str, object], ...], sentence: str) -> None:
    with pytest.raises(ConformanceError, match=sentence):
        accepts_and_refuses(GOOD, read_vectors(lines(*vectors)))


def test_a_wrong_answer_is_shown_beside_the_right_one() -> None:
    wrong = read_vectors(lines(ACCEPTED | {"expect": [{"distance_metres": 2.0}]}))

    with pytest.raises(ConformanceError, match=r"(?s)expected .*2\.0.*answered .*1\.0"):
        answers_every_vector(GOOD, wrong)


def test_only_what_differs_is_shown_and_how_many_more_there_are() -> None:
    one = ACCEPTED | {"expect": [{"distance_metres": 2.0, "tilted": True}]}

    with pytest.raises(ConformanceError) as complaint:
        answers_every_vector(GOOD, read_vectors(lines(one, one)))

    said = str(complaint.value)
    assert "sample 0, distance_metres: expected 2.0, answered 1.0" in said
    assert "sample 0, tilted: expected True, answered None" in said
    assert said.endswith("and 1 more vectors")


def test_a_bug_is_shown_with_its_frame_and_its_line() -> None:
    careless = deciding(lambda payload: (Distance(distance_metres=float(payload[7])),))

    with pytest.raises(ConformanceError, match=r"(?s)port 1, 03e8.*IndexError.* escaped, from .*test_testing\.py:\d+"):
        answers_every_vector(careless, VECTORS)


@pytest.mark.parametrize("key", ["about", "port", "hex", "source"])
def test_what_a_vector_lacks_is_named(key: str) -> None:
    with pytest.raises(ConformanceError, match=f"line 1: {key} is missing"):
        read_vectors(lines({name: value for name, value in ACCEPTED.items() if name != key}))


def test_a_prefix_that_is_believed_is_found() -> None:
    careless = deciding(lambda payload: (Distance(distance_metres=len(payload) / 2),))

    with pytest.raises(ConformanceError, match=r"cut to \[0, 1\]"):
        refuses_every_prefix(careless, VECTORS)


def test_a_listed_prefix_that_is_refused_is_found() -> None:
    listed = read_vectors(lines(ACCEPTED | {"prefixes_accepted": [1], "prefixes_because": "old firmware"}))

    with pytest.raises(ConformanceError, match=r"cut to \[\], listed are \[1\]"):
        refuses_every_prefix(GOOD, listed)


def test_an_exception_that_is_no_refusal_is_found() -> None:
    careless = deciding(lambda payload: (Distance(distance_metres=struct.unpack(">H", payload)[0] / 1000),))

    with pytest.raises(ConformanceError, match=r"error.* escaped"):
        survives_mutated_frames(careless, VECTORS)


@pytest.mark.parametrize(
    ("sample", "sentence"),
    [
        (Distance(distance_metres=float("nan")), "distance_metres=nan"),
        (Distance(distance_metres=101.0), "from 0 to 100"),
        (Distance(distance_metres=1), "is no number"),
        (Distance(flags=("odd",)), "not in FLAGS"),
        (Distance(age_seconds=-1.0), "age_seconds"),
        (Distance(taken_unix_seconds=1_420_070_399), "taken_unix_seconds 1420070399 is before 2015"),
        (Distance(taken_unix_seconds=2**32), "beyond 32 bits"),
        (Distance(taken_unix_seconds=1_600_000_000, age_seconds=1.0), "stands beside an age"),
        (Distance(channel=-1), "channel"),
        (Sample(), "not among the decoder's sample types"),
    ],
)
def test_a_sample_outside_the_contract_is_found(sample: Sample, sentence: str) -> None:
    with pytest.raises(ConformanceError, match=sentence):
        answers_every_vector(deciding(lambda _: (sample,)), VECTORS)


def test_two_samples_of_one_moment_and_channel_are_found() -> None:
    with pytest.raises(ConformanceError, match="share channel and time"):
        answers_every_vector(deciding(lambda _: (Distance(), Distance())), VECTORS)


def test_an_answer_that_changes_is_found() -> None:
    calls: list[bytes] = []

    def moody(payload: bytes) -> Sequence[Sample]:
        calls.append(payload)
        return (Distance(distance_metres=float(len(calls) % 2)),)

    with pytest.raises(ConformanceError, match="then"):
        survives_mutated_frames(deciding(moody), VECTORS)


def test_a_decoder_without_vectors_is_refused() -> None:
    with pytest.raises(ConformanceError, match=r"no vectors\.jsonl beside decoders\.decoder"):
        load_vectors(replace(GOOD, decode=survivor))


def survivor(_uplink: Uplink) -> Sequence[Sample]:
    return ()


survivor.__module__ = "decoders.decoder"


class TestMilesightInThreeLines(DecoderSuite):
    decoder = EM310

"""One suite that proves any decoder by its own vectors, built in or from an integrator's package.

A plugin's repository runs it in three lines:

    class TestMyDecoder(DecoderSuite):
        decoder = DECODER

It needs no test framework: every check raises `ConformanceError`, an `AssertionError` that says what to look at.
"""

from __future__ import annotations

import math
import random
import timeit
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, ClassVar, Final

from decoders import api
from decoders.api import DecodeError, Decoder, Sample, Uplink, check_attributes
from decoders.quantities import Quantity
from decoders.registry import fields_of, vocabulary
from decoders.vectors import ConformanceError, Vector, demand, load_vectors, plain

_MUTATED_FRAMES: Final = 10_000
_TIMED: Final = 200


def answer(decoder: Decoder, port: int, payload: bytes, attributes: Mapping[str, str]) -> list[dict[str, Any]] | str:
    """What the decoder says to a frame: its samples as vectors write them, or the reason of its refusal.

    Raises:
        ConformanceError: a sample breaks the contract.
    """
    try:
        samples = decoder.decode(Uplink(port, payload, check_attributes(decoder, attributes)))
    except DecodeError as refusal:
        return refusal.reason
    known = vocabulary([decoder])
    for sample in samples:
        fault = _fault(decoder, sample, known)
        demand(not fault, f"{decoder.name}, port {port}, {payload.hex()}: {fault}")
    keys = [(sample.channel, sample.age_seconds, sample.taken_unix_seconds) for sample in samples]
    demand(
        len(set(keys)) == len(keys),
        f"{decoder.name}, port {port}, {payload.hex()}: two samples share channel and time",
    )
    return [plain(sample) for sample in samples]


def _fault(decoder: Decoder, sample: Sample, known: Mapping[str, Quantity]) -> str:
    """What the contract forbids about a sample, or an empty string."""
    if type(sample) not in decoder.samples:
        return f"{type(sample).__name__} is not among the decoder's sample types"
    if not (math.isfinite(sample.age_seconds) and sample.age_seconds >= 0):
        return f"age_seconds {sample.age_seconds} is not 0 or above"
    if sample.taken_unix_seconds is not None and (
        sample.age_seconds or not api.CLOCK_SET_SINCE <= sample.taken_unix_seconds < 2**32
    ):
        return f"taken_unix_seconds {sample.taken_unix_seconds} is before 2015, beyond 32 bits, or stands beside an age"
    if type(sample.channel) is not int or sample.channel < 0:
        return f"channel {sample.channel!r} is no integer from 0 up"
    unknown = [flag for flag in sample.flags if flag not in api.FLAGS]
    if unknown:
        return f"flags {unknown} are not in FLAGS"
    for name in fields_of(type(sample)):
        value = getattr(sample, name)
        if value is not None and not _fits(value, known[name]):
            return f"{name}={value!r} is no {known[name].value_type} from {known[name].low:g} to {known[name].high:g}"
    return ""


def _fits(value: object, quantity: Quantity) -> bool:
    match quantity.value_type:
        case "flag":
            return type(value) is bool
        case "text":
            return isinstance(value, str) and quantity.low <= len(value) <= quantity.high
        case "integer":
            return type(value) is int and quantity.low <= value <= quantity.high
        case "number":
            # A NaN fails every comparison.
            return type(value) is float and quantity.low <= value <= quantity.high


def accepts_and_refuses(decoder: Decoder, vectors: Sequence[Vector]) -> None:
    """At least one vector is accepted and at least one is refused."""
    demand(any(each.expect is not None for each in vectors), f"{decoder.name}: no vector is accepted")
    demand(any(each.reject is not None for each in vectors), f"{decoder.name}: no vector is refused")


def answers_every_vector(decoder: Decoder, vectors: Sequence[Vector]) -> None:
    """Each vector's answer is exactly what its line says, and the same when it is asked again."""
    wrong = []
    for vector in vectors:
        try:
            answers_vector(decoder, vector)
        except ConformanceError as complaint:
            wrong.append(str(complaint))
    if wrong:
        more = f"\n  and {len(wrong) - 1} more vectors" if wrong[1:] else ""
        raise ConformanceError(wrong[0] + more)


def answers_vector(decoder: Decoder, vector: Vector) -> None:
    """The vector's answer is exactly what its line says, and the same when it is asked again."""
    wanted = vector.reject if vector.expect is None else list(vector.expect)
    for _ in range(2):
        try:
            got = answer(decoder, vector.port, vector.payload, vector.attributes)
        except ConformanceError:
            raise
        except Exception as escaped:
            place = traceback.extract_tb(escaped.__traceback__)[-1]
            raise ConformanceError(
                f"{decoder.name}: {vector}\n  {escaped!r} escaped, from {place.filename}:{place.lineno}"
            ) from escaped
        demand(got == wanted, f"{decoder.name}: {vector}\n{_differences(wanted, got)}")


def _differences(wanted: list[Mapping[str, Any]] | str | None, got: list[dict[str, Any]] | str) -> str:
    """Where two answers differ: field by field where both have as many samples."""
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return "\n".join(
            f"  sample {number}, {name}: expected {one.get(name)!r}, answered {other.get(name)!r}"
            for number, (one, other) in enumerate(zip(wanted, got, strict=True))
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name)
        )
    return f"  expected {wanted}\n  answered {got}"


def refuses_every_prefix(decoder: Decoder, vectors: Sequence[Vector]) -> None:
    """An accepted frame that is cut short is refused, except at the lengths that its line lists."""
    for vector in vectors:
        if vector.expect is None:
            continue
        got = [
            length
            for length in range(len(vector.payload))
            if isinstance(answer(decoder, vector.port, vector.payload[:length], vector.attributes), list)
        ]
        demand(
            got == list(vector.prefixes_accepted),
            f"{decoder.name}: {vector}\n  accepted when cut to {got}, listed are {list(vector.prefixes_accepted)}",
        )


def survives_mutated_frames(decoder: Decoder, vectors: Sequence[Vector]) -> None:
    """Broken frames are answered by samples in bounds or by a `DecodeError`, the same way each time."""
    for port, payload, attributes in _mutated(decoder, vectors):
        try:
            first = answer(decoder, port, payload, attributes)
            again = answer(decoder, port, payload, attributes)
        except ConformanceError:
            raise
        except Exception as escaped:
            raise ConformanceError(f"{decoder.name}, port {port}, {payload.hex()}: {escaped!r} escaped") from escaped
        demand(first == again, f"{decoder.name}, port {port}, {payload.hex()}: answered {first}, then {again}")


def _mutated(decoder: Decoder, vectors: Sequence[Vector]) -> Iterator[tuple[int, bytes, Mapping[str, str]]]:
    chance = random.Random(decoder.name)  # noqa: S311 - seeded, so that a failure comes again
    ports = sorted({each.port for each in vectors} | {0, 1, 223, 255})
    for _ in range(_MUTATED_FRAMES):
        vector = chance.choice(vectors)
        payload = bytearray(vector.payload)
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(0, len(payload))
            match chance.randrange(6):
                case 0:
                    payload[at:] = b""
                case 1:
                    payload[at:at] = chance.randbytes(chance.randint(1, 4))
                case 2:
                    payload[at : at + chance.randint(1, 4)] = b""
                case 3:
                    payload[at:] = chance.choice(vectors).payload[at:]
                case 4:
                    payload[at : at + 1] = chance.choice((b"\x00", b"\x7f", b"\x80", b"\xff"))
                case _:
                    payload[at : at + 1] = chance.randbytes(1)
        port = chance.choice(ports) if chance.random() < 0.1 else vector.port
        yield port, bytes(payload), vector.attributes


def microseconds_a_frame(decoder: Decoder, vectors: Sequence[Vector]) -> float:
    """How long the decoder takes for a frame on this machine: the median over its accepted vectors."""
    times = []
    for vector in vectors:
        if vector.expect is not None:
            uplink = Uplink(vector.port, vector.payload, check_attributes(decoder, vector.attributes))
            # The best of several, since whatever else the machine does only adds to it.
            best = min(timeit.repeat(partial(decoder.decode, uplink), number=_TIMED, repeat=5))
            times.append(best / _TIMED * 1e6)
    return median(times)


CHECKS: Final = (accepts_and_refuses, answers_every_vector, refuses_every_prefix, survives_mutated_frames)


class DecoderSuite:
    """The checks as tests: derive a class whose name begins with Test and set `decoder`."""

    decoder: ClassVar[Decoder]

    def test_vectors_show_a_frame_accepted_and_one_refused(self) -> None:
        """An empty or one-sided file of vectors proves nothing."""
        accepts_and_refuses(self.decoder, load_vectors(self.decoder))

    def test_every_vector_is_answered_exactly(self) -> None:
        """Each recorded frame decodes to exactly what its line says."""
        vectors = load_vectors(self.decoder)
        answers_every_vector(self.decoder, vectors)
        took = microseconds_a_frame(self.decoder, vectors)
        print(f"{self.decoder.name}: {len(vectors)} vectors, {took:.1f} us a frame")  # noqa: T201 - pytest -rP shows it

    def test_every_prefix_is_refused_or_listed(self) -> None:
        """A frame cut short by the radio is never half believed by accident."""
        refuses_every_prefix(self.decoder, load_vectors(self.decoder))

    def test_mutated_frames_raise_nothing_but_decode_errors(self) -> None:
        """No bytes whatever bring a service down or a nonsense value in."""
        survives_mutated_frames(self.decoder, load_vectors(self.decoder))

"""A decoder's vectors, in `vectors.jsonl` beside it: frames and their right answers, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from decoders import api
from decoders.api import Decoder, Sample
from decoders.registry import fields_of

REASONS: Final = frozenset(
    kind.reason
    for kind in (
        api.Truncated,
        api.TrailingBytes,
        api.UnknownPort,
        api.UnknownFrame,
        api.InvalidValue,
        api.InvalidAttribute,
    )
)
_KEYS: Final = {
    "about", "port", "hex", "attributes", "expect", "reject", "source", "prefixes_accepted", "prefixes_because",
}  # fmt: skip


class ConformanceError(AssertionError):
    """A decoder breaks the contract, or its vectors are not usable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One frame and its right answer: the samples it yields, or the reason why it is refused.

    `prefixes_accepted` lists the lengths at which the frame, cut short, is a whole frame by its own right.
    """

    about: str
    port: int
    payload: bytes
    attributes: Mapping[str, str]
    expect: Sequence[Mapping[str, Any]] | None
    reject: str | None
    source: str
    prefixes_accepted: Sequence[int]

    def __str__(self) -> str:
        return f"{self.about} (port {self.port}, {self.payload.hex() or 'no bytes'})"


def load_vectors(decoder: Decoder) -> Sequence[Vector]:
    """The vectors that lie beside the decoder, in `vectors.jsonl`.

    Raises:
        ConformanceError: the file is missing, empty or not of the form that the decoders' README describes.
    """
    package = decoder.decode.__module__.rpartition(".")[0]
    try:
        text = files(package).joinpath("vectors.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise ConformanceError(f"{decoder.name}: there is no vectors.jsonl beside {package}.decoder") from missing
    return read_vectors(text)


def read_vectors(text: str) -> Sequence[Vector]:
    """One vector a line; empty lines are skipped, an empty file proves nothing and is refused."""
    vectors = [_read_vector(line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not vectors:
        raise ConformanceError("vectors.jsonl holds no vector")
    return vectors


def _read_vector(line: str, number: int) -> Vector:
    where = f"vectors.jsonl, line {number}"
    try:
        fields = json.loads(line)
        missing = sorted({"about", "port", "hex", "source"} - fields.keys())
        demand(not missing, f"{where}: {', '.join(missing)} is missing")
        payload = _read_hex(fields["hex"], where)
        vector = Vector(
            about=fields["about"],
            port=fields["port"],
            payload=payload,
            attributes=fields.get("attributes", {}),
            expect=fields.get("expect"),
            reject=fields.get("reject"),
            source=fields["source"],
            prefixes_accepted=fields.get("prefixes_accepted", ()),
        )
    except (ValueError, KeyError, TypeError) as broken:
        raise ConformanceError(f"{where}: {type(broken).__name__}: {broken}") from broken
    unknown = fields.keys() - _KEYS
    demand(not unknown, f"{where}: unknown keys {sorted(unknown)}")
    demand(bool(vector.about and vector.source), f"{where}: about and source must say something")
    demand((vector.expect is None) != (vector.reject is None), f"{where}: give either expect or reject")
    demand(
        vector.reject is None or vector.reject in REASONS, f"{where}: {vector.reject!r} is none of {sorted(REASONS)}"
    )
    demand(
        not vector.prefixes_accepted or bool(fields.get("prefixes_because")),
        f"{where}: prefixes_accepted needs prefixes_because",
    )
    return vector


def _read_hex(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ConformanceError(f"{where}: hex {text!r}: expected pairs of hexadecimal digits, as 0164") from None


def plain(sample: Sample) -> dict[str, Any]:
    """A sample as a vector writes it: what it carries, and of channel, time and flags what is not the default."""
    values = {name: value for name in fields_of(type(sample)) if (value := getattr(sample, name)) is not None}
    if sample.age_seconds:
        values["age_seconds"] = sample.age_seconds
    if sample.taken_unix_seconds is not None:
        values["taken_unix_seconds"] = sample.taken_unix_seconds
    if sample.channel:
        values["channel"] = sample.channel
    if sample.flags:
        values["flags"] = list(sample.flags)
    return values


def demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads as a sentence
    """Raise a `ConformanceError` unless it holds."""
    if not holds:
        raise ConformanceError(otherwise)

"""Messages held against the contract's schemas, for the tests of both sides."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft7Validator, FormatChecker

from pipeline.core.clock import from_rfc3339

_formats = FormatChecker()


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(from_rfc3339(value))


def faults(schema: Any, value: Any) -> list[str]:
    """What is wrong with a value by a schema."""
    found = Draft7Validator(schema, format_checker=_formats).iter_errors(value)
    return [f"{'.'.join(map(str, fault.absolute_path))}: {fault.message}" for fault in found]


def closed(schema: Any) -> Any:
    """The schema without its open end: what is not named is wrong. What we send ourselves must pass even that."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: closed(value) for key, value in schema.items()}
    return {**kept, "additionalProperties": False} if "properties" in schema else kept

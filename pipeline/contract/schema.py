"""The JSON Schema of an event, from the definition that its payload is made of.

Only keywords that mean the same in draft-07, which AsyncAPI speaks, and in 2020-12; no references, so that a schema
can be put into another document as it is. Unknown fields are allowed: they are how a type grows.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from pipeline.core.cloudevents import CloudEvent, EventData

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
_DEFINITIONS: Final = "#/$defs/"

Schema: TypeAlias = dict[str, Any]


def event_schema(data: type[EventData]) -> Schema:
    """The schema of a whole event with such data."""
    schema = schema_of(CloudEvent[data])  # type: ignore[valid-type]  # the type is a value here
    schema["title"] = data.event_type
    schema["description"] = schema["properties"]["data"].pop("description")
    schema["properties"]["type"] = {"const": data.event_type}
    return schema


def schema_of(kind: Any) -> Schema:
    """The schema of a type, without references."""
    schema = msgspec.json.schema(kind)
    definitions: dict[str, Schema] = schema.pop("$defs", {})
    found = _without_references(schema, definitions)
    assert isinstance(found, dict)  # noqa: S101  # for the type checker: what is of a dict is a dict
    return found


def _without_references(part: Any, definitions: dict[str, Schema]) -> Any:
    if isinstance(part, list):
        return [_without_references(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    said = {key: _without_references(value, definitions) for key, value in part.items() if key != "$ref"}
    if "$ref" in part:
        meant = definitions[part["$ref"].removeprefix(_DEFINITIONS)]
        return {**_without_references(meant, definitions), **said}
    return said

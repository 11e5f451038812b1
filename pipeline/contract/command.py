"""`silkstream contract`: prints the contract of what is installed, or keeps it in a folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer
import yaml

from decoders.api import Decoder
from decoders.registry import load
from pipeline.contract.document import document
from pipeline.contract.schema import DIALECT, event_schema
from pipeline.core import topics
from pipeline.core.cloudevents import Publication
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings, Topics
from pipeline.core.settings import load as load_settings
from pipeline.installed import declared_topics, installed_stages

DISTRIBUTION: Final = "silkstream"
ASYNCAPI_FILE: Final = "asyncapi.yaml"
EVENTS_FOLDER: Final = "events"
GENERATED: Final = "# Written by `silkstream contract`, from the code.\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are, and everything in full where it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


class _Contract(NamedTuple):
    asyncapi: str
    events: dict[str, bytes]
    """JSON Schemas by the type of the event."""


def contract_command(
    *,
    out: Annotated[Path | None, typer.Option(help="Write asyncapi.yaml and events/*.json into this folder.")] = None,
    check: Annotated[Path | None, typer.Option(help="Change nothing; fail where this folder says otherwise.")] = None,
    built_in: Annotated[
        bool, typer.Option("--built-in", help="Only what silkstream itself brings, with the default settings.")
    ] = False,
) -> None:
    """Print what downstream services can rely on: all topics and events, as an AsyncAPI document."""
    contract = _built_in() if built_in else _installed(load_settings())
    if check is not None:
        _check(check, contract)
    elif out is not None:
        _write(out, contract)
    else:
        typer.echo(contract.asyncapi, nl=False)


def _installed(settings: Settings) -> _Contract:
    publications = [each for stage in installed_stages().values() for each in stage.publishes]
    decoders = list(load().values())
    return _rendered(declared_topics(settings), publications, decoders, settings.namespace)


def _built_in() -> _Contract:
    publications = [each for stage in installed_stages(of=DISTRIBUTION).values() for each in stage.publishes]
    decoders = [each for each in load().values() if each.decode.__module__.startswith("decoders.")]
    default = Topics()
    declared = topics.declared(
        {each.family for each in decoders},
        partitions=default.partitions,
        raw_retention_days=default.raw_retention_days,
    )
    return _rendered(declared, publications, decoders, "")


def _rendered(
    declared: Sequence[topics.Topic], publications: Sequence[Publication], decoders: Collection[Decoder], namespace: str
) -> _Contract:
    found = document(declared, publications, decoders, version=version(DISTRIBUTION), namespace=namespace)
    text = yaml.dump(found, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    events = {data.event_type: data for publication in publications for data in publication.events}
    return _Contract(
        GENERATED + text,
        {
            name: orjson.dumps(
                {"$schema": DIALECT, **event_schema(data)}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
            )
            for name, data in sorted(events.items())
        },
    )


def _files(folder: Path, contract: _Contract) -> dict[Path, bytes]:
    events = {folder / EVENTS_FOLDER / f"{name}.json": content for name, content in contract.events.items()}
    return {folder / ASYNCAPI_FILE: contract.asyncapi.encode(), **events}


def _write(folder: Path, contract: _Contract) -> None:
    wanted = _files(folder, contract)
    try:
        (folder / EVENTS_FOLDER).mkdir(parents=True, exist_ok=True)
        for path, content in wanted.items():
            path.write_bytes(content)
    except OSError as away:
        raise SettingsError(f"cannot write to {folder}: {away}") from away


def _check(folder: Path, contract: _Contract) -> None:
    wanted = _files(folder, contract)
    drifted = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    drifted += sorted(set((folder / EVENTS_FOLDER).glob("*.json")) - wanted.keys())
    if drifted:
        raise SettingsError(f"{drifted[0]} is not what the code says: run 'make generate'")

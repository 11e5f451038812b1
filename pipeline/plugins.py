"""`silkstream decoders`: look at the installed decoders, try a frame, begin a new one, prove them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from decoders import scaffold
from decoders.api import FLAGS, DecodeError, Decoder, Sample, Uplink, check_attributes
from decoders.quantities import Quantity
from decoders.registry import fields_of, load, packages, vocabulary
from decoders.testing import CHECKS, microseconds_a_frame
from decoders.vectors import ConformanceError, load_vectors, plain
from pipeline.core.errors import SettingsError

PIPED_WIDTH: Final = 240

decoders_app = typer.Typer(no_args_is_help=True, help="What the bytes of a device mean: list, try, write and prove.")

Name = Annotated[str, typer.Argument(help="A decoder, as `silkstream decoders list` names it.")]


@decoders_app.callback()
def _decoders() -> None:
    """What the bytes of a device mean: list, try, write and prove."""


@decoders_app.command("list")
def list_command() -> None:
    """Every installed decoder, with the package that brings it."""
    brought_by = packages()
    table = Table("decoder", "version", "family", "package", "model", box=None, pad_edge=False)
    for decoder in sorted(load().values(), key=lambda each: (each.family, each.name)):
        table.add_row(decoder.name, decoder.version, decoder.family, brought_by[decoder.name], decoder.about)
    _out().print(table)


@decoders_app.command("show")
def show_command(name: Name) -> None:
    """What a decoder needs to know of a device, and what it can tell."""
    decoder = _decoder(name)
    known = vocabulary([decoder])
    out = _out()
    out.print(f"{decoder.name} {decoder.version}: {decoder.about}")
    out.print(f"family {decoder.family}, of package {packages()[name]}")
    if decoder.attributes:
        out.print("\nattributes, as tags of the device or its profile:")
        table = Table("attribute", "unit", "from", "to", "meaning", box=None, pad_edge=False)
        for each in decoder.attributes:
            table.add_row(each.name, each.unit, f"{each.low:g}", f"{each.high:g}", each.help)
        out.print(table)
    out.print("\nquantities:")
    table = Table("quantity", "unit", "kind", "from", "to", "meaning", box=None, pad_edge=False)
    for quantity in _quantities(decoder, known):
        low, high = (f"{quantity.low:g}", f"{quantity.high:g}") if quantity.unit else ("", "")
        table.add_row(quantity.name, quantity.unit, quantity.kind, low, high, quantity.help)
    out.print(table)


@decoders_app.command("try")
def try_command(
    name: Name,
    *,
    port: Annotated[int, typer.Option(help="The frame's fPort.", min=0, max=255)],
    payload: Annotated[str, typer.Option("--hex", help="The frame's payload, hexadecimal.")],
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What is known of the device; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Decode one frame. Exit status 1 where the decoder refuses it."""
    decoder = _decoder(name)
    given = _attributes(decoder, attribute or ())
    try:
        data = bytes.fromhex(payload)
    except ValueError as wrong:
        raise SettingsError(f"--hex {payload!r}: expected pairs of hexadecimal digits, as 0164") from wrong
    answer: dict[str, Any] = {"decoder": decoder.name, "version": decoder.version, "family": decoder.family}
    try:
        samples = list(decoder.decode(Uplink(port, data, check_attributes(decoder, given))))
    except DecodeError as refusal:
        if as_json:
            _print_json({**answer, "reject": refusal.reason, "detail": str(refusal)})
        else:
            _out().print(f"refused: {refusal.reason}: {refusal}", markup=False)
        raise typer.Exit(1) from None
    if as_json:
        _print_json({**answer, "samples": [plain(each) for each in samples]})
    else:
        _print_samples(decoder, samples)


@decoders_app.command("new")
def new_command(
    vendor: Annotated[str, typer.Argument(help="The maker, as people write it.")],
    model: Annotated[str, typer.Argument(help="The model, as people write it.")],
    *,
    family: Annotated[str, typer.Option(help="parking, groundwater, container, …, or one of your own.")],
    package: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a whole installable package into this folder.")
    ] = None,
) -> None:
    """Begin a decoder: a folder in this source tree, or a package of your own. Its suite is red until it is written."""
    try:
        if package is None:
            base, written = _source_tree(), scaffold.folder(vendor, model, family)
        else:
            base, written = package, scaffold.package(vendor, model, family)
    except ValueError as wrong:
        raise SettingsError(str(wrong)) from wrong
    name = scaffold.name_of(vendor, model)
    if owner := packages().get(name):
        raise SettingsError(
            f"there is a decoder {name} already, of package {owner}: two of one name stop every process"
        )
    _write(base, written)
    out = _out()
    for path in written:
        out.print(str(base / path), highlight=False)
    out.print("\nnext:")
    if package is None:
        out.print(f'  pyproject.toml, silkstream.decoders:  {name} = "decoders.{name}.decoder:DECODER"', markup=False)
        out.print("  then                                  pip install --editable . --no-deps")
    else:
        out.print(f"  pip install --editable {base}")
    out.print(f"  silkstream decoders test {name}     red until decoder.py and vectors.jsonl are written")


@decoders_app.command("test")
def prove_command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="Only these; else all.")] = None,
) -> None:
    """Prove decoders by the generic suite; exit status 1 where one fails."""
    failed = False
    out = _out()
    for decoder in [_decoder(each) for each in names] if names else load().values():
        complaints = list(_complaints(decoder))
        for complaint in complaints:
            out.print(f"{decoder.name}: FAILED: {complaint}", markup=False)
        if not complaints:
            vectors = load_vectors(decoder)
            took = microseconds_a_frame(decoder, vectors)
            out.print(f"{decoder.name}: {len(vectors)} vectors, {len(CHECKS)} checks passed, {took:.1f} us a frame")
        failed |= bool(complaints)
    raise typer.Exit(int(failed))


def _complaints(decoder: Decoder) -> Iterator[str]:
    try:
        vectors = load_vectors(decoder)
    except ConformanceError as unusable:
        yield str(unusable)
        return
    for check in CHECKS:
        try:
            check(decoder, vectors)
        except ConformanceError as complaint:
            yield str(complaint)
        except Exception as escaped:  # noqa: BLE001  # a plugin may raise whatever it likes; the others are still asked
            yield f"{check.__name__}: {type(escaped).__name__}: {escaped}"


def _out() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def _decoder(name: str) -> Decoder:
    installed = load()
    if name not in installed:
        raise SettingsError(f"no decoder {name!r} is installed; installed: {', '.join(installed)}")
    return installed[name]


def _attributes(decoder: Decoder, given: Sequence[str]) -> dict[str, str]:
    found = {}
    declared = [each.name for each in decoder.attributes]
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or name not in declared:
            expected = f"NAME=VALUE with NAME out of {', '.join(declared)}" if declared else "none: it declares none"
            raise SettingsError(f"--attribute {each!r}: expected {expected}")
        found[name] = value
    return found


def _quantities(decoder: Decoder, known: Mapping[str, Quantity]) -> list[Quantity]:
    names = dict.fromkeys(name for sample in decoder.samples for name in fields_of(sample))
    return [known[name] for name in names]


def _print_json(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(orjson.dumps(answer).decode() + "\n")


def _print_samples(decoder: Decoder, samples: Sequence[Sample]) -> None:
    out = _out()
    if not samples:
        out.print("accepted; the frame holds no measurement")
        return
    known = vocabulary([decoder])
    table = Table("channel", "taken", "quantity", "value", "unit", "meaning", box=None, pad_edge=False)
    for sample in samples:
        place = (str(sample.channel), _taken(sample))
        for name in fields_of(type(sample)):
            value = getattr(sample, name)
            if value is not None:
                shown = str(value).lower() if isinstance(value, bool) else str(value)
                table.add_row(*place, name, shown, known[name].unit, known[name].help)
        for flag in sample.flags:
            table.add_row(*place, f"flag {flag}", "", "", FLAGS[flag])
    out.print(table)


def _taken(sample: Sample) -> str:
    if sample.taken_unix_seconds is not None:
        return f"at {sample.taken_unix_seconds}"
    return f"{sample.age_seconds:g} s before" if sample.age_seconds else "now"


def _source_tree() -> Path:
    """The folder `decoders` that this command runs from.

    Raises:
        SettingsError: it is an installed copy, in which nobody looks for a folder of theirs.
    """
    home = Path(scaffold.__file__).parents[1]
    if not (home.parent / "pyproject.toml").exists():
        raise SettingsError("silkstream is installed, not checked out: write a package of your own with --package DIR")
    return home


def _write(base: Path, written: Mapping[PurePosixPath, str]) -> None:
    taken = [str(base / path) for path in written if (base / path).exists()]
    if taken:
        raise SettingsError(f"{taken[0]} is there already, and nothing was written")
    try:
        for path, text in written.items():
            target = base / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as away:
        raise SettingsError(f"cannot write to {base}: {away}") from away

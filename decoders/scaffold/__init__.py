"""What `silkstream decoders new` writes: a decoder's folder, or a whole package around it.

The files are red under the suite until somebody who has the datasheet fills them in: a stub that passes would be
called done. Pure: whoever calls it does the writing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePosixPath
from string import Template
from typing import Final

from decoders.registry import FAMILY_NAME

_FOLDER: Final = ("__init__.py", "decoder.py", "README.md", "vectors.jsonl")
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")


def name_of(vendor: str, model: str) -> str:
    """The decoder's name, `<vendor>_<model>`.

    Raises:
        ValueError: nothing is left of one of them, or a digit would come first.
    """
    words = [_NO_WORD.sub("_", each.lower()).strip("_") for each in (vendor, model)]
    name = "_".join(words)
    if not all(words) or not name[0].isalpha() or len(name) > 63:
        raise ValueError(
            f"vendor {vendor!r} and model {model!r} make no name: letters and digits, a letter first, at most 63"
        )
    return name


def folder(vendor: str, model: str, family: str) -> Mapping[PurePosixPath, str]:
    """The files of a decoder's folder by path, which begins with its name.

    Raises:
        ValueError: vendor, model or family cannot be used.
    """
    name = name_of(vendor, model)
    return {PurePosixPath(name, file): text for file, text in _filled(vendor, model, family, name).items()}


def package(vendor: str, model: str, family: str) -> Mapping[PurePosixPath, str]:
    """The files of an installable package by path: a distribution and a Python package named after the decoder.

    Raises:
        ValueError: vendor, model or family cannot be used.
    """
    name = name_of(vendor, model)
    module = f"silkstream_{name}"
    filled = _filled(vendor, model, family, module)
    around = _templates(("pyproject.toml", "ABOUT.md", "test_decoder.py"), vendor, model, family, module)
    return {
        PurePosixPath("pyproject.toml"): around["pyproject.toml"],
        PurePosixPath("README.md"): around["ABOUT.md"],
        **{PurePosixPath(module, file): text for file, text in filled.items()},
        PurePosixPath("tests", "test_decoder.py"): around["test_decoder.py"],
    }


def _filled(vendor: str, model: str, family: str, module: str) -> dict[str, str]:
    if not FAMILY_NAME.fullmatch(family):
        raise ValueError(f"family {family!r} must be lower-case letters and digits, a letter first, at most 30")
    return _templates(_FOLDER, vendor, model, family, module)


def _templates(names: tuple[str, ...], vendor: str, model: str, family: str, module: str) -> dict[str, str]:
    name = name_of(vendor, model)
    values = {
        "vendor": vendor,
        "model": model,
        "family": family,
        "name": name,
        "module": module,
        "distribution": f"silkstream-{name.replace('_', '-')}",
    }
    folder = files("decoders.scaffold")
    return {
        each: Template(folder.joinpath(f"{each}.txt").read_text(encoding="utf-8")).substitute(values) for each in names
    }

"""The guard of our plain names.

Public indexes have live distributions that install top-level packages called `decoders` and `topologies`. Installed
beside an editable silkstream, one of them silently replaces ours: so it is checked at start-up.
"""

from __future__ import annotations

from importlib import import_module, metadata
from pathlib import Path
from typing import Final

from pipeline.core.errors import SettingsError

PACKAGES: Final = ("pipeline", "decoders", "schemas", "topologies")


def check_packages() -> None:
    """Check that the four packages share one parent folder and that nobody else owns their names.

    Raises:
        SettingsError: names the package and the remedy.
    """
    parents = {name: Path(str(import_module(name).__file__)).resolve().parent.parent for name in PACKAGES}
    home = parents["pipeline"]
    for name, parent in parents.items():
        if parent != home:
            raise SettingsError(
                f"the package {name!r} comes from {parent}, not from silkstream's {home}: another distribution "
                "has replaced it; uninstall that one and install silkstream again"
            )
    owners = metadata.packages_distributions()
    for name in PACKAGES:
        strangers = sorted(set(owners.get(name, ())) - {"silkstream"})
        if strangers:
            raise SettingsError(
                f"the distribution {strangers[0]!r} also installs a package {name!r}: uninstall it and install "
                "silkstream again"
            )

"""The guard of our plain names: another distribution with a package of the same name stops the start."""

from __future__ import annotations

from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import pytest

from pipeline import packaging
from pipeline.core.errors import SettingsError
from pipeline.packaging import PACKAGES, check_packages


def test_this_installation_is_whole() -> None:
    check_packages()


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "pipeline"])
def test_a_package_from_elsewhere_is_named_with_the_remedy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = ModuleType(name)
    stranger.__file__ = f"/somewhere/else/{name}/__init__.py"
    monkeypatch.setattr(packaging, "import_module", lambda asked: stranger if asked == name else import_module(asked))

    with pytest.raises(SettingsError, match=rf"'{name}' comes from /somewhere/else, not .* uninstall that one"):
        check_packages()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_distribution_that_brings_our_name_too_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {name: ["silkstream", "acme"]})

    with pytest.raises(SettingsError, match=rf"'acme' also installs a package '{name}': uninstall it"):
        check_packages()


def test_nobody_uploads_us_by_accident() -> None:
    assert "Private :: Do Not Upload" in (metadata.metadata("silkstream").get_all("Classifier") or ())
    assert {Path(str(import_module(name).__file__)).parent.name for name in PACKAGES} == set(PACKAGES)

"""Licences of the packages that an installation brings: none that restricts use, as docs say."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

import pytest

from mfh.models import ModelStore, needed
from mfh.settings import settings_from

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
OWN = [re.match(r"[\w.-]+", text)[0] for text in PROJECT["dependencies"]]
PERMISSIVE = re.compile(r"\b(Apache|MIT|BSD|0BSD|ISC|Zlib|PSF|Python Software Foundation|CNRI)\b")
RESTRICTED = re.compile(
    r"GPL|non-?commercial|research|proprietary|\bCC-BY-NC|\bSSPL\b|\bBUSL\b|MPL|Mozilla", re.I
)
# What docs/models.md names as exceptions.
WEAK_COPYLEFT = {"certifi", "tqdm"}
OF_CUDA = re.compile(r"nvidia-|cuda-|triton$")


def stated_licence(package: str) -> str:
    """What a package states in its metadata: an expression, else classifiers, else a text."""
    found = metadata(package)
    expression = found.get("License-Expression", "")
    classifiers = [c for c in found.get_all("Classifier") or [] if c.startswith("License ::")]
    # Some put the whole text there: its beginning is the name.
    text = (found.get("License") or "").strip()[:80]
    return "; ".join(filter(None, [expression, *classifiers, "" if expression else text]))


def brought_along(packages: list[str]) -> set[str]:
    """These packages and all that they need, as far as it is installed."""
    requirements = pytest.importorskip("packaging.requirements")
    found: set[str] = set()
    left = list(packages)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name in found:
            continue
        try:
            texts = requires(name) or []
        except PackageNotFoundError:
            continue
        found.add(name)
        for each in map(requirements.Requirement, texts):
            if each.marker is None or each.marker.evaluate({"extra": ""}):
                left.append(each.name)
    return found


@pytest.mark.parametrize("package", OWN)
def test_every_package_of_mfh_is_permissive(package):
    try:
        licence = stated_licence(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is not needed here")
    assert PERMISSIVE.search(licence), licence
    assert not RESTRICTED.search(licence), licence


def test_nothing_that_they_bring_along_is_restricted_but_what_is_said():
    brought = brought_along(OWN)
    assert len(brought) > len(OWN)
    assert "smplx" not in brought, "non-commercial: for tests alone"
    for name in brought - WEAK_COPYLEFT:
        if not OF_CUDA.match(name):
            licence = stated_licence(name)
            assert PERMISSIVE.search(licence), (name, licence)
            assert not RESTRICTED.search(licence), (name, licence)


def test_every_package_is_in_the_table():
    text = (REPOSITORY / "docs" / "models.md").read_text("utf-8")
    table = text.partition("| package | licence |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`([\w.-]+)`", table)) == sorted(OWN)
    for name in WEAK_COPYLEFT:
        assert f"`{name}`" in text.partition(table)[2]


def test_packages_of_the_models_are_among_them(tmp_path):
    """Without SMPL no model needs a package that mfh does not bring."""
    models = needed(settings_from(), ModelStore(tmp_path))
    assert {package for model in models for package in model.packages} <= set(OWN)

"""What an installation from a fresh copy of the repository holds."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parent.parent


def test_every_package_is_listed_and_every_listed_package_is_there():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    folders = [path.parent for path in (REPOSITORY / "mfh").rglob("__init__.py")]
    there = [".".join(folder.relative_to(REPOSITORY).parts) for folder in folders]
    assert sorted(listed) == sorted([*there, "mfh_cli", "mfh_third_party"])

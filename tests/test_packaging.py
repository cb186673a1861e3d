"""What `pip install .` takes along."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parent.parent


def test_every_package_is_listed():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    listed = {name for name in project["tool"]["setuptools"]["packages"] if name[:4] != "mfh_"}
    present = {
        ".".join(path.parent.relative_to(REPOSITORY).parts)
        for path in (REPOSITORY / "mfh").rglob("__init__.py")
    }
    assert listed == present

"""Data sets: photos with their cameras and the truth, read in the layouts people have on disk.

`open_data_set` makes one by its name; what reads it is loaded when it is asked for.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mfh.datasets.base import Checked, DataSet, Sample
from mfh.errors import InputError

__all__ = ["DATA_SETS", "Checked", "DataSet", "Sample", "open_data_set", "require_data_set"]

DATA_SETS: Mapping[str, str] = MappingProxyType(
    {
        "nyu": "NYU Depth V2",
        "kitti": "KITTI",
        "ibims": "iBims-1",
        "diode": "DIODE indoor",
        "eth3d": "ETH3D",
        "folder": "photos with depth maps",
        "labels": "labelled pixels",
    }
)
"""The title of each data set by its name on the command line."""

_CLASSES = {
    "nyu": "Nyu",
    "kitti": "Kitti",
    "ibims": "Ibims",
    "diode": "Diode",
    "eth3d": "Eth3d",
    "folder": "Folder",
    "labels": "Labels",
}
_OF_AN_INDEX_FILE = ("folder", "labels")


def open_data_set(name: str, root: str | Path, **options: Any) -> DataSet:
    """Make a data set of `DATA_SETS`.

    root: its folder; of "folder" and "labels" also the index file itself.
    options: what else its class takes, by name, as `DataSet.options` has it. A text is read as a
        number where the option is one, so that options can come from a command line.

    Raises `InputError` for an unknown name or option, for a root that is not there or not a folder,
    and for what the class itself refuses.
    """
    require_data_set(name)
    root = Path(root)
    if not root.is_dir() and not (name in _OF_AN_INDEX_FILE and root.is_file()):
        wanted = "its folder, or its index file" if name in _OF_AN_INDEX_FILE else "its folder"
        what = "is a file" if root.is_file() else "there is no such folder"
        raise InputError(f"{root}: {what}; of {DATA_SETS[name]} give {wanted} (--data)")
    made = getattr(importlib.import_module(f"{__name__}.{name}"), _CLASSES[name])
    accepted = {field.name: field for field in fields(made) if field.init and field.name != "root"}
    for option, value in options.items():
        if option not in accepted:
            there_are = _instead(option, accepted) if accepted else "it takes none"
            raise InputError(f"option {option!r} of data set {name!r}: {there_are}")
        if isinstance(accepted[option].default, float):
            options[option] = _number(value, f"option {option!r} of data set {name!r}")
    data_set: DataSet = made(root, **options)
    return data_set


def require_data_set(name: str) -> None:
    """Raise `InputError` for a name that is not in `DATA_SETS`, with those that are."""
    if name not in DATA_SETS:
        raise InputError(f"data set {name!r}: {_instead(name, DATA_SETS)}")


def _instead(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{f'did you mean {near[0]!r}? ' if near else ''}there are {', '.join(known)}"


def _number(value: Any, where: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} is {value!r}; it must be a number, e.g. 10") from error

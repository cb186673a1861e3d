"""`run.json`: what an evaluation run is of, so that it can be resumed and scored elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mfh.errors import InputError
from mfh.evaluation.predictions import PredictionFolder
from mfh.files import make_folder, write_json
from mfh.files.reading import read_json

FORMAT = 1
"""The version of `run.json`: what another version wrote is refused."""

NAME = "run.json"

_KEY = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class RowInfo:
    """A row as `run.json` keeps it; `method` is `MethodSpec.as_dict()`."""

    key: str
    label: str
    seeds: tuple[int, ...]
    method: Mapping[str, Any]
    published: Mapping[str, float] = field(default_factory=dict)
    group: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunInfo:
    """What a run is of.

    folder: the run. data_set, root: which data set, and where it was; `options`: what else its
        data set was made with. names: the samples that are predicted, in order.
    ablation: "table3", ..., or "" for none.
    """

    folder: Path
    data_set: str
    root: Path
    rows: tuple[RowInfo, ...]
    names: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    ablation: str = ""

    def predictions(self, row: str, seed: int) -> PredictionFolder:
        """Where a row's predictions are."""
        return PredictionFolder(self.folder / "predictions" / row / f"seed_{seed}")

    def write(self) -> None:
        """Write `run.json`. Raises `OutputError`."""
        make_folder(self.folder)
        write_json(
            self.folder / NAME,
            {
                "format": FORMAT,
                "mfh": version("mfh"),
                "data_set": self.data_set,
                "root": str(self.root),
                "options": dict(self.options),
                "ablation": self.ablation,
                "rows": [
                    {
                        "key": row.key,
                        "label": row.label,
                        "seeds": list(row.seeds),
                        "method": dict(row.method),
                        "published": dict(row.published),
                        "group": dict(row.group),
                    }
                    for row in self.rows
                ],
                "names": list(self.names),
            },
        )

    @classmethod
    def read(cls, folder: Path) -> RunInfo:
        """Read it back. Raises `InputError` where there is none, or another version wrote it."""
        path = folder / NAME
        if not path.is_file():
            raise InputError(
                f"{folder}: not an evaluation run, it holds no {NAME}; give a folder that "
                "`mfh evaluate` wrote"
            )
        stored = read_json(path)
        try:
            found, writer = stored["format"], stored["mfh"]
            if found != FORMAT:
                raise InputError(
                    f"{path}: in format {found}, written by mfh {writer}, but this version reads "
                    f"format {FORMAT}; use that version, or a new folder"
                )
            return cls(
                folder=folder,
                data_set=_text(stored["data_set"]),
                root=Path(_text(stored["root"])),
                rows=tuple(_row(row) for row in stored["rows"]),
                names=tuple(_text(name) for name in stored["names"]),
                options=dict(stored["options"]),
                ablation=_text(stored["ablation"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{path}: not the file of an evaluation run ({error!r}); restore it, or use a new "
                "folder"
            ) from error


def _row(stored: Mapping[str, Any]) -> RowInfo:
    key = _text(stored["key"])
    if not _KEY.fullmatch(key):
        raise ValueError(f"key {key!r} cannot name a folder")
    return RowInfo(
        key=key,
        label=_text(stored["label"]),
        seeds=tuple(int(seed) for seed in stored["seeds"]),
        method=dict(stored["method"]),
        published={str(name): float(value) for name, value in stored["published"].items()},
        group={str(name): _text(value) for name, value in stored["group"].items()},
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be text")
    return value

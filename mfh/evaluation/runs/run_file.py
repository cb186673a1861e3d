"""`run.json`: what an evaluation run is of, so that it can be resumed and scored elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mfh.errors import InputError
from mfh.evaluation.runs.predictions import PredictionFolder
from mfh.files import make_folder, write_json
from mfh.files.reading import read_json
from mfh.photos import safe_name

FORMAT = 1
"""The version of `run.json`: what another version wrote is refused."""

NAME = "run.json"

_KEY = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class RowInfo:
    """A row as `run.json` keeps it; `method` is `MethodSpec.as_dict()`.

    Raises `InputError` for a key that cannot name a folder on every system.
    """

    key: str
    label: str
    seeds: tuple[int, ...]
    method: Mapping[str, Any]
    published: Mapping[str, float] = field(default_factory=dict)
    group: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key) or safe_name(self.key) != self.key:
            raise InputError(
                f"row {self.key!r}: its key cannot name a folder; give up to 100 letters, digits, "
                "'.', '-' and '_', no '.' first or last, and no name of a Windows device (con, nul)"
            )

    @property
    def knows_truth(self) -> bool:
        """Whether its method is simulated or given the truth, so that no figure is a result."""
        method = str(self.method.get("method", ""))
        return method.startswith("simulated") or method.endswith(":oracle")


@dataclass(frozen=True)
class RunInfo:
    """What a run is of.

    folder: the run. data_set, root: which data set, and where it was; `options`: what else its
        data set was made with. names: the samples that are predicted, in order.
    ablation: "table3", ..., or "" for none. files: what tells the files of each sample from those
        of others, as `mfh.datasets.photo_files.identities` gives it.
    """

    folder: Path
    data_set: str
    root: Path
    rows: tuple[RowInfo, ...]
    names: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    ablation: str = ""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
                "files": {name: list(files) for name, files in self.files.items()},
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
        except (KeyError, TypeError) as error:
            raise _other_file(path, error) from error
        if found != FORMAT:
            raise InputError(
                f"{path}: in format {found}, written by mfh {writer}, but this version reads "
                f"format {FORMAT}; use that version, or a new folder"
            )
        try:
            return cls(
                folder=folder,
                data_set=_text(stored["data_set"]),
                root=Path(_text(stored["root"])),
                rows=tuple(_row(row) for row in stored["rows"]),
                names=tuple(_text(name) for name in stored["names"]),
                options=dict(stored["options"]),
                ablation=_text(stored["ablation"]),
                files={
                    name: tuple(_text(file) for file in files)
                    for name, files in stored["files"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _other_file(path, error) from error


def _row(stored: Mapping[str, Any]) -> RowInfo:
    return RowInfo(
        key=_text(stored["key"]),
        label=_text(stored["label"]),
        seeds=tuple(int(seed) for seed in stored["seeds"]),
        method=dict(stored["method"]),
        published={str(name): float(value) for name, value in stored["published"].items()},
        group={str(name): _text(value) for name, value in stored["group"].items()},
    )


def _other_file(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: not the file of an evaluation run ({error!r}); restore it, or use a new folder"
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be text")
    return value

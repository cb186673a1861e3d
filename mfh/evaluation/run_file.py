"""`run.json`: what an evaluation run is of, so that it can be resumed and scored elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfh.evaluation.predictions import PredictionFolder


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
        raise NotImplementedError

    @classmethod
    def read(cls, folder: Path) -> RunInfo:
        """Read it back. Raises `InputError` where there is none, or another version wrote it."""
        raise NotImplementedError

"""An evaluation run whose scores are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import Checked, Sample
from mfh.datasets.protocol import Protocol
from mfh.errors import InputError
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.scores import METRICS, PhotoScore
from mfh.records import Photo


@dataclass(frozen=True)
class PlantedSet:
    """Truths as .npy files."""

    root: Path
    names: tuple[str, ...] = ()
    name: str = "planted"
    title: str = "Planted"
    protocol: Protocol = field(default_factory=lambda: Protocol(max_m=10.0))

    def samples(self) -> Sequence[Sample]:
        return [Sample(n, self.root / f"{n}.jpg", self.root / f"{n}.npy") for n in self.names]

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        if not sample.truth.is_file():
            raise InputError(f"{sample.truth}: there is no such file")
        return np.load(sample.truth)

    def photo(self, sample: Sample) -> Photo:
        raise AssertionError("scoring looks at no photo")

    @property
    def options(self) -> Mapping[str, Any]:
        return {}

    def files(self, sample: Sample) -> tuple[Path, ...]:
        return sample.photo, sample.truth

    def check(self) -> Checked:
        return Checked((), len(self.names), len(self.names))


def plant_run(
    folder: Path,
    names: Sequence[str],
    factors: Mapping[str, float],
    seeds: Sequence[int] = (0,),
) -> tuple[RunInfo, PlantedSet]:
    """A run in which each row predicts the truth times a factor, whatever the seed."""
    data_set = PlantedSet(folder / "data", tuple(names))
    rows = tuple(RowInfo(key, key.title(), tuple(seeds), {"name": key}) for key in factors)
    run = RunInfo(folder / "run", "planted", data_set.root, rows, tuple(names))
    rng = np.random.default_rng(1)
    for name in names:
        true_m = rng.uniform(1, 8, (24, 32)).astype(np.float32)
        true_m[0] = np.nan
        path = data_set.root / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, true_m)
        for key, factor in factors.items():
            for seed in seeds:
                depth_m = np.nan_to_num(true_m, nan=1.0) * np.float32(factor)
                run.predictions(key, seed).write(name, StoredPrediction(depth_m, 0.08, 2.0))
    return run, data_set


def photo_score(row: str, seed: int, name: str, **values: float) -> PhotoScore:
    """A score whose values are 0 but for these."""
    return PhotoScore(row, seed, name, {**dict.fromkeys(METRICS, 0.0), **values})

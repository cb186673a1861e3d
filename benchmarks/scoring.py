"""Time of scoring an evaluation run the size of NYU Depth V2's test split.

    python benchmarks/scoring.py

Writes 654 predictions (.npz, 480x640 px) and truths (16-bit PNG) to a temporary folder, scores them
in one, two and more threads, and prints a Markdown table.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from tables import markdown

from mfh.datasets.base import Checked, Sample
from mfh.datasets.protocol import Protocol
from mfh.errors import InputError
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.score import score_run
from mfh.records import Photo

COUNT, HEIGHT, WIDTH = 654, 480, 640
DISTINCT = 12
THREADS = (1, 2, 4)


@dataclass(frozen=True)
class Planted:
    """Truths in millimetres, as NYU Depth V2's are."""

    root: Path
    name: str = "planted"
    title: str = "planted"
    protocol: Protocol = field(default_factory=lambda: Protocol(max_m=10.0, crop="eigen"))

    def samples(self) -> Sequence[Sample]:
        """As many as the official split has."""
        names = [f"{index:04d}" for index in range(COUNT)]
        return [Sample(n, self.root / f"{n}.jpg", self.root / f"{n}.png") for n in names]

    def truth(self, sample: Sample) -> np.ndarray:
        """Metres, NaN where the sensor saw nothing."""
        stored = np.asarray(Image.open(sample.truth))
        return np.where(stored > 0, stored / np.float32(1000), np.float32(np.nan))

    def photo(self, sample: Sample) -> Photo:
        """Scoring looks at no photo, and there is none."""
        raise InputError(f"{sample.photo}: only truths are planted")

    @property
    def options(self) -> dict[str, Any]:
        """None."""
        return {}

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Photo and truth."""
        return sample.photo, sample.truth

    def check(self) -> Checked:
        """Everything was written a moment ago."""
        return Checked((), COUNT, COUNT)


def room(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A truth with holes, in metres, and a smooth prediction some 10 % off."""
    boxes = np.full((HEIGHT, WIDTH), rng.uniform(3, 9), np.float32)
    for _ in range(40):
        top, left = rng.integers(0, HEIGHT - 40), rng.integers(0, WIDTH - 40)
        high, wide = rng.integers(20, 200, 2)
        boxes[top : top + high, left : left + wide] = rng.uniform(0.8, 9)
    slope = np.linspace(1.2, 0.8, HEIGHT, dtype=np.float32)[:, None]
    true = boxes * slope * (1 + 0.003 * rng.standard_normal(boxes.shape, np.float32))
    disparity = gaussian_filter(1 / true, 3) * rng.uniform(0.9, 1.1) + 0.01
    holes = gaussian_filter(rng.standard_normal(true.shape, np.float32), 6) > 0.03
    return np.where(holes, 0, true), (1 / disparity).astype(np.float32)


def plant(folder: Path) -> tuple[RunInfo, Planted]:
    """Write the files; a few distinct ones, copied."""
    data = folder / "data"
    data.mkdir()
    data_set = Planted(data)
    names = tuple(sample.name for sample in data_set.samples())
    row = RowInfo("planted", "planted", (0,), {})
    run = RunInfo(folder / "run", "planted", data, (row,), names)
    predictions = run.predictions(row.key, 0)
    rng = np.random.default_rng(0)
    for index, name in enumerate(names):
        if index < DISTINCT:
            true, predicted = room(rng)
            Image.fromarray((true * 1000).astype(np.uint16)).save(data / f"{name}.png")
            predictions.write(name, StoredPrediction(predicted, 0.1, 1.0))
            continue
        same = names[index % DISTINCT]
        shutil.copy(data / f"{same}.png", data / f"{name}.png")
        shutil.copy(predictions.path / f"{same}.npz", predictions.path / f"{name}.npz")
    return run, data_set


def measure() -> list[dict[str, str]]:
    """One row a number of threads."""
    with tempfile.TemporaryDirectory() as folder:
        run, data_set = plant(Path(folder))
        files = list((run.folder / "predictions").rglob("*.npz"))
        size = sum(file.stat().st_size for file in files) / len(files)
        rows = []
        for threads in THREADS:
            started, computed = time.perf_counter(), time.process_time()
            scores = score_run(run, data_set, jobs=threads)
            rows.append(
                {
                    "photos": str(sum(not score.failure for score in scores)),
                    "threads": str(threads),
                    "seconds": f"{time.perf_counter() - started:.1f}",
                    "processor seconds": f"{time.process_time() - computed:.1f}",
                    "MB a prediction": f"{size / 1e6:.2f} of {4 * HEIGHT * WIDTH / 1e6:.2f}",
                }
            )
    return rows


if __name__ == "__main__":
    print(markdown(measure()))

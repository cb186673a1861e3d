"""Running an evaluation: every prediction that is asked for and not there yet.

```
RUN/run.json                                what the run is of, written first
RUN/predictions/ROW/seed_K/NAME.npz         a prediction; NAME.failed.txt where there is none
WORK/DATASET/NAME/...                       records that rows share
```
A prediction is written whole or not at all, as soon as it is made, and one that is there is never
made again unless it is damaged: a run that was interrupted or killed loses the photo it was at, and
of that one keeps its records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mfh.datasets.base import DataSet, Sample
from mfh.datasets.missing import samples_there
from mfh.datasets.photo_files import identities
from mfh.errors import InputError
from mfh.evaluation.engines.base import OF_ALL, Engine, Outcome, Task
from mfh.evaluation.methods.base import Case, PixelDepth, Row
from mfh.evaluation.runs.merging import merged
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.runs.progress import EvaluationProgress, TimeLeft
from mfh.evaluation.runs.run_file import NAME as RUN_FILE
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.files import json_number, remove_temporaries
from mfh.files.locks import run_locked
from mfh.records import MetricDepth


@dataclass(frozen=True)
class Evaluated:
    """What became of an evaluation.

    run: as `run.json` has it now.
    made, there: predictions that were made, and that were there before.
    failed: (row, seed, name, reason) of each that failed now.
    skipped: the reason, by key, of rows that cannot run here.
    missing: files of the data set that are not there, by the name of their photo.
    """

    run: RunInfo
    made: int = 0
    there: int = 0
    failed: tuple[tuple[str, int, str, str], ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    data_set: DataSet,
    rows: Sequence[Row],
    seeds: Sequence[int],
    folder: Path,
    engine: Engine,
    *,
    work: Path | None = None,
    records: bool = True,
    limit: int | None = None,
    ablation: str = "",
    progress: EvaluationProgress | None = None,
) -> Evaluated:
    """Predict with every row and seed all photos whose predictions are not there yet.

    seeds: of rows whose method depends on one; the others are predicted once.
    folder: the run. One that is there is gone on with: rows, seeds and photos may be added.
    work: where records go that rows share; by default into the run.
    records: whether there are any; without, rows share no paintings, and a photo that was
        interrupted starts anew.
    limit: only the first so many photos that are there.
    ablation: its name, for `run.json`.

    Raises `RunFolderError` where another process writes the run, or it is of something else;
    `InputError` where no photo of the data set is there, or a row's key cannot name a folder or is
    that of another; `OutputError` where the run cannot be written.
    """
    progress = progress or EvaluationProgress()
    _require_different_keys(rows)
    samples = data_set.samples()
    there, missing = samples_there(data_set, samples)
    chosen = there[:limit]
    of_data_set = (work or folder / "work") / data_set.name if records else None
    run = RunInfo(
        folder=folder,
        data_set=data_set.name,
        root=data_set.root.absolute(),
        rows=tuple(_info(row, seeds) for row in rows),
        names=tuple(sample.name for sample in chosen),
        options=data_set.options,
        ablation=ablation,
        files=identities(data_set, chosen),
    )
    with run_locked(folder, "writing this run"):
        if (folder / RUN_FILE).is_file():
            run = merged(RunInfo.read(folder), run, [sample.name for sample in samples])
        run.write()
        _remove_temporaries(folder)
        made = _Run(data_set, run, chosen, seeds, of_data_set, progress)
        with engine:
            result = made.all(rows, engine)
    return replace(result, missing=missing)


class _Run:
    """The predictions of one call of `evaluate`."""

    def __init__(
        self,
        data_set: DataSet,
        run: RunInfo,
        samples: Sequence[Sample],
        seeds: Sequence[int],
        work: Path | None,
        progress: EvaluationProgress,
    ) -> None:
        self._data_set = data_set
        self._run = run
        self._samples = samples
        self._seeds = seeds
        self._work = work
        self._progress = progress
        self._failed: list[tuple[str, int, str, str]] = []
        self._made = 0

    def all(self, rows: Sequence[Row], engine: Engine) -> Evaluated:
        """Row after row."""
        tasks = {row.key: list(self._tasks(row)) for row in rows}
        left = TimeLeft({key: len(of_row) for key, of_row in tasks.items()})
        asked = sum(len(_seeds_of(row, self._seeds)) for row in rows) * len(self._samples)
        there = asked - left.count
        skipped: dict[str, str] = {}
        self._progress.begin(there, left.count)
        for row in rows:
            of_row = tasks[row.key]
            self._progress.row(row, len(of_row))
            try:
                # Whatever ends the loop ends the engine's work.
                with closing(engine.run(row.spec, of_row)) as outcomes:
                    for outcome in outcomes:
                        self._keep(row, outcome)
                        left.made(row.key)
                        self._progress.done(row, outcome, left.seconds)
            except OF_ALL as error:
                skipped[row.key] = str(error)
                self._progress.skipped(row, str(error), left.skipped(row.key))
        self._leave_out([key for key in skipped if not self._any_prediction(key)])
        return Evaluated(self._run, self._made, there, tuple(self._failed), skipped)

    def _tasks(self, row: Row) -> Iterator[Task]:
        for seed in _seeds_of(row, self._seeds):
            folder = self._run.predictions(row.key, seed)
            for sample in self._samples:
                if not folder.has(sample.name):
                    if folder.file(sample.name).exists():
                        self._progress.damaged(folder.file(sample.name))
                    case = partial(self._case, row, seed, sample)
                    yield Task(sample.name, seed, case)

    def _case(self, row: Row, seed: int, sample: Sample) -> Case:
        # Read here, where the data set is, and beside the photo.
        needed = row.spec.needs_truth
        truth_m = self._data_set.truth(sample) if needed else None
        work = self._work and self._work.joinpath(*sample.name.split("/"))
        return Case(
            name=sample.name,
            photo=self._data_set.photo(sample),
            seed=photo_seed(seed, sample.name),
            work=work,
            truth=truth_m,
            protocol=self._data_set.protocol if needed else None,
        )

    def _keep(self, row: Row, outcome: Outcome) -> None:
        """Write a prediction, or why there is none."""
        name, seed = outcome.task.name, outcome.task.seed
        folder = self._run.predictions(row.key, seed)
        if outcome.depth is None:
            folder.failed(name, outcome.failure)
            self._failed.append((row.key, seed, name, outcome.failure))
            return
        folder.write(name, _stored(outcome, outcome.depth))
        self._made += 1

    def _any_prediction(self, key: str) -> bool:
        row = next(row for row in self._run.rows if row.key == key)
        return any(
            self._run.predictions(key, seed).has(name)
            for seed in row.seeds
            for name in self._run.names
        )

    def _leave_out(self, keys: Sequence[str]) -> None:
        """Take rows that never ran out of `run.json`."""
        if keys:
            rows = tuple(row for row in self._run.rows if row.key not in keys)
            self._run = replace(self._run, rows=rows)
            self._run.write()


def photo_seed(seed: int, name: str) -> int:
    """The seed of one photo: random choices differ from photo to photo, whatever is predicted.

    Errors that all photos shared would not average out over them.
    """
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), "<u4").tolist()
    state = np.random.SeedSequence([seed, *words]).generate_state(2, np.uint32)
    return int(state[0]) << 31 | int(state[1]) >> 1


def _stored(outcome: Outcome, depth: MetricDepth) -> StoredPrediction:
    """A prediction as it is kept; of the scale's error only what the method stands for."""
    report: dict[str, Any] = {
        "mfh": version("mfh"),
        "photo_seed": photo_seed(outcome.task.seed, outcome.task.name),
        "parts": dict(depth.parts),
        "device": depth.device,
        "worker": outcome.worker,
        "painting": depth.painting,
        "warnings": list(depth.warnings),
    }
    if depth.counts is not None:
        report["counts"] = depth.counts.as_dict()
    if depth.head is not None:
        head = depth.head
        report["head"] = {
            "method": head.method,
            "space": head.space,
            "scale": head.scale,
            "offset": head.offset,
            "loss": json_number(head.loss),
            "status": head.status,
        }
    error = depth.relative_error if depth.knows_error else float("nan")
    sparse = isinstance(depth, PixelDepth)
    return StoredPrediction(depth.depth_m, error, outcome.seconds, report, sparse=sparse)


def _info(row: Row, seeds: Sequence[int]) -> RowInfo:
    return RowInfo(
        key=row.key,
        label=row.label,
        seeds=_seeds_of(row, seeds),
        method=row.spec.as_dict(),
        published=row.published,
        group=row.group,
    )


def _seeds_of(row: Row, seeds: Sequence[int]) -> tuple[int, ...]:
    return tuple(seeds) if row.spec.seeded else (0,)


def _require_different_keys(rows: Sequence[Row]) -> None:
    """Keys name folders, and some systems take "A" and "a" for one."""
    seen: set[str] = set()
    for row in rows:
        if row.key.casefold() in seen:
            raise InputError(f"two rows have the key {row.key!r}; each needs one of its own")
        seen.add(row.key.casefold())


def _remove_temporaries(folder: Path) -> None:
    """Remove what a process that was killed left half-written."""
    remove_temporaries(folder)
    for path in sorted((folder / "predictions").rglob("*")):
        if path.is_dir():
            remove_temporaries(path)

"""What the page reads of a run: a sample of pixels of many photos, one photo after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import DataSet, Sample
from mfh.errors import MfhError
from mfh.evaluation.page.charts.pixels import PixelErrors
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.score import at_size, scored_pixels
from mfh.evaluation.scoring.scores import PhotoScore

_PIXELS_A_PHOTO = 2000
_MOST_PREDICTIONS = 2000  # half a minute of reading; of an ablation with many rows, fewer photos
_AT_ONCE = 2


@dataclass
class RowPixels:
    """Pixels of the predictions of a row.

    photos: of how many.
    """

    errors: PixelErrors = field(default_factory=PixelErrors)
    photos: int = 0


@dataclass(frozen=True)
class Gathered:
    """What was read: pixels by the row's key, and what could not be, in words."""

    rows: Mapping[str, RowPixels]
    unreadable: Sequence[str]


def gather(results: Results) -> Gathered:
    """Read pixels of predictions that were scored.

    Of each photo at most 2000 that count, drawn evenly. Of a photo predicted with several seeds
    one prediction is read, the seeds taking turns; and where there are many rows, only so many
    photos, spread evenly, that 2000 predictions are read in all.
    """
    run, samples = results.run, results.samples
    seeds = _scored_seeds(results.scores)
    names = [name for name in run.names if name in seeds and name in samples]
    most = max(1, _MOST_PREDICTIONS // max(1, len(run.rows)))
    if len(names) > most:
        names = [names[i] for i in np.linspace(0, len(names) - 1, most).round().astype(int)]
    rows = {row.key: RowPixels() for row in run.rows}
    unreadable: list[str] = []

    def read(turn: int) -> _Read:
        name = names[turn]
        wanted = {row: of_row[turn % len(of_row)] for row, of_row in seeds[name].items()}
        return _read(run, results.data_set, samples[name], wanted, turn)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for result in threads.map(read, range(len(names))):
            unreadable += result.unreadable
            for key, (predicted_m, true_m) in result.pixels.items():
                row = rows[key]
                row.errors.add(predicted_m, true_m)
                row.photos += 1
    return Gathered(rows, unreadable)


@dataclass(frozen=True)
class _Read:
    """Of one photo: (predicted, true) by row."""

    pixels: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]]
    unreadable: Sequence[str]


def _read(
    run: RunInfo, data_set: DataSet, sample: Sample, seeds: Mapping[str, int], turn: int
) -> _Read:
    pixels = {}
    unreadable = []
    try:
        true_m = data_set.truth(sample)
        at = np.flatnonzero(data_set.protocol.valid(true_m))
    except MfhError as error:
        return _Read({}, [str(error)])
    if len(at) > _PIXELS_A_PHOTO:
        # One of each stretch: even, and no multiple of the width can line them up.
        places = np.arange(_PIXELS_A_PHOTO) + np.random.default_rng(turn).random(_PIXELS_A_PHOTO)
        at = at[np.floor(places * (len(at) / _PIXELS_A_PHOTO)).astype(np.intp)]
    for row, seed in seeds.items():
        try:
            prediction = run.predictions(row, seed).read(sample.name)
            depth_m = at_size(prediction, true_m.shape)
        except MfhError as error:
            unreadable.append(str(error))
            continue
        read_at = at
        if prediction.sparse:
            # Few enough to read them all, and hardly any of them among the others' pixels.
            read_at = np.flatnonzero(scored_pixels(prediction, depth_m, true_m, data_set.protocol))
        predicted_m = data_set.protocol.scored(depth_m.ravel()[read_at])
        pixels[row] = (predicted_m, true_m.ravel()[read_at])
    return _Read(pixels, unreadable)


def _scored_seeds(scores: Sequence[PhotoScore]) -> dict[str, dict[str, list[int]]]:
    """The seeds with a score, by name and row."""
    seeds: dict[str, dict[str, list[int]]] = {}
    for score in scores:
        if not score.failure:
            seeds.setdefault(score.name, {}).setdefault(score.row, []).append(score.seed)
    return seeds

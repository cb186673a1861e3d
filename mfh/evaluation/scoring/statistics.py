"""What scores come to: means with confidence intervals, and whether one row is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mfh.errors import InputError
from mfh.evaluation.scoring.scores import NOT_PREDICTED, VALUES, Mean, PhotoScore, RowScore
from mfh.evaluation.tables.quantities import QUANTITIES

LEAST_PHOTOS = 5
"""Of fewer the bootstrap says nothing: 2 photos have 3 means in all."""

LEAST_SEEDS = 3
"""Of 2 Student's t, of 1 degree of freedom, is 13 standard errors, whatever they are."""

RESAMPLES = 2000
_SEED = 0
_CONFIDENCE = 0.95
_TAILS = (50 * (1 - _CONFIDENCE), 50 * (1 + _CONFIDENCE))
_NOTHING = (math.nan, math.nan)


@dataclass(frozen=True)
class Difference:
    """How a row differs from another on the photos that both have.

    mean: of `row` less `other`. photos: its 95 % confidence interval, (low, high), were other
        photos drawn; NaN of fewer than 5. count: photos compared.
    """

    row: str
    other: str
    value: str
    mean: float
    photos: tuple[float, float]
    count: int

    @property
    def better(self) -> bool | None:
        """Whether `row` is the better one; None where the interval, or the value, does not tell."""
        low, high = self.photos
        better = QUANTITIES[self.value].better
        if not better or not (low > 0 or high < 0):
            return None
        return (low > 0) == (better == "higher")


def row_scores(scores: Sequence[PhotoScore], names: Sequence[str]) -> list[RowScore]:
    """Summarise each row: the mean over photos of the mean over seeds.

    names: the photos to count; `common_photos` gives those that all rows have.

    A photo counts for a row where it has a score with every seed of the row; `failed` and
    `not_predicted` list the others. A value that some photos do not have (NaN) is averaged over
    those that do. Photos are taken as drawn one by one: where many show one scene, other scenes
    would differ by more than the interval says.
    """
    return [_row_score(row, grid) for row, grid in _grids(scores, names).items()]


def common_photos(scores: Sequence[PhotoScore]) -> list[str]:
    """The photos that have a score in every row and with every seed, in their order."""
    names = list(dict.fromkeys(score.name for score in scores))
    complete = [grid.complete for grid in _grids(scores, names).values()]
    return [name for i, name in enumerate(names) if all(row[i] for row in complete)]


def compare(
    scores: Sequence[PhotoScore], row: str, other: str, values: Sequence[str] = ("abs_rel",)
) -> dict[str, Difference]:
    """Compare two rows photo by photo, over photos that both have with every seed of theirs.

    values: which, by their names; so are the differences. A photo whose value is infinite or
        unknown in one of the rows does not count.

    Pairing takes out what is hard for both, so that a difference shows with far fewer photos than
    two separate intervals suggest. Raises `InputError` for a row that has no scores.
    """
    names = sorted({score.name for score in scores})
    grids = _grids([score for score in scores if score.row in (row, other)], names)
    for key in (row, other):
        if key not in grids:
            raise InputError(f"compare: no scores of a row {key!r}")
    complete = grids[row].complete & grids[other].complete
    differences = {}
    for value in values:
        ours, theirs = (grids[key].of_photos(value) for key in (row, other))
        both = complete & np.isfinite(ours) & np.isfinite(theirs)
        difference = ours[both] - theirs[both]
        mean, interval = math.nan, _NOTHING
        if len(difference):
            mean = float(difference.mean())
            interval = _over_photos(difference[:, None], _draws(len(difference)))[0]
        differences[value] = Difference(row, other, value, mean, interval, len(difference))
    return differences


@dataclass(frozen=True, eq=False)
class _Grid:
    """The scores of one row. values: (photos, seeds, values), NaN where there is none."""

    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    complete: NDArray[np.bool_]
    failed: tuple[tuple[str, int, str], ...]
    not_predicted: tuple[tuple[str, int], ...]
    versions: tuple[str, ...]

    def of_photos(self, value: str) -> NDArray[np.float64]:
        """(photos,), the mean over seeds of one value."""
        means: NDArray[np.float64] = self.values[:, :, VALUES.index(value)].mean(axis=1)
        return means


def mean_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The interval of a mean as scores have it: a percentile bootstrap (Efron 1979).

    Values (n,) are taken as drawn one by one, as those of photos are; NaN of fewer than
    `LEAST_PHOTOS`.
    """
    return _over_photos(values[:, None], _draws(len(values)))[0]


def _grids(scores: Sequence[PhotoScore], names: Sequence[str]) -> dict[str, _Grid]:
    place = {name: index for index, name in enumerate(names)}
    by_row: dict[str, list[PhotoScore]] = {}
    for score in scores:
        by_row.setdefault(score.row, []).append(score)
    grids = {}
    for row, its in by_row.items():
        seeds = tuple(sorted({score.seed for score in its}))
        values = np.full((len(names), len(seeds), len(VALUES)), np.nan)
        scored = np.zeros((len(names), len(seeds)), np.bool_)
        asked = [score for score in its if score.name in place]
        for score in asked:
            if not score.failure:
                at = place[score.name], seeds.index(score.seed)
                values[at] = [score.values.get(value, math.nan) for value in VALUES]
                scored[at] = True
        without = sorted(
            (score for score in asked if score.failure),
            key=lambda score: (place[score.name], score.seed),
        )
        grids[row] = _Grid(
            seeds,
            values,
            complete=np.asarray(scored.all(axis=1)),
            failed=tuple(
                (each.name, each.seed, each.failure)
                for each in without
                if each.failure != NOT_PREDICTED
            ),
            not_predicted=tuple(
                (each.name, each.seed) for each in without if each.failure == NOT_PREDICTED
            ),
            versions=tuple(sorted({score.version for score in asked if score.version})),
        )
    return grids


def _row_score(row: str, grid: _Grid) -> RowScore:
    values = grid.values[grid.complete]
    of_photos = values.mean(axis=1)
    over_photos = _over_photos(of_photos, _draws(len(of_photos)))
    means = {}
    for i, name in enumerate(VALUES):
        of_seeds = [_mean(seed) for seed in values[:, :, i].T]
        means[name] = Mean(_mean(of_photos[:, i]), over_photos[i], *_over_seeds(of_seeds))
    return RowScore(row, len(of_photos), means, grid.failed, grid.not_predicted, grid.versions)


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of what is known."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


@lru_cache(maxsize=4)
def _draws(count: int) -> NDArray[np.float64]:
    """(resamples, photos): how often each photo is drawn, with replacement.

    The same for every row of as many photos, so that their intervals rest on the same draws.
    """
    if not count:
        return np.zeros((RESAMPLES, 0))
    rng = np.random.default_rng(np.random.SeedSequence(_SEED))
    draws = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)
    draws.flags.writeable = False
    return draws


def _over_photos(
    values: NDArray[np.float64], draws: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """The percentile bootstrap (Efron 1979) of the mean of each column of (photos, values)."""
    known = ~np.isnan(values)
    counts = draws @ known.astype(np.float64)
    with np.errstate(invalid="ignore"):
        # `inf` is a value that some methods give; inf * 0 must not be NaN.
        finite = np.where(known & np.isfinite(values), values, 0.0)
        means = draws @ finite / counts
        means[(draws @ np.isinf(values).astype(np.float64)) > 0] = np.inf
    intervals = []
    for column, count in zip(means.T, known.sum(axis=0), strict=True):
        if count < LEAST_PHOTOS:
            intervals.append(_NOTHING)
        else:
            drawn = column[~np.isnan(column)]
            low, high = np.percentile(drawn, _TAILS, method="nearest")
            intervals.append((float(low), float(high)))
    return intervals


def _over_seeds(means: Sequence[float]) -> tuple[tuple[float, float], float]:
    """The interval of the mean of seeds, by Student's t, and their standard deviation.

    NaN where a mean is infinite or unknown: nothing can be said about others then. Two seeds have a
    deviation, and no interval.
    """
    if len(means) < 2 or not np.isfinite(means).all():
        return _NOTHING, math.nan
    mean, deviation = float(np.mean(means)), float(np.std(means, ddof=1))
    if len(means) < LEAST_SEEDS:
        return _NOTHING, deviation
    quantile = float(stdtrit(len(means) - 1, (1 + _CONFIDENCE) / 2))
    reach = quantile * deviation / math.sqrt(len(means))
    return (mean - reach, mean + reach), deviation

"""What scores come to: means with confidence intervals, and whether one row is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mfh.errors import InputError
from mfh.evaluation.scores import VALUES, Mean, PhotoScore, RowScore

RESAMPLES = 2000
_SEED = 0
_CONFIDENCE = 0.95
_TAILS = (50 * (1 - _CONFIDENCE), 50 * (1 + _CONFIDENCE))
_NOTHING = (math.nan, math.nan)

HIGHER_IS_BETTER = frozenset(
    f"{prefix}delta{k}" for prefix in ("", "scaled_", "affine_") for k in (1, 2, 3)
)


@dataclass(frozen=True)
class Difference:
    """How a row differs from another on the photos that both have.

    mean: of `row` less `other`. photos: its 95 % confidence interval, (low, high), were other
        photos drawn. count: photos compared.
    """

    row: str
    other: str
    value: str
    mean: float
    photos: tuple[float, float]
    count: int

    @property
    def better(self) -> bool | None:
        """Whether `row` is the better one; None where the interval does not tell."""
        low, high = self.photos
        if not (low > 0 or high < 0):
            return None
        return (low > 0) == (self.value in HIGHER_IS_BETTER)


def row_scores(scores: Sequence[PhotoScore], names: Sequence[str]) -> list[RowScore]:
    """Summarise each row: the mean over photos of the mean over seeds.

    names: the photos to count; `common_photos` gives those that all rows have.

    A photo counts for a row where it has a score with every seed of the row; `failed` lists the
    others. A value that some photos do not have (NaN) is averaged over those that do. Photos are
    taken as drawn one by one: where many show one scene, other scenes would differ by more than the
    interval says.
    """
    return [_row_score(row, grid) for row, grid in _grids(scores, names).items()]


def common_photos(scores: Sequence[PhotoScore]) -> list[str]:
    """The photos that have a score in every row and with every seed, in their order."""
    names = list(dict.fromkeys(score.name for score in scores))
    complete = [grid.complete for grid in _grids(scores, names).values()]
    return [name for i, name in enumerate(names) if all(row[i] for row in complete)]


def compare(
    scores: Sequence[PhotoScore], row: str, other: str, value: str = "abs_rel"
) -> Difference:
    """Compare two rows photo by photo, over photos that both have with every seed of theirs.

    Pairing takes out what is hard for both, so that a difference shows with far fewer photos than
    two separate intervals suggest. Raises `InputError` for a row that has no scores.
    """
    names = sorted({score.name for score in scores})
    grids = _grids([score for score in scores if score.row in (row, other)], names)
    for key in (row, other):
        if key not in grids:
            raise InputError(f"compare: no scores of a row {key!r}")
    ours, theirs = (grids[key].of_photos(value) for key in (row, other))
    both = grids[row].complete & grids[other].complete & np.isfinite(ours - theirs)
    difference = (ours - theirs)[both]
    if not len(difference):
        return Difference(row, other, value, math.nan, _NOTHING, 0)
    interval = _over_photos(difference[:, None], _draws(len(difference)))[0]
    return Difference(row, other, value, float(difference.mean()), interval, len(difference))


@dataclass(frozen=True, eq=False)
class _Grid:
    """The scores of one row. values: (photos, seeds, values), NaN where there is none."""

    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    complete: NDArray[np.bool_]
    failed: tuple[tuple[str, int, str], ...]

    def of_photos(self, value: str) -> NDArray[np.float64]:
        """(photos,), the mean over seeds of one value."""
        means: NDArray[np.float64] = self.values[:, :, VALUES.index(value)].mean(axis=1)
        return means


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
        failed = []
        for score in its:
            if score.name not in place:
                continue
            at = place[score.name], seeds.index(score.seed)
            if score.failure:
                failed.append((score.name, score.seed, score.failure))
            else:
                values[at] = [score.values.get(value, math.nan) for value in VALUES]
                scored[at] = True
        failed.sort(key=lambda each: (place[each[0]], each[1]))
        complete = np.asarray(scored.all(axis=1))
        grids[row] = _Grid(seeds, values, complete, tuple(failed))
    return grids


def _row_score(row: str, grid: _Grid) -> RowScore:
    values = grid.values[grid.complete]
    of_photos = values.mean(axis=1)
    over_photos = _over_photos(of_photos, _draws(len(of_photos)))
    means = {}
    for i, name in enumerate(VALUES):
        of_seeds = [_mean(seed) for seed in values[:, :, i].T]
        means[name] = Mean(_mean(of_photos[:, i]), over_photos[i], *_over_seeds(of_seeds))
    return RowScore(row, len(of_photos), means, grid.failed)


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of what is known."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _draws(count: int) -> NDArray[np.float64]:
    """(resamples, photos): how often each photo is drawn, with replacement.

    The same for every row of as many photos, so that their intervals rest on the same draws.
    """
    if not count:
        return np.zeros((RESAMPLES, 0))
    rng = np.random.default_rng(np.random.SeedSequence(_SEED))
    return rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)


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
    for column in means.T:
        drawn = column[~np.isnan(column)]
        if known.shape[0] < 2 or not len(drawn):
            intervals.append(_NOTHING)
        else:
            low, high = np.percentile(drawn, _TAILS, method="nearest")
            intervals.append((float(low), float(high)))
    return intervals


def _over_seeds(means: Sequence[float]) -> tuple[tuple[float, float], float]:
    """The interval of the mean of seeds, by Student's t, and their standard deviation."""
    if len(means) < 2:
        return _NOTHING, math.nan
    mean, deviation = float(np.mean(means)), float(np.std(means, ddof=1))
    quantile = float(stdtrit(len(means) - 1, (1 + _CONFIDENCE) / 2))
    reach = quantile * deviation / math.sqrt(len(means))
    return (mean - reach, mean + reach), deviation

"""The figures of many scenes, and the Markdown tables of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tables import markdown

from metric_heads.cases import PAINTINGS
from metric_heads.scores import CATASTROPHIC, LEVELS, METHODS, SIGMAS, Score

ONE_SIGMA, NINETY = LEVELS.index(0.6827), LEVELS.index(0.9)
_WORST = 0.05
_FEWEST = 5


@dataclass(frozen=True, eq=False)
class Cell:
    """Many scenes of one group and error model, with one number of paintings, by one method.

    scores: of the scenes in which every method gave an answer, in order of their seeds.
    nobody: in how many nobody was found; refused: in how many more this method gave no answer.
    """

    scores: Sequence[Score]
    nobody: int
    refused: int

    def values(self, name: str) -> NDArray[np.float64]:
        """One figure of each scene, (S,)."""
        return np.array([getattr(score, name) for score in self.scores], np.float64)

    def mean(self, name: str) -> float:
        """The mean of a figure over the scenes."""
        return float(self.values(name).mean()) if len(self.scores) else math.nan

    @property
    def worst(self) -> float:
        """Mean AbsRel of the worst twentieth of the scenes."""
        ordered = np.sort(self.values("abs_rel"))
        return float(ordered[-max(1, round(_WORST * len(ordered))) :].mean())

    @property
    def catastrophes(self) -> int:
        """In how many scenes AbsRel is beyond 50 %."""
        return int((self.values("abs_rel") > CATASTROPHIC).sum())

    def map_coverage(self, sigmas: float) -> float:
        """The share of scenes whose whole map is within so many sigmas of the truth.

        Of those for which the head tells its error; NaN where these are few.
        """
        error, bias = self.values("relative_error"), np.abs(self.values("log_bias"))
        told = np.isfinite(error)
        return float((bias <= sigmas * error)[told].mean()) if told.sum() >= _FEWEST else math.nan

    @property
    def pixel_coverage(self) -> NDArray[np.float64]:
        """For each of `LEVELS`, the share of pixels whose interval holds the truth."""
        covered = np.array([score.covered for score in self.scores], np.float64)
        return covered.mean(axis=0) if len(covered) else np.full(len(LEVELS), math.nan)


class Cells:
    """All scores, by group, error model, number of paintings and method."""

    def __init__(self, scores: Sequence[Score]) -> None:
        self.groups = list(dict.fromkeys(score.group for score in scores))
        self.errors = list(dict.fromkeys(score.errors for score in scores))
        present = {score.method for score in scores}
        self.methods = [name for name in METHODS if name in present]
        self._by_key: dict[tuple[str, str, int, str], dict[int, Score]] = {}
        for score in scores:
            key = (score.group, score.errors, score.paintings, score.method)
            self._by_key.setdefault(key, {})[score.seed] = score

    def cell(self, group: str, errors: str, paintings: int, method: str) -> Cell:
        """The scores of one cell; every method's are of the same scenes."""
        by_method = [self._by_key[group, errors, paintings, name] for name in self.methods]
        seeds = sorted(set.intersection(*(set(each) for each in by_method)))
        answered = [s for s in seeds if not any(each[s].refused for each in by_method)]
        own = self._by_key[group, errors, paintings, method]
        nobody = sum(own[seed].refused == "nobody" for seed in seeds)
        refused = sum(own[seed].refused not in ("", "nobody") for seed in seeds)
        return Cell([own[seed] for seed in answered], nobody, refused)

    def floor(self, group: str, errors: str) -> float:
        """Mean AbsRel of the best affine fit to the truth, over the scenes with 32 paintings."""
        return self.cell(group, errors, max(PAINTINGS), self.methods[0]).mean("floor")

    def scenes(self, group: str) -> int:
        """How many scenes there are of each error model."""
        keys = [key for key in self._by_key if key[0] == group]
        return max(len(self._by_key[key]) for key in keys)


def table(
    cells: Cells, group: str, figure: Callable[[Cell], str], methods: Sequence[str]
) -> list[dict[str, str]]:
    """A row for each error model and method, a column for each number of paintings."""
    return [
        {
            "errors": errors if method == methods[0] else "",
            **({"method": method} if len(methods) > 1 else {}),
            **{
                f"N = {count}": figure(cells.cell(group, errors, count, method))
                for count in PAINTINGS
            },
        }
        for errors in cells.errors
        for method in methods
    ]


def sections(cells: Cells, group: str) -> list[str]:
    """What there is to say of one group: a list in short, then tables with their titles."""
    figures: Mapping[str, Callable[[Cell], str]] = {
        "AbsRel, mean over scenes": lambda cell: _number(cell.mean("abs_rel")),
        "AbsRel, mean of the worst twentieth": lambda cell: _number(cell.worst),
        "delta1, %": lambda cell: _number(100 * cell.mean("delta1"), 1),
        "Catastrophic scenes (AbsRel beyond 50 %), %": _catastrophes,
    }
    parts = []
    if {"robust", "SILog (paper)"} <= set(cells.methods):
        parts.append(in_short(cells, group))
    for title, figure in figures.items():
        parts += [f"### {title}\n", markdown(table(cells, group, figure, cells.methods)) + "\n"]
    parts.append("### Floor\n")
    parts.append(
        "AbsRel of the photo's own disparity, fitted to all of its truth: "
        + "; ".join(f"{errors} {cells.floor(group, errors):.3f}" for errors in cells.errors)
        + ".\n"
    )
    parts.append(_coverage(cells, group))
    parts.append(_answers(cells, group))
    return parts


def in_short(cells: Cells, group: str) -> str:
    """How `robust` compares with the paper's loss, in a list."""
    paper, most = "SILog (paper)", max(PAINTINGS)
    lines = []

    def ratio(errors: str, method: str, count: int, than: str, than_count: int) -> float:
        ours, theirs = (
            {score.seed: score.abs_rel for score in cells.cell(group, errors, *key).scores}
            for key in ((count, method), (than_count, than))
        )
        both = ours.keys() & theirs.keys()
        return sum(ours[s] for s in both) / sum(theirs[s] for s in both) if both else math.nan

    if "default" in cells.errors:
        ahead = [
            f"{100 * (ratio('default', 'robust', count, paper, most) - 1):+.0f} % at N = {count}"
            for count in PAINTINGS
        ]
        lines.append(f"AbsRel against that of {paper} at N = {most}, default: {', '.join(ahead)}.")
    if "clean people" in cells.errors:
        clean = [
            f"{100 * (ratio('clean people', 'robust', count, paper, count) - 1):+.1f} %"
            for count in PAINTINGS
        ]
        lines.append(f"The same at equal N, clean people: {', '.join(clean)}.")
    if "no scene bias" in cells.errors:
        cell = cells.cell(group, "no scene bias", most, "robust")
        times = cell.mean("abs_rel") / cells.floor(group, "no scene bias")
        lines.append(f"No scene bias, N = {most}: {times:.2f} times the floor.")
    for errors in cells.errors:
        counts = [
            sum(cells.cell(group, errors, n, name).catastrophes for n in PAINTINGS if n >= 8)
            for name in ("robust", paper)
        ]
        if any(counts):
            lines.append(
                f"Catastrophic scenes with N of 8 and more, {errors}: {counts[0]} by robust, "
                f"{counts[1]} by {paper}."
            )
    return "\n".join(f"- {line}" for line in lines) + "\n"


def _coverage(cells: Cells, group: str) -> str:
    def whole(cell: Cell) -> str:
        one_sigma, ninety = (100 * cell.map_coverage(SIGMAS[at]) for at in (ONE_SIGMA, NINETY))
        return f"{_number(one_sigma, 0)} / {_number(ninety, 0)}"

    def pixels(cell: Cell) -> str:
        covered = 100 * cell.pixel_coverage
        return f"{_number(covered[ONE_SIGMA], 0)} / {_number(covered[NINETY], 0)}"

    lines = []
    if "robust" in cells.methods:
        lines += [
            "### What `robust` says of its error, %\n",
            "Scenes whose median log ratio is within 1 / 1.645 sigma of `relative_error`; right "
            "would be 68 / 90:\n",
            markdown(table(cells, group, whole, ["robust"])) + "\n",
            "Pixels whose own interval holds the truth:\n",
            markdown(table(cells, group, pixels, ["robust"])) + "\n",
        ]
    return "\n".join(lines)


def _answers(cells: Cells, group: str) -> str:
    worst = {
        count: max(cells.cell(group, e, count, cells.methods[0]).nobody for e in cells.errors)
        for count in PAINTINGS
    }
    lines = [
        "Scenes left out, having people in fewer painted photos, in the error model where that "
        "is most frequent: "
        + ", ".join(f"{number} (N = {count})" for count, number in worst.items())
        + f", of {cells.scenes(group)}."
    ]
    for method in cells.methods:
        refused = sum(
            cells.cell(group, errors, count, method).refused
            for errors in cells.errors
            for count in PAINTINGS
        )
        if refused:
            lines.append(f"Fits that {method} refused, as near and far were swapped: {refused}.")
    return " ".join(lines) + "\n"


def _catastrophes(cell: Cell) -> str:
    count = len(cell.scores)
    return _number(100 * cell.catastrophes / count, 1) if count else "-"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"

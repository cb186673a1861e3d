"""The tables of what each person is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from tables import markdown

from metric_heads.people import Scene
from metric_heads.worth import COUNTS, CUES, WORSE, Learned, cues_of_all
from metric_heads.worth_gains import (
    NO_FEET,
    NOTHING,
    SAME_ERROR,
    TOGETHER,
    TRUTH,
    Gains,
    as_both,
    as_error,
    as_weight,
    taken_rightly,
)

_TENTH = 0.1
_FEWEST = 10
_SURE = 2.0
"""Differences beyond so many standard errors are set in bold."""


class Correlation(NamedTuple):
    """How a cue goes with the errors of votes.

    people: for how many it says something; spearman: its correlation with their |error|.
    worst, best: the root mean square error of its worst and its best tenth; mean: the mean error of
        its worst tenth, positive where people are taken to be too far.
    """

    people: int
    spearman: float
    worst: float
    best: float
    mean: float


def correlation(cue: NDArray[np.float64], error: NDArray[np.float64], worse: str) -> Correlation:
    """How a cue (O,), NaN where it says nothing, goes with errors (O,).

    worse: which end of it is, "low" or "high".

    Who ties with the last of a tenth belongs to it. NaN where it tells of few, or the same of all.
    """
    told = np.isfinite(cue)
    cue, error = cue[told], error[told]
    if len(cue) < _FEWEST or np.ptp(cue) == 0:
        return Correlation(len(cue), *4 * (math.nan,))
    low, high = np.quantile(cue, [_TENTH, 1 - _TENTH])
    values = np.unique(cue)
    # Neither tenth is everybody, however few values there are.
    worst, best = error[cue <= min(low, values[-2])], error[cue >= max(high, values[1])]
    if worse == "high":
        worst, best = best, worst
    return Correlation(
        people=len(cue),
        spearman=float(spearmanr(cue, np.abs(error))[0]),
        worst=_rms(worst),
        best=_rms(best),
        mean=float(worst.mean()),
    )


def sections(
    scenes: Sequence[Scene], gains: Gains, learned: Mapping[str, Learned], nothing: float
) -> list[str]:
    """All that is to be said, in Markdown; nothing: the likelihood without any cue."""
    models = list(dict.fromkeys(scene.errors for scene in scenes))
    parts = ["## Whose votes are wrong\n"]
    for errors in models:
        parts.append(_about_errors([scene for scene in scenes if scene.errors == errors]))
    parts += [
        "## What was learned\n",
        "With x = (cue - mean) / deviation, alone: a + b x is the log of how much likelier the "
        "cue is of one who is what they are taken for than of another, and e^(c x) is how much "
        "larger one's own error is than usual; gain: of log likelihood, in thousandths a vote. A "
        "cue counts as the hundredth or the last hundredth part of those seen where it is beyond."
        "\n",
        markdown(_functions(learned, nothing)) + "\n",
        "The same of several cues together:\n",
        markdown(_together(learned)) + "\n",
        "## What the head gains\n",
        "Change of AbsRel in thousandths with its standard error over scenes, in bold beyond two "
        "of them; less is better. One cell in twenty is that large by chance. Own errors are "
        "compared with the same own error for everybody, all else with the head that is told "
        "nothing.\n",
    ]
    for errors in models:
        absolute = ", ".join(
            f"{gains.mean(errors, count, NOTHING):.3f} at N = {count} "
            f"({len(gains.abs_rel[errors, count, NOTHING])} scenes)"
            for count in COUNTS
        )
        parts += [
            f"### {errors}\n",
            f"AbsRel of the head that is told nothing: {absolute}.\n",
            markdown(_gains(gains, errors)) + "\n",
            markdown(_references(gains, errors)) + "\n",
        ]
    return parts


def _about_errors(scenes: Sequence[Scene]) -> str:
    error = np.concatenate([scene.error - np.median(scene.error) for scene in scenes])
    total = np.concatenate([scene.vote_error - np.median(scene.vote_error) for scene in scenes])
    right = np.concatenate([taken_rightly(scene) for scene in scenes])
    cues = np.concatenate([cues_of_all(scene, scene.paintings) for scene in scenes])
    rows = []
    for cue, values in zip(CUES, cues.T, strict=True):
        found = correlation(values, error, WORSE[cue])
        among = np.where(right, values, np.nan)
        rows.append(
            {
                "cue": cue,
                "worse": WORSE[cue],
                "people": str(found.people),
                "Spearman": f"{found.spearman:+.2f}",
                "with disparity": f"{correlation(values, total, WORSE[cue]).spearman:+.2f}",
                "adults only": f"{correlation(among, error, WORSE[cue]).spearman:+.2f}",
                "worst tenth": f"{found.worst:.3f}",
                "best tenth": f"{found.best:.3f}",
                "mean, worst": f"{found.mean:+.3f}",
            }
        )
    return (
        f"### {scenes[0].errors}: {len(error)} people in {len(scenes)} scenes\n\n"
        f"Root mean square error of all: {_rms(error):.3f}; of the {int((~right).sum())} who are "
        f"things or of quite another size: {_rms(error[~right]):.3f}; of the others: "
        f"{_rms(error[right]):.3f}.\n\n{markdown(rows)}\n"
    )


def _functions(learned: Mapping[str, Learned], nothing: float) -> list[dict[str, str]]:
    """A row for each cue; nothing: the likelihood without any."""
    rows = []
    for cue in CUES:
        weight, error = learned[as_weight(cue)], learned[as_error(cue)]
        rows.append(
            {
                "cue": cue,
                "mean": f"{weight.mean[0]:.3f}",
                "deviation": f"{weight.deviation[0]:.3f}",
                "counts from, to": f"{weight.low[0]:.3g}, {weight.high[0]:.3g}",
                "a": f"{weight.odds:+.2f}",
                "b": f"{weight.of_odds[0]:+.2f}",
                "gain": f"{1000 * (weight.likelihood - nothing):.1f}",
                "c": f"{error.of_error[0]:+.3f}",
                "gain by c": f"{1000 * (error.likelihood - nothing):.1f}",
            }
        )
    return rows


def _together(learned: Mapping[str, Learned]) -> list[dict[str, str]]:
    """A row for each of several cues that were learned together."""
    rows = []
    for name in TOGETHER:
        weight, error, both = (
            learned[as_weight(name)],
            learned[as_error(name)],
            learned[as_both(name)],
        )
        for at, cue in enumerate(weight.chosen):
            first = at == 0
            rows.append(
                {
                    "together": name if first else "",
                    "cue": CUES[cue],
                    "a": f"{weight.odds:+.2f}" if first else "",
                    "b": f"{weight.of_odds[at]:+.2f}",
                    "c": f"{error.of_error[at]:+.3f}",
                    "a, with c": f"{both.odds:+.2f}" if first else "",
                    "b, with c": f"{both.of_odds[at]:+.2f}",
                    "c, with b": f"{both.of_error[at]:+.3f}",
                }
            )
    return rows


def _gains(gains: Gains, errors: str) -> list[dict[str, str]]:
    return [
        {
            "cue": cue,
            **{f"weight, N = {n}": _change(gains, errors, n, as_weight(cue)) for n in COUNTS},
            **{
                f"own error, N = {n}": _change(gains, errors, n, as_error(cue), SAME_ERROR)
                for n in COUNTS
            },
        }
        for cue in (*CUES, *TOGETHER)
    ]


def _references(gains: Gains, errors: str) -> list[dict[str, str]]:
    told = {f"{name}, as weight and own error": (as_both(name), SAME_ERROR) for name in TOGETHER}
    told |= {
        "the same own error for everybody": (SAME_ERROR, NOTHING),
        "who is a thing or of another size, if that were known": (TRUTH, NOTHING),
        "without feet": (NO_FEET, NOTHING),
    }
    return [
        {
            "told": words,
            "than": "the same own error" if than == SAME_ERROR else "nothing",
            **{f"N = {n}": _change(gains, errors, n, name, than) for n in COUNTS},
        }
        for words, (name, than) in told.items()
    ]


def _change(gains: Gains, errors: str, paintings: int, told: str, than: str = NOTHING) -> str:
    change, error = (1000 * value for value in gains.difference(errors, paintings, told, than))
    text = f"{change:+.1f} ± {error:.1f}"
    return f"**{text}**" if abs(change) > _SURE * error else text


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else math.nan

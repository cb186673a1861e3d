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
    ALL,
    BOTH,
    NO_FEET,
    NOTHING,
    SAME_ERROR,
    TRUTH,
    Gains,
    as_error,
    as_weight,
    taken_rightly,
)

_TENTH = 0.1
_SURE = 2.0
"""Differences beyond so many standard errors are set in bold."""


class Correlation(NamedTuple):
    """How a cue goes with the errors of votes.

    people: for how many it says something; spearman: its correlation with their |error|.
    worst, best: the root mean square error of its worst and its best tenth.
    """

    people: int
    spearman: float
    worst: float
    best: float


def correlation(cue: NDArray[np.float64], error: NDArray[np.float64], worse: str) -> Correlation:
    """How a cue (O,), NaN where it says nothing, goes with errors (O,).

    worse: which end of it is, "low" or "high". Ties at the end of a tenth all belong to it.
    """
    told = np.isfinite(cue)
    cue, error = cue[told], error[told]
    low, high = np.quantile(cue, [_TENTH, 1 - _TENTH])
    tenths = [_rms(error[cue <= low]), _rms(error[cue >= high])]
    if worse == "high":
        tenths.reverse()
    return Correlation(len(cue), float(spearmanr(cue, np.abs(error))[0]), *tenths)


def sections(scenes: Sequence[Scene], gains: Gains, learned: Mapping[str, Learned]) -> list[str]:
    """All that is to be said, in Markdown."""
    models = list(dict.fromkeys(scene.errors for scene in scenes))
    parts = ["## Whose votes are wrong\n"]
    for errors in models:
        parts.append(_about_errors([scene for scene in scenes if scene.errors == errors]))
    parts += [
        "## What was learned\n",
        "With x = (cue - mean) / deviation: b of the log odds of being what one is taken for, and "
        "c of the log of one's own error.\n",
        markdown(_functions(learned)) + "\n",
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
            }
        )
    return (
        f"### {scenes[0].errors}: {len(error)} people in {len(scenes)} scenes\n\n"
        f"Root mean square error of all: {_rms(error):.3f}; of the {int((~right).sum())} who are "
        f"things or of quite another size: {_rms(error[~right]):.3f}; of the others: "
        f"{_rms(error[right]):.3f}.\n\n{markdown(rows)}\n"
    )


def _functions(learned: Mapping[str, Learned]) -> list[dict[str, str]]:
    rows = []
    for at, cue in enumerate(CUES):
        weight, error = learned[as_weight(cue)], learned[as_error(cue)]
        rows.append(
            {
                "cue": cue,
                "mean": f"{weight.mean[0]:.3g}",
                "deviation": f"{weight.deviation[0]:.3g}",
                "b": f"{weight.of_odds[0]:+.2f}",
                "c": f"{error.of_error[0]:+.3f}",
                "b, with all": f"{learned[as_weight(ALL)].of_odds[at]:+.2f}",
                "c, with all": f"{learned[as_error(ALL)].of_error[at]:+.3f}",
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
        for cue in (*CUES, ALL)
    ]


def _references(gains: Gains, errors: str) -> list[dict[str, str]]:
    told = {
        "all cues, as weight and own error": BOTH,
        "the same own error for everybody": SAME_ERROR,
        "who is a thing or of another size, if that were known": TRUTH,
        "without feet": NO_FEET,
    }
    return [
        {"told": words, **{f"N = {n}": _change(gains, errors, n, name) for n in COUNTS}}
        for words, name in told.items()
    ]


def _change(gains: Gains, errors: str, paintings: int, told: str, than: str = NOTHING) -> str:
    change, error = (1000 * value for value in gains.difference(errors, paintings, told, than))
    text = f"{change:+.1f} ± {error:.1f}"
    return f"**{text}**" if abs(change) > _SURE * error else text


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else math.nan

"""Which photos the page shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from mfh.evaluation.scoring.scores import PhotoScore


def worst_and_best(
    scores: Iterable[PhotoScore], count: int
) -> tuple[list[PhotoScore], list[PhotoScore]]:
    """A row's photos of the largest AbsRel, the worst first, and of the smallest, the best first.

    At most `count` each. Of a photo with several seeds its worst counts, or its best; no photo is
    in both lists where its seeds agree, the worst half of a few photos is worst.
    """
    ranked = sorted(_scored(scores), key=lambda score: (-score.values["abs_rel"], score.name))
    photos = len({score.name for score in ranked})
    worst = _first_of_each(ranked, min(count, (photos + 1) // 2))
    best = _first_of_each(reversed(ranked), min(count, photos // 2))
    return worst, best


def most_different(
    scores: Iterable[PhotoScore], rows: Sequence[str], count: int
) -> Sequence[Mapping[str, PhotoScore]]:
    """The scores, by row, of the photos whose AbsRel differs most between rows, as a ratio.

    Only photos that every row has scored; of several seeds the first.
    """
    photos: dict[str, dict[str, PhotoScore]] = {}
    for score in _scored(scores):
        photos.setdefault(score.name, {}).setdefault(score.row, score)
    complete = [of_rows for of_rows in photos.values() if set(rows) <= of_rows.keys()]
    return sorted(complete, key=_ratio, reverse=True)[:count]


def _scored(scores: Iterable[PhotoScore]) -> Iterable[PhotoScore]:
    return (score for score in scores if math.isfinite(score.values.get("abs_rel", math.nan)))


def _first_of_each(ranked: Iterable[PhotoScore], count: int) -> list[PhotoScore]:
    """The first score of each photo, of at most `count` photos."""
    firsts: dict[str, PhotoScore] = {}
    for score in ranked:
        if len(firsts) == count:
            break
        firsts.setdefault(score.name, score)
    return list(firsts.values())


def _ratio(of_rows: Mapping[str, PhotoScore]) -> float:
    errors = [max(score.values["abs_rel"], 1e-6) for score in of_rows.values()]
    return max(errors) / min(errors)

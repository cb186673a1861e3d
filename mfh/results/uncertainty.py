"""How far a result may be off, in words."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mfh.records import Counts, MetricDepth
from mfh.results.percentiles import sampled

# "Near" and "far" are the nearest and the farthest tenth of a photo.
_TENTH, _NINE_TENTHS = 10, 90
_UNKNOWN = "error unknown"
# How far more of them would lessen it depends on where they are.
_MORE_DISTANCES = "more known distances, nearer and farther, lessen the error"
_MORE_ANSWERS = "a distance that is measured lessens the error more than answers do"


def percent_in_words(error: float) -> str:
    """A relative error as "± 9 %": a whole number from 1 % on, below it one decimal."""
    percent = 100 * error
    if percent < 0.1:
        return "less than ± 0.1 %"
    if percent > 100:
        return "more than ± 100 %"
    return f"± {percent:.1f} %" if percent < 0.95 else f"± {percent:.0f} %"


def missed_in_words(target: float, error: float) -> str:
    """Say that an error is larger than wanted; with the error where both would read alike."""
    wanted = percent_in_words(target)
    if wanted != percent_in_words(error):
        return f"The target of {wanted} is not reached"
    for decimals in (1, 2, 3):
        wanted, reached = (f"± {100 * each:.{decimals}f} %" for each in (target, error))
        if wanted != reached:
            break
    return f"The target of {wanted} is not reached ({reached})"


def error_in_words(result: MetricDepth) -> str:
    """Say how far depth may be off, or where that is unknown how well the landmarks agree."""
    if not result.knows_error:
        return _agreement_in_words(result)
    whole = percent_in_words(result.relative_error)
    near, far = (percent_in_words(error) for error in _near_and_far_error(result))
    differing = f"; single points from {near} near to {far} far" if near != far else ""
    return f"{whole} (1 sigma{differing})"


def scale_in_words(result: MetricDepth) -> str:
    """Say what the scale rests on, and what more of that would bring."""
    head, counts = result.head, result.counts
    if head is None or counts is None:
        origin = "as the model gives it" if head is None else "as fitted"
        return origin if result.knows_error else f"{origin}; {_UNKNOWN}"
    if not head.knows_error:
        shared = (
            "; an error they share comes on top" if math.isfinite(result.relative_error) else ""
        )
        return _agreement_in_words(result) + shared
    rests_on = landmarks_in_words(counts)
    alone = counts.people + counts.points <= 1
    words = f"rests on {rests_on}" if alone else f"{rests_on} agree"
    set_aside = np.count_nonzero(~head.used)
    if set_aside:
        words += f", {set_aside} set aside"
    if counts.points:
        return f"{words}; {_MORE_ANSWERS if counts.asked == counts.points else _MORE_DISTANCES}"
    shared_error = head.shared_error
    if not math.isfinite(shared_error) or counts.people == counts.in_photo:
        # What painting would bring is not known before anybody is painted.
        return words
    at_best = percent_in_words(shared_error)
    if at_best == percent_in_words(result.relative_error):
        return f"{words}; more painted people would not lessen the error"
    return f"{words}; more painted people would bring the error to {at_best} at best"


def landmarks_in_words(counts: Counts) -> str:
    """Say what was measured by, e.g. "7 people and one known distance"."""
    kinds = [
        (counts.people, "one person", "people"),
        (counts.points - counts.asked, "one known distance", "known distances"),
        (counts.asked, "one answer of a model", "answers of a model"),
    ]
    words = [one if count == 1 else f"{count} {many}" for count, one, many in kinds if count]
    return _listed(words) or "nobody"


def kinds_in_words(counts: Counts) -> str:
    """Say what kinds of landmarks were measured by, e.g. "people and known distances"."""
    kinds = ["people"] * (counts.people > 0)
    kinds += ["known distances"] * (counts.points > counts.asked)
    kinds += ["answers of a model"] * (counts.asked > 0)
    return _listed(kinds) or "people"


def _listed(words: list[str]) -> str:
    *others, last = words or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _agreement_in_words(result: MetricDepth) -> str:
    """Say how well the votes on the scale agree, which is all there is to go by."""
    counts = result.counts
    if counts is None:
        return _UNKNOWN
    if not math.isfinite(result.relative_error):
        return f"rests on {landmarks_in_words(counts)}; {_UNKNOWN}"
    within = percent_in_words(result.relative_error)
    return f"the {kinds_in_words(counts)} agree to {within} (1 sigma of their mean)"


def _near_and_far_error(result: MetricDepth) -> tuple[float, float]:
    """Medians of the error map over the nearest and the farthest tenth of the finite depths."""
    if result.relative_error_map is None:
        return result.relative_error, result.relative_error
    depth_m, error = sampled(result.depth_m), sampled(result.relative_error_map)
    known = np.isfinite(depth_m) & np.isfinite(error)
    if not known.any():
        return result.relative_error, result.relative_error
    depth_m, error = depth_m[known], error[known]
    near_m, far_m = np.percentile(depth_m, (_TENTH, _NINE_TENTHS))
    return _median(error[depth_m <= near_m]), _median(error[depth_m >= far_m])


def _median(values: NDArray[np.float32]) -> float:
    return float(np.median(values))

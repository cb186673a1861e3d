"""Why painting stopped, in words."""

from __future__ import annotations

import math

from mfh.records import MetricHead
from mfh.results.uncertainty import missed_in_words, percent_in_words
from mfh.rounds import WORTHWHILE, Rounds, Stopped, paintings_to_reach
from mfh.settings import MOST_PAINTINGS

_KNOWN_DISTANCE = "--landmark x,y=METRES"


def painting_in_words(
    rounds: Rounds, stopped: Stopped, painted: int, head: MetricHead, *, people: bool
) -> str:
    """How much was painted, and why no more.

    people: whether people were measured; else known distances alone were used.
    """
    if rounds.at_most == 0:
        return "none, as asked" if people else "none: known distances are given"
    if stopped == "target reached":
        error = percent_in_words(head.relative_error)
        if painted == 0:
            return f"none: with the photo's own people the error is {error}, as wanted"
        return f"{painted} of at most {rounds.at_most}: the error is {error}, as wanted"
    if stopped == "nothing to gain":
        return (
            f"{painted} of at most {rounds.at_most}: the others would lessen the error by less "
            "than a tenth"
        )
    return f"all {painted}"


def missed_target(
    rounds: Rounds, stopped: Stopped, painted: int, head: MetricHead, *, people: bool
) -> str:
    """What to tell the user where the error is larger than wanted: why, and what to do; or "".

    The error itself is in it only where it reads like the target: photos that miss their target for
    one reason share the sentences.
    """
    target = rounds.target_error
    if stopped == "target reached" or target == 0 or not head.knows_error:
        return ""
    missed = missed_in_words(target, head.relative_error)
    if rounds.at_most == 0 and people:
        return (
            f"{missed}, and nothing was painted, as asked. A known distance lessens the error: "
            f"{_KNOWN_DISTANCE}."
        )
    if rounds.at_most == 0:
        return (
            f"{missed} by the known distances alone. More of them, nearer and farther, lessen the "
            "error; so may people, painted with --paint always."
        )
    remedy = f"A known distance does more: {_KNOWN_DISTANCE}."
    if (1 - WORTHWHILE) * head.relative_error <= target:
        return (
            f"{missed}, if only just: more paintings would lessen the error by less than a "
            f"tenth. {remedy}"
        )
    needed = paintings_to_reach(target, head, painted)
    if math.isfinite(head.shared_error) and needed > MOST_PAINTINGS:
        return (
            f"{missed}: what is left is the painter's own misreading of the scene, and no number "
            f"of paintings lessens that. {remedy}"
        )
    more = f"; about {math.ceil(needed)} would do" if math.isfinite(needed) else ""
    return f"{missed} with {painted} paintings{more}. {remedy}"


def so_far_in_words(rounds: Rounds, head: MetricHead | None) -> str:
    """How much may be painted, and the error now; "" where all is painted at once."""
    if rounds.first == rounds.at_most:
        return ""
    words = f"of at most {rounds.at_most}"
    if head is None or not head.knows_error:
        return words
    return f"{words}, now {percent_in_words(head.relative_error)}"

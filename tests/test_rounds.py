"""When painting stops, what a run needs, and what is said of both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mfh.errors import InputError
from mfh.records import MetricHead
from mfh.results.uncertainty import missed_in_words
from mfh.rounds import Rounds, paintings_to_reach, stages_needed
from mfh.why_stopped import missed_target, painting_in_words, so_far_in_words

ALL = ("painted", "people", "disparity")


def head(relative_error, shared_error=0.0, *, known=True):
    covariance = np.eye(2) if known else np.full((2, 2), np.nan)
    return MetricHead(
        1.0,
        0.0,
        "disparity",
        "robust",
        0.0,
        relative_error,
        np.ones(3, bool),
        "converged",
        covariance=covariance,
        shared_error=shared_error,
    )


def until(target=0.1, at_most=32, first=0, step=4):
    return Rounds.until(target, at_most=at_most, first=first, step=step)


@pytest.mark.parametrize(
    ("paint", "known_distances", "painted_files", "needed"),
    [
        ("auto", False, False, ALL),
        ("auto", True, False, ("disparity",)),
        ("auto", True, True, ALL),
        ("auto", False, True, ALL),
        ("always", False, False, ALL),
        ("always", True, False, ALL),
        ("never", False, False, ("people", "disparity")),
        ("never", True, False, ("people", "disparity")),
    ],
)
def test_what_a_run_needs(paint, known_distances, painted_files, needed):
    found = stages_needed(paint, known_distances=known_distances, painted_files=painted_files)
    assert found == needed


def test_painted_photos_and_never_exclude_each_other():
    with pytest.raises(InputError, match="--paint never uses none"):
        stages_needed("never", known_distances=False, painted_files=True)


def test_it_stops_at_the_target_and_not_before():
    rounds = until()
    assert rounds.stopped(head(0.1001), 4) is None
    assert rounds.stopped(head(0.1), 4) == "target reached"
    assert rounds.stopped(head(0.05), 0) == "target reached", "the photo's own people do"
    assert rounds.stopped(head(0.1), 32) == "target reached", "the better of two reasons"
    assert rounds.stopped(head(0.11), 32) == "all painted"
    assert rounds.stopped(None, 28) is None
    assert rounds.stopped(None, 32) == "all painted"


def test_it_stops_where_the_rest_would_gain_less_than_a_tenth():
    """Planted: e^2 = shared^2 + own^2 / n, so that all 32 bring sqrt(shared^2 + own^2 / 32)."""
    rounds, shared, own = until(), 0.12, 0.2
    gains = {}
    for painted in range(4, 32, 4):
        now = math.hypot(shared, own / math.sqrt(painted))
        at_best = math.hypot(shared, own / math.sqrt(32))
        gains[painted] = 1 - at_best / now
        expected = "nothing to gain" if gains[painted] < 0.1 else None
        assert rounds.stopped(head(now, shared), painted) == expected, painted
    assert gains[4] > 0.1 > gains[12], "both cases are there"


def test_the_photos_own_people_say_nothing_of_what_painting_would_bring():
    assert until().stopped(head(0.2, 0.2), 0) is None
    assert until().stopped(head(0.2, 0.2), 4) == "nothing to gain"


def test_an_error_that_is_not_known_ends_nothing():
    """The paper's losses tell how far people disagree; what they share is not in it."""
    assert not head(0.01, known=False).knows_error
    assert until().stopped(head(0.01, known=False), 8) is None
    assert until().stopped(head(math.nan, known=True), 8) is None
    assert until().stopped(head(0.2, math.nan), 8) is None, "what is shared is not known"


def test_rounds_are_of_one_size_up_to_the_last():
    rounds = until(at_most=10)
    assert (rounds.first, rounds.after(0), rounds.after(4), rounds.after(8)) == (0, 4, 8, 10)
    assert until(at_most=3, first=4).first == 3
    assert until(target=0) == Rounds.all_at_once(32)
    assert Rounds.all_at_once(32).first == 32
    assert Rounds.all_at_once(32).stopped(head(0.001), 32) == "all painted"
    assert until(at_most=0).stopped(head(0.2), 0) == "all painted"


def test_how_many_paintings_reach_a_target():
    """Planted: 0.05 shared and 0.2 / sqrt(n) of their own; 0.1 takes 0.04 / 0.0075 of them."""
    found = paintings_to_reach(0.1, head(math.hypot(0.05, 0.2 / 2), 0.05), 4)
    assert found == pytest.approx(0.04 / 0.0075)
    assert paintings_to_reach(0.1, head(0.2, 0.1), 4) == math.inf
    assert paintings_to_reach(0.1, head(0.2, math.nan), 4) == math.inf
    assert paintings_to_reach(0.1, head(0.2, 0.0), 0) == math.inf


@pytest.mark.parametrize(
    ("rounds", "stopped", "painted", "error", "people", "words"),
    [
        (until(), "target reached", 8, 0.09, True, "8 of at most 32: the error is ± 9 %, as"),
        (until(), "target reached", 0, 0.09, True, "none: with the photo's own people the error"),
        (until(), "nothing to gain", 12, 0.13, True, "12 of at most 32: the others would lessen"),
        (until(), "all painted", 32, 0.13, True, "all 32"),
        (until(at_most=0), "all painted", 0, 0.2, True, "none, as asked"),
        (until(at_most=0), "all painted", 0, 0.2, False, "none: known distances are given"),
    ],
)
def test_why_painting_stopped_is_said(rounds, stopped, painted, error, people, words):
    assert painting_in_words(rounds, stopped, painted, head(error), people=people).startswith(words)


@pytest.mark.parametrize(
    ("rounds", "painted", "fit", "people", "words"),
    [
        (
            until(),
            32,
            head(0.13, 0.12),
            True,
            "The target of ± 10 % is not reached: what is left is the painter's own",
        ),
        (
            until(),
            32,
            head(0.13, 0.0),
            True,
            "is not reached with 32 paintings; about 55 would do.",
        ),
        (
            until(),
            32,
            head(0.13, math.nan),
            True,
            "is not reached with 32 paintings. A known distance does",
        ),
        (
            until(),
            32,
            head(0.104, 0.05),
            True,
            "The target of ± 10.0 % is not reached (± 10.4 %), if only just: more paintings would",
        ),
        (until(at_most=0), 0, head(0.13), True, "nothing was painted, as asked"),
        (
            until(at_most=0),
            0,
            head(0.13),
            False,
            "not reached by the known distances alone. More of them",
        ),
    ],
)
def test_a_missed_target_is_said_with_what_to_do(rounds, painted, fit, people, words):
    said = missed_target(rounds, "all painted", painted, fit, people=people)
    assert words in said
    assert said.endswith(".")
    assert ("--landmark x,y=METRES" in said) == people


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (0.1, 0.2, "The target of ± 10 % is not reached"),
        (0.1, 0.1043, "The target of ± 10.0 % is not reached (± 10.4 %)"),
        (0.1, 0.10004, "The target of ± 10.000 % is not reached (± 10.004 %)"),
    ],
)
def test_an_error_that_reads_like_its_target_is_told_more_exactly(target, error, words):
    assert missed_in_words(target, error) == words


def test_nothing_is_said_of_a_target_that_is_reached_or_none():
    assert missed_target(until(), "target reached", 4, head(0.09), people=True) == ""
    assert missed_target(until(target=0), "all painted", 32, head(0.9), people=True) == ""
    unknown = head(0.2, known=False)
    assert missed_target(until(), "all painted", 32, unknown, people=True) == ""


def test_what_is_said_while_it_paints():
    assert so_far_in_words(until(), None) == "of at most 32"
    assert so_far_in_words(until(), head(0.13)) == "of at most 32, now ± 13 %"
    assert so_far_in_words(until(), head(0.13, known=False)) == "of at most 32"
    assert so_far_in_words(Rounds.all_at_once(32), None) == ""

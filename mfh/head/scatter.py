"""How residuals scatter: what is usual, heavy tails, and scatters that are guessed to a third."""

from __future__ import annotations

import math

import numpy as np

from mfh.head.expectations import Expectations
from mfh.head.votes import Vector, Votes
from mfh.records import POINT_KINDS

_FREEDOM = 4.0
"""Degrees of freedom of Student's t, for feet and camera height."""
_GUESS = 0.35
"""How far off a guessed scatter may be: the standard deviation of its logarithm."""
_STEPS = 60
_CONVERGED = 1e-4


def scatter_beside_painter(votes: Votes, expected: Expectations) -> Vector:
    """1 sigma of what each vote is off by itself, but for how painters scatter, (O,).

    With e the `relative_error` of the vote, and in squares:

    - painted people `max(0, e^2 - body^2)`: what is usual is within the painter's scatter, which is
      learned from the residuals of measured people,
    - people of the photo `person^2 - body^2 + e^2`, and `person^2` where e is not known,
    - known distances `e^2 + disparity^2`, where e of asked points is `asked_point` if not known.
    """
    kind = np.array(votes.kind)
    point = np.isin(kind, list(POINT_KINDS))
    known = ~np.isnan(votes.relative_error)
    error = np.where(known, votes.relative_error, 0.0)
    more = np.where(known, error**2 - expected.body**2, 0.0)
    rest = np.sqrt(max(0.0, expected.person**2 - expected.body**2))
    of_person = np.where(known, np.hypot(rest, error), expected.person)
    of_answer = np.where(known, error, expected.asked_point)
    of_point = np.hypot(np.where(kind == "asked point", of_answer, error), expected.disparity)
    beside = np.where(kind == "painted person", np.sqrt(np.maximum(0.0, more)), of_person)
    return np.where(point, of_point, beside)


def t_weight(residual: Vector, scatter: float) -> Vector:
    """What a residual weighs in a Newton step, where it is distributed as Student's t."""
    return np.asarray((_FREEDOM + 1) / (_FREEDOM * scatter**2 + residual**2))


def t_cost(residual: Vector, scatter: float) -> Vector:
    """Minus the log of that density, but for a constant."""
    return np.asarray(
        (_FREEDOM + 1) / 2 * np.log1p((residual / scatter) ** 2 / _FREEDOM) + math.log(scatter)
    )


def likeliest_scatter(guess: float, squares: float, count: float) -> float:
    """The scatter that makes `count` residuals and the guess most likely together.

    Minimises `count u + squares e^(-2u) / 2 + (u - log guess)^2 / (2 _GUESS^2)` over its log u, a
    convex function, by Newton's method.
    """
    u = start = math.log(guess)
    for _ in range(_STEPS):
        pull = squares * math.exp(-2 * u)
        step = (count - pull + (u - start) / _GUESS**2) / (2 * pull + _GUESS**-2)
        u -= max(-1.0, min(1.0, step))
        if abs(step) < _CONVERGED:
            break
    return math.exp(u)


def guess_cost(scatter: float, guess: float) -> float:
    """Minus the log of how likely a scatter is beforehand, but for a constant."""
    return 0.5 * (math.log(scatter / guess) / _GUESS) ** 2

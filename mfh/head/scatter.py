"""How residuals scatter: Student's t for heavy tails, and scatters guessed to a third."""

from __future__ import annotations

import math

import numpy as np

from mfh.head.votes import Vector

_FREEDOM = 4.0
"""Degrees of freedom of Student's t, for feet and camera height."""
_GUESS = 0.35
"""How far off a guessed scatter may be: the standard deviation of its logarithm."""
_STEPS = 60
_CONVERGED = 1e-4


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

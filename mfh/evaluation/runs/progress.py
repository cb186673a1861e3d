"""How an evaluation tells its caller what it is doing, and how long the rest will take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mfh.evaluation.engines.base import Outcome
from mfh.evaluation.methods.base import Row


class EvaluationProgress:
    """Receives an evaluation's progress; the base class ignores it."""

    def damaged(self, path: Path) -> None:
        """A prediction that was there is damaged, and will be made again."""

    def begin(self, there: int, to_make: int) -> None:
        """So many predictions are there already, and so many are to be made."""

    def row(self, row: Row, to_make: int) -> None:
        """A row begins, of which so many predictions are to be made."""

    def done(self, row: Row, outcome: Outcome, seconds_left: float) -> None:
        """A prediction was made, or failed; time left is NaN where it cannot be told."""

    def skipped(self, row: Row, reason: str, left: int) -> None:
        """A row cannot run here; so many predictions of it are left out."""


class TimeLeft:
    """Estimates the time that is left, from what predictions took so far.

    to_make: how many predictions each row lacks.

    A row's predictions are taken to last as long as those it has had, and those of a row that has
    had none as long as all there were. Time is that between one prediction and the next, whoever
    computes them, so that several workers count for what they are worth.
    """

    def __init__(
        self, to_make: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._left = dict(to_make)
        self._spent_s = dict.fromkeys(to_make, 0.0)
        self._made = dict.fromkeys(to_make, 0)
        self._clock = clock
        self._last = clock()

    def made(self, row: str) -> None:
        """A prediction of a row is there."""
        now = self._clock()
        self._spent_s[row] += now - self._last
        self._made[row] += 1
        self._left[row] -= 1
        self._last = now

    def skipped(self, row: str) -> int:
        """Nothing more of a row will be made; gives how many are left out."""
        left, self._left[row] = self._left[row], 0
        self._last = self._clock()
        return left

    @property
    def count(self) -> int:
        """How many predictions are left."""
        return sum(self._left.values())

    @property
    def seconds(self) -> float:
        """The time that is left; NaN where nothing was predicted yet."""
        made = sum(self._made.values())
        if not self.count:
            return 0.0
        if not made:
            return math.nan
        usual_s = sum(self._spent_s.values()) / made
        return sum(
            left * (self._spent_s[row] / self._made[row] if self._made[row] else usual_s)
            for row, left in self._left.items()
        )

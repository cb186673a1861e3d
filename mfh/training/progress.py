"""How a training tells its caller what it is doing, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mfh.errors import MfhError


@dataclass(frozen=True)
class EpochScores:
    """How a model did on the photos that are held out.

    epoch: counted from 1. step: the steps taken so far.
    loss: the training's loss of each photo, averaged over photos.
    abs_rel: mean(|predicted - true| / true) of each photo, averaged over photos.
    """

    epoch: int
    step: int
    loss: float
    abs_rel: float

    @property
    def product(self) -> float:
        """What the best epoch has least of.

        The paper selects "based on the validation loss and Abs Rel" and does not say how. In the
        product a per cent of either counts the same, whatever their units.
        """
        return self.loss * self.abs_rel


class TrainingProgress:
    """Receives a training's progress; the base class ignores it."""

    def begin(self, done: int, total: int, photos: int, held_out: int) -> None:
        """So many steps of all are done already; how many photos are trained on, and held out."""

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        """A step was taken."""

    def validated(self, scores: EpochScores, best: bool) -> None:
        """An epoch was validated; whether it is the best so far."""

    def saved(self, step: int) -> None:
        """A checkpoint was written, from which the training goes on."""

    def interrupted(self) -> None:
        """Ctrl-C was heard: the training ends after this step, with a checkpoint.

        Called by a signal's handler, in which streams may be locked.
        """


class ToldByMainError(MfhError):
    """What is wrong in every process of a training alike: the main one tells what it is.

    Of several processes the others end with this, with the same message.
    """


class TimeLeft:
    """Estimates the time that is left, from all the time that the steps of this process took.

    Validation counts in, as it comes between steps.
    """

    def __init__(self, steps_left: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = steps_left
        self._taken = 0
        self._clock = clock
        self._began = clock()

    def taken(self) -> float:
        """A step was taken; gives the seconds that are left."""
        self._taken += 1
        self._left -= 1
        return (self._clock() - self._began) / self._taken * self._left

"""How many steps there are, and the learning rate of each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mfh.estimators.clip2depth.training.settings import TrainingSettings


@dataclass(frozen=True)
class Schedule:
    """The steps of a training.

    steps_per_epoch, steps: of an epoch, and of all.
    learning_rate: of the first step.
    """

    steps_per_epoch: int
    steps: int
    learning_rate: float

    @classmethod
    def of(cls, settings: TrainingSettings, photos: int) -> Schedule:
        """The schedule of a training on so many photos."""
        of_epoch = max(1, photos // settings.batch)
        steps = settings.epochs * of_epoch
        return cls(of_epoch, min(steps, settings.steps or steps), settings.learning_rate)

    def learning_rate_of(self, step: int) -> float:
        """The learning rate of a step, counted from 0: a half cosine to zero after the last.

        Cosine annealing without restarts (Loshchilov & Hutter, ICLR 2017, Eq. 5).
        """
        return self.learning_rate * (1 + math.cos(math.pi * step / self.steps)) / 2

    def epoch_of(self, step: int) -> int:
        """Which epoch a step, counted from 0, belongs to, counted from 0."""
        return step // self.steps_per_epoch

    def validations(self, done: int) -> int:
        """How many validations are due when so many steps are done: after epochs and at the end."""
        whole, begun = divmod(done, self.steps_per_epoch)
        return whole + (1 if begun and done == self.steps else 0)

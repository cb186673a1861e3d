"""The logs of a training: CSV, and TensorBoard where that is installed."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from mfh.training.csv_log import CsvLog
from mfh.training.progress import EpochScores

STEPS_NAME, EPOCHS_NAME, TENSORBOARD_NAME = "steps.csv", "epochs.csv", "tensorboard"


class Logs:
    """A context that logs steps and epochs; this class forgets them, as all but one process do."""

    def __enter__(self) -> Logs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the files."""

    def step(self, step: int, epoch: int, loss: float, learning_rate: float) -> None:
        """A step, counted from 1: its loss, before it was taken, and its learning rate."""

    def epoch(self, scores: EpochScores) -> None:
        """An epoch was validated."""

    def sync(self) -> None:
        """Have the disk take what was logged."""


class FileLogs(Logs):
    """Logs in a folder: `steps.csv`, `epochs.csv`, and `tensorboard/` where it is installed.

    done, validated: the steps and validations that the checkpoint has; later lines are taken off.
    """

    def __init__(self, folder: Path, *, done: int, validated: int) -> None:
        self._open = ExitStack()
        self._steps = self._open.enter_context(
            CsvLog(folder / STEPS_NAME, ("step", "epoch", "loss", "learning_rate"), last_step=done)
        )
        self._epochs = self._open.enter_context(
            CsvLog(folder / EPOCHS_NAME, ("epoch", "step", "loss", "abs_rel"), last_step=validated)
        )
        self._folder, self._done = folder, done

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the files."""
        self._open.close()

    def step(self, step: int, epoch: int, loss: float, learning_rate: float) -> None:
        """Log a step."""
        self._steps.add(
            {"step": step, "epoch": epoch, "loss": loss, "learning_rate": learning_rate}
        )
        self._show("training", step, loss=loss, learning_rate=learning_rate)

    def epoch(self, scores: EpochScores) -> None:
        """Log a validation."""
        self._epochs.add(
            {
                "epoch": scores.epoch,
                "step": scores.step,
                "loss": scores.loss,
                "abs_rel": scores.abs_rel,
            }
        )
        self._show("validation", scores.step, loss=scores.loss, abs_rel=scores.abs_rel)

    def sync(self) -> None:
        """Have the disk take what was logged."""
        self._steps.sync()
        self._epochs.sync()

    @cached_property
    def _board(self) -> Any:
        """A writer of TensorBoard's files, None where it is not installed.

        Made for the first number: a training that has ended is given no further file.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - optional
        except ImportError:
            return None
        board = SummaryWriter(str(self._folder / TENSORBOARD_NAME), purge_step=self._done + 1)
        self._open.callback(board.close)
        return board

    def _show(self, of: str, step: int, **values: float) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{of}/{name}", value, step)

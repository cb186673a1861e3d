"""What a training looks like in the terminal: a bar over its steps, a line for each epoch."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mfh.training.progress import EpochScores, TrainingProgress

from .launched import is_main_process, processes
from .terminal import ShownBars
from .words import counted

_LINE_EVERY_S = 30.0
_STDERR = 2
_ENDING = (
    "\nending after this step, with a checkpoint, whose writing takes minutes for a large model; "
    "interrupt it again to end at once, without one\n"
)


class TerminalTraining(ShownBars, TrainingProgress):
    """A bar with the loss and the time left; now and then a line where there is no terminal.

    saved_step: the step of the last checkpoint, from which the training goes on.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._bars = Progress(
            TextColumn("training"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}", markup=False),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("", total=None, told="", visible=False)
        self._said_at_s = 0.0
        self.saved_step = 0

    def begin(self, done: int, total: int, photos: int, held_out: int) -> None:
        """Show the bar, and say what is trained on."""
        self.saved_step = done
        self._bars.update(self._task, completed=done, total=total, visible=True)
        gone_on = f", {done} of them done already" if done else ""
        held = f"; {held_out} held out for validation" if held_out else ""
        shared = f"; shared by {processes()} processes" if processes() > 1 else ""
        self._console.print(
            f"{counted(total, 'step')}{gone_on}, on {counted(photos, 'photo')}{held}{shared}"
        )

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        """Move the bar on."""
        told = f"loss {loss:.3f}, {timedelta(seconds=round(seconds_left))} left"
        self._bars.update(self._task, completed=done, told=told)
        if self._bars.disable and time.monotonic() - self._said_at_s >= _LINE_EVERY_S:
            self._said_at_s = time.monotonic()
            self._console.print(f"{done}/{total} {told}")

    def validated(self, scores: EpochScores, best: bool) -> None:
        """Print the scores above the bar."""
        self._console.print(
            f"epoch {scores.epoch}: validation loss {scores.loss:.3f}, AbsRel "
            f"{scores.abs_rel:.3f}{', the best so far' if best else ''}"
        )

    def saved(self, step: int) -> None:
        """Remember from where it would go on."""
        self.saved_step = step

    def interrupted(self) -> None:
        """Say that it ends, when, and how it ends sooner."""
        if is_main_process():
            os.write(_STDERR, _ENDING.encode())

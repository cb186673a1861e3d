"""What `mfh curate` shows while it reads photos."""

from __future__ import annotations

import sys
import time

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from .terminal import ShownBars

_LINE_EVERY_S = 30.0


class CurationProgress(ShownBars):
    """A bar over the photos; now and then a line where there is no terminal."""

    def __init__(self) -> None:
        self._bars = Bars(
            TextColumn("reading photos"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("", total=None)
        self._said_at_s = time.monotonic()

    def advance(self, done: int, total: int) -> None:
        """So many photos are done, of all."""
        self._bars.update(self._task, completed=done, total=total)
        if self._bars.disable and time.monotonic() - self._said_at_s >= _LINE_EVERY_S:
            self._said_at_s = time.monotonic()
            typer.echo(f"{done} of {total} photos read", err=True)

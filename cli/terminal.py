"""What a run looks like in the terminal: bars while it works, a summary when it is done."""

from __future__ import annotations

import re
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from mfh.progress import Progress
from mfh.results.report import REPORT_NAME

from .status import INTERRUPTED

_Shown = TypeVar("_Shown", bound="ShownBars")

_DOING = {
    "painted": "painting people",
    "people": "measuring people",
    "landmarks": "placing landmarks",
    "disparity": "estimating disparity",
    "aligned": "aligning",
    "head": "fitting the metric head",
    "depth": "depth at full size",
    "estimated": "estimating depth",
    "questions": "asking",
    "results": "writing results",
    "scoring": "scoring",
}


# Between a number and what belongs to it a line is not broken.
_UNBROKEN = re.compile(r"(?<=±) |(?<=\d) (?=(?:%|m|px|s|sigma)(?!\w))")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_LEAST_WIDTH = 10
# Of the two cells of a table's row: one space on each side.
_AROUND_CELLS = 4


class _BusyColumn(ProgressColumn):
    """The time in which a stage was worked on, in all of its rounds."""

    def render(self, task: Task) -> Text:
        """Give it as h:mm:ss."""
        since = task.fields["since"]
        seconds = task.fields["busy"] + (0.0 if since is None else time.monotonic() - since)
        return Text(str(timedelta(seconds=int(seconds))), style="progress.elapsed")


class ShownBars:
    """A context in which bars are shown; nothing is where standard error is no terminal."""

    _bars: Bars

    def __enter__(self: _Shown) -> _Shown:
        if not self._bars.disable:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._bars.disable:
            self._bars.stop()


class TerminalProgress(ShownBars, Progress):
    """A bar for each stage, also where it is done in several rounds.

    Plain lines where standard error is no terminal.

    Warnings are left to the summary, which has them from the result.

    title: what to put in front of each line, for runs on several photos.
    transient: the bars vanish in the end.
    """

    def __init__(self, title: str = "", *, transient: bool = False) -> None:
        self._title = title
        self._console = Console(stderr=True, highlight=False)
        self._bars = Bars(
            TextColumn("{task.description:<24}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            _BusyColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            transient=transient,
            disable=not sys.stderr.isatty(),
        )
        self._tasks: dict[str, TaskID] = {}
        self._remarks: dict[str, str] = {}
        self._done: set[str] = set()

    def start(self, stage: str, total: int) -> None:
        """Show a bar, or go on with one."""
        self._pause()
        self._add(stage)
        self._bars.update(self._tasks[stage], total=total, visible=True, since=time.monotonic())

    def advance(self, stage: str) -> None:
        """Move it on."""
        self._bars.advance(self._tasks[stage])

    def remark(self, stage: str, words: str) -> None:
        """Say it beside the bar, which has its place from then on."""
        self._add(stage)
        self._remarks[stage] = words
        if stage not in self._done:
            self._bars.update(self._tasks[stage], note=words)

    def finish(self, stage: str, note: str) -> None:
        """Fill it, and say what is worth saying."""
        self._pause()
        self._done.add(stage)
        said = "" if note == "computed" else note
        in_short = said.partition(":")[0]
        self._bars.update(self._tasks[stage], note=in_short or self._remarks.get(stage, ""))
        # Reasons are too long to stand beside a bar.
        if said and (self._bars.disable or said != in_short):
            self._console.print(f"{self._title}{_DOING.get(stage, stage)}: {said}", markup=False)

    def _add(self, stage: str) -> None:
        """Give a stage its bar, which is not shown before it begins."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(
                f"{self._title}{_DOING.get(stage, stage)}",
                total=None,
                visible=False,
                note="",
                busy=0.0,
                since=None,
            )

    def _pause(self) -> None:
        """Stop the clock of the stage that was worked on."""
        for task in self._bars.tasks:
            if task.fields["since"] is not None:
                busy = task.fields["busy"] + time.monotonic() - task.fields["since"]
                self._bars.update(task.id, busy=busy, since=None)


@contextmanager
def interruptible(*, resumes: bool = True, again: str = "starts again") -> Iterator[None]:
    """End a run on Ctrl-C by saying how to go on.

    resumes: whether the same command goes on where this one stopped. again: what it does else.
    """
    try:
        yield
    except KeyboardInterrupt:
        then = "goes on where this one stopped" if resumes else again
        typer.echo(f"\ninterrupted; the same command {then}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def show_summary(
    title: str, lines: Sequence[tuple[str, str]], warnings: Sequence[str], folder: Path
) -> None:
    """Print a result: label and value a line, warnings, and where the files are."""
    console = Console(highlight=False)
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.box = None
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    labels = max((cell_len(label) for label, _ in lines), default=0)
    room = console.width - labels - _AROUND_CELLS
    for label, value in lines:
        table.add_row(label, escape(_wrapped(value, room)))
    console.print()
    console.print(table)
    for warning in warnings:
        note = _wrapped(f"note: {warning}", console.width)
        console.print(f"[yellow]note:[/]{escape(note.removeprefix('note:'))}")
    console.print(f"results in [bold]{escape(str(folder))}[/]")
    console.print(f"to look at it, open [bold]{escape(str(folder / REPORT_NAME))}[/]")


def _wrapped(text: str, width: int) -> str:
    """Text in lines of a width, each number on one line with its sign and unit.

    Rich breaks lines at no-break spaces, too.
    """
    lines = textwrap.wrap(
        _UNBROKEN.sub(_NO_BREAK, text), max(width, _LEAST_WIDTH), break_on_hyphens=False
    )
    return "\n".join(lines).replace(_NO_BREAK, " ")

"""What an evaluation looks like in the terminal: a bar with the time that is left."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mfh.datasets.recognise import quoted
from mfh.evaluation.runs.progress import EvaluationProgress

from .terminal import ShownBars
from .words import counted

if TYPE_CHECKING:
    from mfh.datasets.base import DataSet
    from mfh.evaluation.engines.base import Outcome
    from mfh.evaluation.methods.base import Row
    from mfh.evaluation.runs.running import Evaluated

_MOST_MISSING = 3


class TerminalEvaluation(ShownBars, EvaluationProgress):
    """A bar over all predictions; a line for each where standard error is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("", total=None, left="")
        self._total = self._count = 0

    def damaged(self, path: Path) -> None:
        """Name a prediction that is made again."""
        self._console.print(f"{path}: damaged, it is predicted again", markup=False)

    def begin(self, there: int, to_make: int) -> None:
        """Say how much there is to do."""
        self._total = to_make
        self._bars.update(self._task, total=to_make)
        found = f", {there} there already" if there else ""
        self._console.print(f"{counted(to_make, 'prediction')} to make{found}")

    def row(self, row: Row, to_make: int) -> None:
        """Name the row beside the bar."""
        self._bars.update(self._task, description=row.label)

    def done(self, row: Row, outcome: Outcome, seconds_left: float) -> None:
        """Move the bar on; a failure gets a line of its own."""
        self._count += 1
        left = "" if math.isnan(seconds_left) else f"{timedelta(seconds=round(seconds_left))} left"
        self._bars.update(self._task, advance=1, left=left)
        where = f"{row.key}, seed {outcome.task.seed}, {outcome.task.name}"
        if outcome.failure:
            self._console.print(f"{escape(where)}: [red]failed: {escape(outcome.failure)}[/]")
        elif self._bars.disable:
            by = f" by {outcome.worker}" if outcome.worker else ""
            text = f"{self._count}/{self._total} {where}: {outcome.seconds:.1f} s{by}, {left}"
            self._console.print(text, markup=False)

    def skipped(self, row: Row, reason: str, left: int) -> None:
        """Say that a row cannot run; why is said at the end."""
        self._bars.update(self._task, advance=left)
        self._console.print(f"{escape(row.label)}: [red]skipped, it cannot run here[/]")


def show_missing(data_set: DataSet, missing: Mapping[str, str]) -> None:
    """Name the first files of a data set that are not there."""
    if not missing:
        return
    photos = counted(len(missing), "photo")
    typer.echo(f"{photos} of {data_set.title} left out; not there:", err=True)
    for path in list(missing.values())[:_MOST_MISSING]:
        typer.echo(f"  {path}", err=True)
    if len(missing) > _MOST_MISSING:
        split = data_set.options.get("split")
        option = f" --data-option {quoted(f'split={split}')}" if split else ""
        typer.echo(
            f"  and others: mfh evaluate {data_set.name} --data {quoted(data_set.root)}{option} "
            "--check",
            err=True,
        )


def show_unfinished(result: Evaluated) -> None:
    """List the rows that could not run, and say what a further run does about failures."""
    rows_by_reason: dict[str, list[str]] = {}
    for key, reason in result.skipped.items():
        rows_by_reason.setdefault(reason, []).append(key)
    for reason, keys in rows_by_reason.items():
        rows = f"row {keys[0]} was" if len(keys) == 1 else f"rows {', '.join(keys)} were"
        typer.secho(f"{rows} skipped: {reason}", fg="red", err=True)
    if result.failed:
        typer.echo(
            f"{counted(len(result.failed), 'prediction')} failed; the same command tries again",
            err=True,
        )

"""What the commands of `mfh consistency` have in common: rows, predictions, and how one ends."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from mfh.errors import MissingPartError, SettingsError

from .options import errors_from
from .words import NO_NUMBER, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mfh.datasets.base import DataSet
    from mfh.evaluation.methods.base import Row
    from mfh.evaluation.runs.running import Evaluated

_MOST_NAMED = 5


def rows_for(
    methods: list[str] | None,
    data_set: DataSet,
    preset: str,
    changes: list[str] | None,
    options: Mapping[str, Any],
) -> list[Row]:
    """The rows of --method, `mfh` if none is given.

    Raises `SettingsError` for a method that is given the truth.
    """
    from .evaluation_rows import rows_of  # noqa: PLC0415

    rows = rows_of(
        methods or [],
        None,
        data_set=data_set.name,
        preset=preset,
        changes=changes,
        options=options,
        errors=errors_from("default", None),
        people=(),
        names=[sample.name for sample in data_set.samples()],
    )
    for row in rows:
        if row.spec.needs_truth:
            raise SettingsError(
                f"--method {row.key}: needs a depth map of every photo, which {data_set.title} "
                "lacks; take a method that predicts from photos alone"
            )
    return rows


def predicted(
    data_set: DataSet, rows: Sequence[Row], folder: Path, *, records: bool, limit: int | None = None
) -> Evaluated:
    """Predict what is not there yet, naming photos that are missing."""
    from mfh.evaluation.consistency.temporal import SEED  # noqa: PLC0415
    from mfh.evaluation.engines.serial_engine import SerialEngine  # noqa: PLC0415
    from mfh.evaluation.runs.running import evaluate  # noqa: PLC0415

    from .downloads import TerminalDownloads  # noqa: PLC0415
    from .evaluation_progress import TerminalEvaluation, show_unfinished  # noqa: PLC0415

    with TerminalDownloads() as downloads:
        for row in rows:
            # What cannot be got is named later.
            with suppress(MissingPartError, SettingsError):
                row.spec.prepare(downloads)
    with TerminalEvaluation() as progress:
        result = evaluate(
            data_set,
            rows,
            (SEED,),
            folder,
            SerialEngine(),
            records=records,
            limit=limit,
            progress=progress,
        )
    if result.missing:
        typer.echo(f"{counted(len(result.missing), 'photo')} left out; not there:", err=True)
        for path in list(result.missing.values())[:_MOST_NAMED]:
            typer.echo(f"  {path}", err=True)
    if not result.run.rows:
        show_unfinished(result)
        raise typer.Exit(1)
    return result


def new_table(title: str, columns: Sequence[str]) -> Table:
    """A table of which the first column is words, and the others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", overflow="fold")
    return table


def number(value: float, digits: int, unit: str = "") -> str:
    """A number as the table shows it; a dash for NaN."""
    return NO_NUMBER if math.isnan(value) else f"{value:.{digits}f}{unit}"


def show_end(
    result: Evaluated, failed: Sequence[tuple[str, str, str]], paths: Sequence[Path]
) -> None:
    """Say what failed and where the results are; exit with 1 where anything did.

    failed: row, which of its parts, and why. What was predicted for one row alone is no failure of
        the others.
    """
    from mfh.evaluation.scoring.scores import NOT_PREDICTED  # noqa: PLC0415

    from .evaluation_progress import show_unfinished  # noqa: PLC0415

    failed = [each for each in failed if each[2] != NOT_PREDICTED]
    for row, which, reason in failed[:_MOST_NAMED]:
        typer.secho(f"  {row}, {which}: {reason}", fg="red", err=True)
    if len(failed) > _MOST_NAMED:
        typer.echo(f"  and {len(failed) - _MOST_NAMED} more, in summary.json", err=True)
    names = ", ".join(path.name for path in paths)
    typer.echo(f"results in {result.run.folder}: {names}")
    show_unfinished(result)
    if failed or result.skipped:
        raise typer.Exit(1)

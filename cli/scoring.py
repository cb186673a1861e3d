"""Scoring a run for a command: files written, a table printed, failures listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich import table as rich
from rich.console import Console
from rich.markup import escape

from mfh.evaluation.page import write_page
from mfh.evaluation.results import Results
from mfh.evaluation.score_files import write_scores
from mfh.evaluation.scoring import score_run
from mfh.evaluation.tables import Table, score_table

from .terminal import TerminalProgress

if TYPE_CHECKING:
    from mfh.evaluation.datasets.base import DataSet
    from mfh.evaluation.run_file import RunInfo

_MOST_FAILED = 10
_SHOWN = ("delta1", "abs_rel", "silog", "rmse")
_WIDE = 100


def score_and_show(run: RunInfo, data_set: DataSet, jobs: int) -> bool:
    """Score a run, write scores, tables and page, and print what they come to.

    Returns whether every photo that something was tried with could be scored: photos that were
    added for one row need not be predicted by the others.
    """
    with TerminalProgress(transient=True) as progress:
        scores = score_run(run, data_set, jobs, progress)
    results = Results.of(run, data_set, scores)
    paths = write_scores(results)
    page = write_page(results)
    console = Console(highlight=False)
    shown = (*_SHOWN, "scaled_abs_rel") if console.width >= _WIDE else _SHOWN
    _print(console, score_table(results, shown))
    failed = [(row.row, *each) for row in results.rows for each in row.failed]
    _list_failed(failed, len(scores) - sum(len(row.not_predicted) for row in results.rows))
    names = ", ".join(path.name for path in (*paths.values(), page))
    folder = escape(str(run.folder))
    console.print(f"results in [bold]{folder}[/]: {escape(names)}", soft_wrap=True)
    return not failed


def _print(console: Console, table: Table) -> None:
    """Print a table, its sections with their headings; sources are in the files."""
    last = len(table.columns) - (table.columns[-1] == "Source")
    shown = rich.Table(title=escape(table.title), title_justify="left", title_style="bold")
    shown.box = None
    for index, heading in enumerate(table.columns[:last]):
        if index in table.text_columns:
            shown.add_column(escape(heading), overflow="fold", min_width=14)
        else:
            shown.add_column(escape(heading), justify="right", overflow="fold")
    section = ""
    for row in table.rows:
        if row.section != section:
            section = row.section
            shown.add_row(f"[dim]{escape(section)}[/]")
        shown.add_row(*map(escape, row.cells[:last]))
    console.print()
    console.print(shown)
    for note in table.notes:
        console.print(f"[dim]{escape(note)}[/]")


def _list_failed(failed: Sequence[tuple[str, str, int, str]], count: int) -> None:
    if failed:
        typer.echo(f"{len(failed)} of {count} have no score:", err=True)
    for row, name, seed, reason in failed[:_MOST_FAILED]:
        typer.secho(f"  {row}, seed {seed}, {name}: {reason}", fg="red", err=True)
    if len(failed) > _MOST_FAILED:
        typer.echo(f"  and {len(failed) - _MOST_FAILED} more, in scores.csv", err=True)

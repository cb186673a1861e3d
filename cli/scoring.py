"""Scoring a run for a command: files written, a table printed, failures listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich import table as rich
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape

from mfh.evaluation.page import write_page
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.score import score_run
from mfh.evaluation.scoring.score_files import write_scores
from mfh.evaluation.tables.quantities import QUANTITIES
from mfh.evaluation.tables.tables import Table, score_table

from .terminal import TerminalProgress

if TYPE_CHECKING:
    from mfh.datasets.base import DataSet
    from mfh.evaluation.runs.run_file import RunInfo

_MOST_FAILED = 10
# The most important first: what does not fit is left out from the end.
_SHOWN = ("delta1", "abs_rel", "silog", "rmse", "scaled_abs_rel")
_NARROWEST_WORDS = 14
_GAP = 2


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
    _print_scores(console, results)
    failed = [(row.row, *each) for row in results.rows for each in row.failed]
    _list_failed(failed, len(scores) - sum(len(row.not_predicted) for row in results.rows))
    names = ", ".join(path.name for path in (*paths.values(), page))
    folder = escape(str(run.folder))
    console.print(f"results in [bold]{folder}[/]: {escape(names)}", soft_wrap=True)
    return not failed


def _print_scores(console: Console, results: Results) -> None:
    """Print as many columns of scores as the terminal has room for, and name the others."""
    for count in range(len(_SHOWN), 0, -1):
        table = score_table(results, _SHOWN[:count])
        if _narrowest(table) <= console.width:
            break
    _print(console, table)
    left_out = [QUANTITIES[name].heading for name in _SHOWN[count:]]
    if left_out:
        told = f"No room here for {'; '.join(left_out)}: see table.md."
        console.print(f"[dim]{escape(told)}[/]")


def _print(console: Console, table: Table) -> None:
    """Print a table, its sections with their headings; sources are in the files.

    Words are wrapped where there is no room for them, numbers never.
    """
    shown = rich.Table(title=escape(table.title), title_justify="left", title_style="bold")
    shown.box, shown.pad_edge, shown.padding = None, False, (0, _GAP, 0, 0)
    columns = _columns(table)
    for index in columns:
        if index in table.text_columns:
            shown.add_column(escape(table.columns[index]), overflow="fold")
        else:
            width = _least_width(table, index)
            shown.add_column(escape(table.columns[index]), justify="right", width=width)
    section = ""
    for row in table.rows:
        if row.section != section:
            section = row.section
            shown.add_row(f"[dim]{escape(section)}[/]")
        shown.add_row(*(escape(row.cells[index]) for index in columns))
    console.print()
    # A terminal that is too narrow for one score breaks lines; digits are not lost.
    Console(highlight=False, width=max(console.width, _narrowest(table))).print(shown)
    for note in table.notes:
        console.print(f"[dim]{escape(note)}[/]")


def _columns(table: Table) -> range:
    return range(len(table.columns) - (table.columns[-1] == "Source"))


def _narrowest(table: Table) -> int:
    """How wide a terminal has to be for a table."""
    return sum(_least_width(table, index) + _GAP for index in _columns(table)) - _GAP


def _least_width(table: Table, index: int) -> int:
    """The width of a column in which no number, and no word of a heading, is broken."""
    least = max(map(cell_len, table.columns[index].split()), default=0)
    widest = max((cell_len(row.cells[index]) for row in table.rows), default=0)
    words = index in table.text_columns
    return max(least, min(widest, _NARROWEST_WORDS) if words else widest)


def _list_failed(failed: Sequence[tuple[str, str, int, str]], count: int) -> None:
    if failed:
        typer.echo(f"{len(failed)} of {count} have no score:", err=True)
    for row, name, seed, reason in failed[:_MOST_FAILED]:
        typer.secho(f"  {row}, seed {seed}, {name}: {reason}", fg="red", err=True)
    if len(failed) > _MOST_FAILED:
        typer.echo(f"  and {len(failed) - _MOST_FAILED} more, in scores.csv", err=True)

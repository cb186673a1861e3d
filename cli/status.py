"""How a command ends: its exit status, and what it says then."""

from __future__ import annotations

import sys

import typer

INTERRUPTED = 130
"""The exit status of a command that Ctrl-C ended, as shells count it."""


def show_error(message: str) -> None:
    """Print what went wrong; in a terminal the lines are broken between words."""
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    if not sys.stderr.isatty():
        typer.echo(message, err=True)
        return
    from rich.console import Console  # noqa: PLC0415 - keeps `mfh --help` quick

    Console(stderr=True, highlight=False, markup=False).print(message)

"""`mfh`: the commands, and how an error ends one."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from mfh.errors import MfhError

from .app import app as app_command
from .ask import AskCommand, ask
from .consistency import consistency
from .curate import curate
from .demo import demo
from .doctor import doctor
from .evaluate import evaluate
from .models import models
from .predict import predict
from .score import score
from .simulate import simulate
from .status import INTERRUPTED, show_error
from .train import train

app = typer.Typer(
    name="mfh",
    help="Depth in metres of every pixel of one photo, with people as the ruler.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(predict)
app.command(cls=AskCommand)(ask)
app.command()(simulate)
app.command()(demo)
app.command("app")(app_command)
app.command()(evaluate)
app.command()(score)
app.command()(curate)
app.add_typer(train, name="train")
app.command()(doctor)
app.add_typer(models, name="models")
app.add_typer(consistency, name="consistency")


def _show_version(wanted: bool) -> None:
    if wanted:
        from mfh import __version__  # noqa: PLC0415

        typer.echo(f"mfh {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command line.

    An error of `mfh` ends it with its message and exit status 1, Ctrl-C with that of shells.
    """
    # What a batch system sends ends a run as cleanly as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except MfhError as error:
        show_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

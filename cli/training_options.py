"""What the commands of `mfh train` share: their settings, and how Ctrl-C ends them."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from mfh.errors import SettingsError
from mfh.settings import Device
from mfh.training.progress import ToldByMainError

from .launched import is_main_process, processes
from .options import pair, parsed
from .status import INTERRUPTED

_FAILED = 1
# Time for the main process to tell what is wrong: when one has ended, the launcher ends all.
_TELLING_S = 5.0

if TYPE_CHECKING:
    from .training_progress import TerminalTraining


StepsOption = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="At most so many steps in all.", show_default=False),
]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=0, help="Processes that read photos, for each GPU.")
]


def chosen_settings(
    changes: list[str] | None, known: Mapping[str, Any], example: str, **options: Any
) -> dict[str, Any]:
    """The settings that `--set` and options of their own ask for, those that are None left out.

    known: the default of every setting. example: of a NAME=VALUE, for messages.

    Raises `SettingsError`.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    for change in changes or []:
        name, text = pair(change, "--set", example)
        if name not in known:
            raise SettingsError(f"--set {name}: there are {', '.join(known)}")
        chosen[name] = parsed(name, text, known[name])
    return chosen


def device_of(text: str | None) -> Device:
    """The device that --device names. Raises `SettingsError`."""
    for known in get_args(Device):
        if text in (None, known):
            device: Device = known
            return device
    raise SettingsError(f"--device {text}: accepted: {', '.join(get_args(Device))}")


@contextmanager
def interruptible_training(progress: TerminalTraining) -> Iterator[None]:
    """End a training on Ctrl-C by saying how to go on.

    Of several processes the main one alone speaks, also of what is wrong in all of them.
    """
    try:
        yield
    except ToldByMainError:
        time.sleep(_TELLING_S)
        raise typer.Exit(_FAILED) from None
    except KeyboardInterrupt:
        command = f"mfh {shlex.join(sys.argv[1:])}"
        if processes() > 1:
            command = f"accelerate launch -m {command}, launched with the same options as before"
        if is_main_process():
            typer.echo(
                f"\ninterrupted; it goes on after step {progress.saved_step} with: {command}",
                err=True,
            )
        raise typer.Exit(INTERRUPTED) from None

"""What getting models looks like in the terminal: a bar for each file, with speed and time left."""

from __future__ import annotations

import atexit
import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from mfh.models.progress import DownloadProgress

_WORTH_A_LINE_BYTES = 10 * 2**20


class TerminalDownloads(DownloadProgress):
    """A bar for each file; where standard error is no terminal, a line for each large one."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> TerminalDownloads:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, name: str, total_bytes: int | None, present_bytes: int) -> None:
        """Show a bar, or begin it again."""
        if not self._shown:
            if total_bytes is None or total_bytes >= _WORTH_A_LINE_BYTES:
                size = "" if total_bytes is None else f", {total_bytes / 1e9:.2f} GB"
                self._print(f"{name}{size}")
            return
        if self._bars is None:
            self._bars = _bars(self._console)
            self._bars.start()
            # Whatever ends the program, the terminal gets its cursor back.
            atexit.register(self.close)
        if name in self._tasks:
            self._bars.remove_task(self._tasks[name])
        self._tasks[name] = self._bars.add_task(name, total=total_bytes, completed=present_bytes)

    def advance(self, name: str, count_bytes: int) -> None:
        """Move it on."""
        if self._bars is not None:
            self._bars.advance(self._tasks[name], count_bytes)

    def finish(self, name: str) -> None:
        """Fill it; when none is left, leave the terminal as it was."""
        if self._bars is None or name not in self._tasks:
            return
        done = self._tasks.pop(name)
        task = next(each for each in self._bars.tasks if each.id == done)
        self._bars.update(done, total=task.completed)
        if not self._tasks:
            self.close()

    def say(self, message: str) -> None:
        """Print it above the bars."""
        self._print(message)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()
            atexit.unregister(self.close)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def _bars(console: Console) -> Progress:
    # Names are shortened rather than wrapped: the other columns take about this much.
    name_width = max(20, console.width - 50)
    return Progress(
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", max_width=name_width),
        ),
        BarColumn(bar_width=14),
        DownloadColumn(table_column=Column(no_wrap=True)),
        TransferSpeedColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True),
        console=console,
    )

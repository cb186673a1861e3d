"""Several photos one after the other: a line for each, and the failed ones at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from mfh.errors import InputError, MfhError
from mfh.photos import safe_name
from mfh.pipeline import MetricFromHuman
from mfh.prediction import Prediction
from mfh.records import Photo
from mfh.results import one_line

from .terminal import TerminalProgress, escaped, interruptible


def run_several(
    paths: Sequence[Path],
    *,
    load: Callable[[Path], Photo],
    method_for: Callable[[Path], MetricFromHuman],
    folder_for: Callable[[str], Path],
    notes: Sequence[str] = (),
) -> None:
    """Predict photos one after the other; one that fails does not stop the rest.

    While one is computed, the next is decoded and the results of the last are written, so that the
    GPU waits for neither. Ends with exit status 1 where a photo failed.

    load, method_for, folder_for: photo and parts of a path, and the folder for a photo's name.
    notes: what to say besides the results' own warnings.
    """
    report = _Report(len(paths), notes)
    folders = _folders(paths, folder_for, report)
    background = ThreadPoolExecutor(1)
    try:
        with interruptible():
            last: _Computed | None = None
            for path, photo in _decoded_ahead(list(folders), load, background):
                computed, failure = None, None
                try:
                    method = method_for(path)
                    computed = _compute(path, photo, method, folders[path], background)
                except MfhError as error:
                    failure = error
                # Its results have had the time that this photo took to be written.
                if last is not None:
                    report.finished(last)
                if failure is not None:
                    report.failed(path, failure)
                last = computed
            if last is not None:
                report.finished(last)
    finally:
        # Results that are being written are finished, so that none is left half-written.
        background.shutdown(cancel_futures=True)
    report.end()


@dataclass(frozen=True)
class _Computed:
    """A photo whose results are being written."""

    path: Path
    folder: Path
    prediction: Prediction
    seconds: float
    writing: Future[dict[str, Path]]


def _compute(
    path: Path,
    photo: Future[Photo],
    method: MetricFromHuman,
    folder: Path,
    background: ThreadPoolExecutor,
) -> _Computed:
    started = time.perf_counter()
    with TerminalProgress(f"{path.name}: ") as progress:
        prediction = method.run(photo.result(), folder=folder, progress=progress)
    writing = background.submit(prediction.write, folder, settings=method.settings)
    return _Computed(path, folder, prediction, time.perf_counter() - started, writing)


def _decoded_ahead(
    paths: Sequence[Path], load: Callable[[Path], Photo], background: ThreadPoolExecutor
) -> Iterator[tuple[Path, Future[Photo]]]:
    """Each path with its photo, the next one's decoding being under way."""
    coming: Future[Photo] | None = None
    for path, following in zip(paths, (*paths[1:], None), strict=True):
        photo = coming or background.submit(load, path)
        coming = None if following is None else background.submit(load, following)
        yield path, photo


def _folders(
    paths: Sequence[Path], folder_for: Callable[[str], Path], report: _Report
) -> Mapping[Path, Path]:
    """Where each photo's results go; of two with one name the second fails."""
    folders: dict[Path, Path] = {}
    owner: dict[Path, Path] = {}
    for path in paths:
        folder = folder_for(safe_name(path.stem))
        if folder in owner:
            message = (
                f"its results would replace those of {owner[folder]} in {folder}; rename one of "
                "the two, or run it alone with another --out"
            )
            report.failed(path, InputError(message))
        else:
            owner[folder] = path
            folders[path] = folder
    return folders


class _Report:
    """What is printed: a line for each photo, each note once, and the failures at the end."""

    def __init__(self, total: int, notes: Sequence[str]) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._total = total
        self._done = 0
        self._failures: dict[Path, MfhError] = {}
        self._noted: set[str] = set()
        self._notes(notes)

    def finished(self, computed: _Computed) -> None:
        """Wait for a photo's results and say what they are."""
        try:
            computed.writing.result()
        except MfhError as error:
            self.failed(computed.path, error)
            return
        words = one_line(computed.prediction.depth, computed.seconds)
        folder = escaped(str(computed.folder))
        self._line(computed.path, f"{escaped(words)} [dim]-> {folder}[/]")
        self._notes(computed.prediction.depth.warnings)

    def failed(self, path: Path, error: MfhError) -> None:
        """Say that a photo failed, and remember it."""
        self._failures[path] = error
        self._line(path, "[red]failed[/]")

    def end(self) -> None:
        """List what failed; ends the command with exit status 1 if anything did."""
        if not self._failures:
            return
        typer.echo(f"{len(self._failures)} of {self._total} photos failed:", err=True)
        for path, error in self._failures.items():
            typer.secho(f"  {path}: {error}", fg="red", err=True)
        raise typer.Exit(1)

    def _line(self, path: Path, words: str) -> None:
        self._done += 1
        counter = f"{self._done:{len(str(self._total))}d}/{self._total}"
        self._console.print(f"[dim]{counter}[/] [bold]{escaped(path.name)}[/]: {words}")

    def _notes(self, notes: Sequence[str]) -> None:
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                self._console.print(f"      [yellow]note:[/] {escaped(note)}")

"""Several photos one after the other: a line for each, and the failed ones at the end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from mfh.errors import MfhError, MissingPartError, ModelError, SettingsError
from mfh.photos import safe_name
from mfh.records import MetricDepth, Photo
from mfh.results import one_line

from .running import PhotoMethod
from .terminal import TerminalProgress, interruptible

# Errors that no other photo would do without.
_OF_ALL = (MissingPartError, ModelError, SettingsError)

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def run_several(
    paths: Sequence[Path],
    *,
    load: Callable[[Path], Photo],
    method_for: Callable[[Path], PhotoMethod],
    folder_for: Callable[[str], Path],
    formats: Sequence[str],
    notes: Sequence[str] = (),
    resumes: bool = True,
) -> None:
    """Predict photos one after the other; one that fails does not stop the rest.

    What would fail for each of them, such as a model whose files are damaged, ends the command.
    While one photo is computed, the next is decoded and the results of the last are written, so
    that the GPU waits for neither. Ends with exit status 1 where a photo failed.

    load, method_for, folder_for: photo and parts of a path, and the folder for a photo's name.
    formats: what to write, by `mfh.results.formats.FORMATS`.
    notes: what to say besides the results' own warnings.
    resumes: whether an interrupted run goes on where it stopped.
    """
    report = _Report(paths, notes)
    folders = _folders(paths, folder_for, report)
    background = ThreadPoolExecutor(1)
    try:
        with interruptible(resumes=resumes):
            last: _Writing | None = None
            for path, photo in _decoded_ahead(list(folders), load, background):
                try:
                    method, started = method_for(path), time.perf_counter()
                    with TerminalProgress(f"{path.name}: ", transient=True) as progress:
                        prediction = method.run(
                            photo.result(), folder=folders[path], progress=progress
                        )
                except _OF_ALL:
                    raise
                except MfhError as error:
                    # Not the error itself: its traceback would keep the photo's records.
                    report.failed(path, str(error))
                except Exception as error:
                    report.failed(path, f"unexpected {type(error).__name__}: {error}")
                    raise
                else:
                    seconds = time.perf_counter() - started
                    report.computed(path, folders[path], prediction.depth, seconds)
                    _settle(last, report)
                    write = partial(
                        prediction.write,
                        folders[path],
                        formats=formats,
                        settings=method.settings,
                    )
                    last = _Writing(path, background.submit(write))
            _settle(last, report)
    finally:
        # Results that are being written are finished, so that none is left half-written.
        background.shutdown(cancel_futures=True)
        any_failed = report.end()
    if any_failed:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Writing:
    """A photo whose results are being written."""

    path: Path
    done: Future[dict[str, Path]]


def _settle(writing: _Writing | None, report: _Report) -> None:
    """Wait for results to be written."""
    if writing is None:
        return
    try:
        writing.done.result()
    except MfhError as error:
        report.failed(writing.path, str(error))


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
    owner: dict[str, Path] = {}
    for path in paths:
        folder = folder_for(safe_name(path.stem))
        # Where upper and lower case are one, so are the folders.
        first = owner.setdefault(str(folder).casefold(), path)
        if first != path:
            message = (
                f"its results would replace those of {first} in {folder}; rename one of the two, "
                "or run it alone with another --out"
            )
            report.failed(path, message)
        else:
            folders[path] = folder
    return folders


class _Report:
    """What is printed: a line for each photo, each note once, and the failures at the end.

    Notes that differ in numbers alone are one, which is said in full for the first photo; for the
    others stand the numbers that differ.
    """

    def __init__(self, paths: Sequence[Path], notes: Sequence[str]) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._number = {path: index for index, path in enumerate(paths, start=1)}
        self._failures: dict[Path, str] = {}
        # By its wording: which note it is, and the numbers in it.
        self._noted: dict[str, tuple[int, list[str]]] = {}
        self._note(notes)

    def computed(self, path: Path, folder: Path, depth: MetricDepth, seconds: float) -> None:
        """Say what a photo's depth is, with the numbers of the notes that concern it."""
        new = [note for note in depth.warnings if _wording(note) not in self._noted]
        known = [self._reference(note) for note in depth.warnings if note not in new]
        words = f"{escape(one_line(depth, seconds))} [dim]-> {escape(str(folder))}[/]"
        if known:
            words += f" [yellow]note {escape(', '.join(known))}[/]"
        self._line(path, words)
        self._note(new)

    def failed(self, path: Path, reason: str) -> None:
        """Say that a photo failed and why, and remember it."""
        reason = reason.removeprefix(f"{path}: ")
        self._failures[path] = reason
        self._line(path, f"[red]failed: {escape(reason)}[/]")

    def end(self) -> bool:
        """List what failed; gives whether anything did."""
        if self._failures:
            count = f"{len(self._failures)} of {len(self._number)} photos failed:"
            typer.echo(count, err=True)
        for path, reason in self._failures.items():
            typer.secho(f"  {path}: {reason}", fg="red", err=True)
        return bool(self._failures)

    def _line(self, path: Path, words: str) -> None:
        counter = f"{self._number[path]}/{len(self._number)}"
        self._console.print(f"[dim]{counter}[/] [bold]{escape(path.name)}[/]: {words}")

    def _note(self, notes: Sequence[str]) -> None:
        for note in notes:
            first = len(self._noted) + 1, _NUMBER.findall(note)
            number, _ = self._noted.setdefault(_wording(note), first)
            self._console.print(f"    [yellow]note {number}:[/] {escape(note)}")

    def _reference(self, note: str) -> str:
        """The number of a note that was said, with the numbers in which this one differs."""
        number, said = self._noted[_wording(note)]
        pairs = zip(_NUMBER.findall(note), said, strict=True)
        own = [here for here, there in pairs if here != there]
        return f"{number} (here {' and '.join(own)})" if own else str(number)


def _wording(note: str) -> str:
    """A note without its numbers."""
    return _NUMBER.sub("0", note)

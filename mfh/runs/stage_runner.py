"""What every stage of a run has in common: reuse from the run folder, progress, timing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mfh.errors import InputError
from mfh.progress import Progress
from mfh.runs.run_folder import RunFolder, StageKey
from mfh.settings import Settings

T = TypeVar("T")

_DAMAGED = "recomputed: its files are damaged"


class StageRunner:
    """Runs the stages of one photo, one after the other.

    A stage's key is made of the settings it names, the fingerprint of its part, and the digests of
    what it reads: stages before it, or the `sources` given by name.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        settings: Settings,
        folder: RunFolder | None,
        progress: Progress,
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._settings = settings.as_dict()
        self._folder = folder
        self._progress = progress
        self._digests = dict(sources)

    def unsaved(self, name: str, make: Callable[[], T]) -> T:
        """A step whose result is not kept: progress and timing alone."""
        with self._timed(name, 1):
            return make()

    def whole(
        self,
        name: str,
        make: Callable[[], T],
        *,
        part: object = None,
        inputs: tuple[str, ...],
        images: int,
        write: Callable[[Path, T], None],
        read: Callable[[Path], T],
    ) -> T:
        """A stage whose record is read, or made and written, as one.

        part: what does the stage; None where it follows from its inputs alone.
        images: how many images the record is about.
        """
        key = self._key(name, part, inputs, {"images": images})
        with self._timed(name, 1) as stage:
            if self._folder is None:
                return make()
            stage.note = self._folder.state(name, key)
            if stage.note == "reused":
                try:
                    return read(self._folder.stage(name))
                except (InputError, KeyError, TypeError):
                    stage.note = _DAMAGED
            value = make()
            write(self._folder.begin(name, key), value)
            self._folder.finish(name)
            return value

    def each(
        self,
        name: str,
        make: Callable[[int], Iterable[T]],
        *,
        part: object,
        inputs: tuple[str, ...],
        settings: tuple[str, ...] = (),
        entries: tuple[str, ...],
        write: Callable[[Path, str, T], None],
        read: Callable[[Path, str], T],
        write_rest: Callable[[Path], None] | None = None,
    ) -> tuple[T, ...]:
        """A stage with one entry for each image, written as soon as it is made.

        How many there are is not part of its key: an entry depends on its own image alone, so those
        that are there already serve when more are asked for.

        make: gives the entries from a number on.
        write_rest: writes what the stage holds besides its entries; also for a stage that is
            reused, which may hold more entries than are asked for now.
        """
        key = self._key(name, part, inputs, {name: self._settings[name] for name in settings})
        with self._timed(name, len(entries)) as stage:
            if self._folder is None:
                return _complete(name, list(stage.counted(make(0))), entries)
            stage.note = self._folder.state(name, key)
            if stage.note == "reused":
                found = _readable(read, self._folder.stage(name), entries)
                if len(found) == len(entries):
                    if write_rest is not None:
                        write_rest(self._folder.stage(name))
                    return tuple(stage.counted(found))
            partial = self._folder.begin(name, key)
            values = list(stage.counted(_readable(read, partial, entries)))
            if values:
                stage.note = f"continued after {len(values)} of {len(entries)}"
            elif stage.note == "reused":
                stage.note = _DAMAGED
            if len(values) < len(entries):
                for value in stage.counted(make(len(values))):
                    if len(values) < len(entries):
                        write(partial, entries[len(values)], value)
                    values.append(value)
            complete = _complete(name, values, entries)
            if write_rest is not None:
                write_rest(partial)
            self._folder.finish(name)
            return complete

    def _key(
        self, name: str, part: object, inputs: tuple[str, ...], settings: Mapping[str, Any]
    ) -> StageKey:
        key = StageKey(
            settings=settings,
            part={} if part is None else getattr(part, "fingerprint", None),
            inputs={source: self._digests[source] for source in inputs},
        )
        self._digests[name] = key.digest
        return key

    @contextmanager
    def _timed(self, name: str, total: int) -> Iterator[_Stage]:
        started = time.perf_counter()
        self._progress.start(name, total)
        stage = _Stage(name, self._progress)
        yield stage
        if total == 1 and stage.count == 0:
            self._progress.advance(name)
        self._progress.finish(name, stage.note)
        self.seconds[name] = time.perf_counter() - started


class _Stage:
    """A stage while it runs."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.note = "computed"
        self.count = 0
        self._name = name
        self._progress = progress

    def counted(self, values: Iterable[T]) -> Iterator[T]:
        for value in values:
            yield value
            self.count += 1
            self._progress.advance(self._name)


def _readable(read: Callable[[Path, str], T], folder: Path, entries: tuple[str, ...]) -> list[T]:
    """The entries a folder holds, up to the first that is missing or damaged."""
    found: list[T] = []
    for entry in entries:
        try:
            found.append(read(folder, entry))
        except (InputError, KeyError, TypeError):
            break
    return found


def _complete(name: str, values: list[T], entries: tuple[str, ...]) -> tuple[T, ...]:
    if len(values) != len(entries):
        raise InputError(
            f"{name}: the part gave {len(values)} results for {len(entries)} images; it must "
            "give one for each, in order"
        )
    return tuple(values)


def part_name(part: Any) -> str:
    """What a part calls itself, or its class's name."""
    return str(getattr(part, "name", type(part).__name__))

"""What every stage of a run has in common: reuse from the run folder, progress, timing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mfh.errors import InputError
from mfh.progress import Progress
from mfh.records import PHOTO_NAME
from mfh.runs.entries import DAMAGED, Entries
from mfh.runs.run_folder import RunFolder, StageKey
from mfh.settings import Settings

T = TypeVar("T")


class _Digests(NamedTuple):
    """Of a record: of all of it, and of what its entry of the photo itself depends on, if any."""

    whole: str
    photo: str | None


class StageRunner:
    """Runs the stages of one photo, in one round or in several.

    A stage's key is made of the settings it names, the fingerprint of its part, and the digests of
    what it reads: stages before it, or the `sources` given by name. In a further round a stage is
    asked for again, with more images than before, and makes what is new. It is done, and its folder
    has its name, in the last round, or at `finish`.
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
        self._digests: dict[str, _Digests | None] = {
            name: _Digests(digest, digest) for name, digest in sources.items()
        }
        self._last_round = True
        self._rounds: dict[str, int] = {}
        self._entries: dict[str, Entries[Any]] = {}
        # How each stage that is not done yet is finished, which gives its note.
        self._unfinished: dict[str, Callable[[], str]] = {}

    def round(self, *, last: bool) -> None:
        """A round begins; after the last one no stage is asked for again."""
        self._last_round = last

    def without(self, *stages: str) -> None:
        """The run does without these stages; what else depends on them then does not."""
        self._digests.update(dict.fromkeys(stages))

    def finish(self) -> None:
        """Nothing more is asked for: every stage is done."""
        for name in list(self._unfinished):
            self._finish(name)

    def unsaved(self, name: str, make: Callable[[], T]) -> T:
        """A step whose result is not kept: progress and timing alone."""
        with self._timed(name, 1):
            value = make()
            self._progress.advance(name)
        self._progress.finish(name, "computed")
        return value

    def whole(
        self,
        name: str,
        make: Callable[[], T],
        *,
        part: object = None,
        inputs: tuple[str, ...],
        settings: tuple[str, ...] = (),
        images: int,
        write: Callable[[Path, T], None],
        read: Callable[[Path], T],
    ) -> T:
        """A stage whose record is read, or made and written, as one; that of the last round stays.

        part: what does the stage; None where it follows from its inputs alone.
        images: how many images the record is about.
        """
        values = {name: self._settings[name] for name in settings}
        key = self._key(name, part, inputs, {"images": images, **values})
        self._digests[name] = _Digests(key.digest, key.digest)
        self._rounds[name] = self._rounds.get(name, 0) + 1
        with self._timed(name, self._rounds[name]):
            value, note = self._read(name, key, read)
            if value is None:
                value = make()
            self._progress.advance(name)
        self._unfinished[name] = partial(self._write, name, key, value, note, write)
        if self._last_round:
            self._finish(name)
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
        stage = self._entries.get(name)
        if stage is None:
            key = self._key(name, part, inputs, {name: self._settings[name] for name in settings})
            of_photo = key.photo_digest if PHOTO_NAME in entries else None
            self._digests[name] = _Digests(key.digest, of_photo)
            advance = partial(self._progress.advance, name)
            stage = Entries(name, key, self._folder, write=write, read=read, advance=advance)
            self._entries[name] = stage
            self.seconds[name] = 0.0
        if entries:
            with self._timed(name, len(entries)):
                stage.extend(entries, make)
            self._unfinished[name] = partial(stage.finish, write_rest)
            if self._last_round:
                self._finish(name)
        return tuple(stage.values)

    def _key(
        self, name: str, part: object, inputs: tuple[str, ...], settings: Mapping[str, Any]
    ) -> StageKey:
        read = {source: self._digests[source] for source in inputs}
        there = {source: digests for source, digests in read.items() if digests is not None}
        return StageKey(
            settings=settings,
            part={} if part is None else getattr(part, "fingerprint", None),
            inputs={source: digests.whole for source, digests in there.items()},
            photo_inputs={
                source: digests.photo
                for source, digests in there.items()
                if digests.photo is not None
            },
        )

    def _read(self, name: str, key: StageKey, read: Callable[[Path], T]) -> tuple[T | None, str]:
        """A whole stage's record, None where there is none to reuse, and its note."""
        if self._folder is None:
            return None, "computed"
        note = self._folder.state(name, key)
        if note != "reused":
            return None, note
        try:
            return read(self._folder.stage(name)), note
        except (InputError, KeyError, TypeError):
            return None, DAMAGED

    def _write(
        self, name: str, key: StageKey, value: T, note: str, write: Callable[[Path, T], None]
    ) -> str:
        if self._folder is not None and note != "reused":
            write(self._folder.begin(name, key), value)
            self._folder.finish(name)
        return note

    def _finish(self, name: str) -> None:
        with self._clock(name):
            note = self._unfinished.pop(name)()
        self._progress.finish(name, note)

    @contextmanager
    def _timed(self, name: str, total: int) -> Iterator[None]:
        self._progress.start(name, total)
        with self._clock(name):
            yield

    @contextmanager
    def _clock(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def part_name(part: Any) -> str:
    """What a part calls itself, or its class's name."""
    return str(getattr(part, "name", type(part).__name__))

"""The entries of one stage, one for each image: read where they are there, made where not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from mfh.errors import InputError
from mfh.runs.run_folder import RunFolder, StageKey

T = TypeVar("T")

DAMAGED = "recomputed: its files are damaged"


class Entries(Generic[T]):
    """The entries of a stage, as more and more of them are asked for.

    name, key: the stage's.
    folder: where they are kept; None keeps them in memory alone.
    write, read: an entry in a stage's folder, by its name.
    advance: is called for each entry that is there.
    """

    def __init__(
        self,
        name: str,
        key: StageKey,
        folder: RunFolder | None,
        *,
        write: Callable[[Path, str, T], None],
        read: Callable[[Path, str], T],
        advance: Callable[[], None],
    ) -> None:
        self.key = key
        self.values: list[T] = []
        self._name = name
        self._folder = folder
        self._write = write
        self._read = read
        self._advance = advance
        self._state = "computed" if folder is None else folder.state(name, key)
        self._partial: Path | None = None
        self._read_count = 0

    def extend(self, names: tuple[str, ...], make: Callable[[int], Iterable[T]]) -> None:
        """Bring the entries to those of these names; the first of them are there already.

        make: gives the entries from a number on.

        Raises `InputError` where it gives too few or too many.
        """
        self._read_stored(names)
        if len(self.values) < len(names):
            for value in make(len(self.values)):
                if self._partial is not None and len(self.values) < len(names):
                    self._write(self._partial, names[len(self.values)], value)
                self._add(value)
        if len(self.values) != len(names):
            raise InputError(
                f"{self._name}: the part gave {len(self.values)} results for {len(names)} images; "
                "it must give one for each, in order"
            )

    def finish(self, write_rest: Callable[[Path], None] | None) -> str:
        """Give the stage its name in the run folder; returns how it came about, for people.

        write_rest: writes what it holds besides its entries; also where it is reused, as it may
            hold more entries than were asked for.
        """
        if self._folder is None:
            return self._state
        if write_rest is not None:
            write_rest(self._partial or self._folder.stage(self._name))
        if self._partial is None:
            return self._state
        self._folder.finish(self._name)
        # Of a stage of other paintings the photo's own entry alone may have served.
        if self._read_count > self._state.startswith("recomputed"):
            return f"continued after {self._read_count} of {len(self.values)}"
        return DAMAGED if self._state == "reused" else self._state

    def _read_stored(self, names: tuple[str, ...]) -> None:
        """Read entries up to the first that is missing or damaged, and be ready to write it."""
        if self._folder is None:
            return
        if self._partial is None and self._state == "reused":
            self._read_from(self._folder.stage(self._name), names)
        if self._partial is None and len(self.values) < len(names):
            self._partial = self._folder.begin(self._name, self.key)
        if self._partial is not None:
            self._read_from(self._partial, names)

    def _read_from(self, folder: Path, names: tuple[str, ...]) -> None:
        for name in names[len(self.values) :]:
            try:
                value = self._read(folder, name)
            except (InputError, KeyError, TypeError):
                return
            self._read_count += 1
            self._add(value)

    def _add(self, value: T) -> None:
        self.values.append(value)
        self._advance()

"""The lines of a labels' file while it is written, which a later call goes on with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mfh.files import atomic_path, output_error


class LabelLines:
    """The lines of a file that is being written, under another name until it is whole.

    Its first line says what it is of; what is there of the same is gone on with. Each photo has its
    line, so that they can be counted; only those that name an `image` are labels.

    out: where they belong. identity: what they are of, plain JSON.

    Raises `OutputError`.
    """

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        self._out = out
        self._path = out.with_name(f"{out.name}.part")
        begin = json.dumps(identity)
        self._there = self._whole_lines(begin)
        kept = [begin, *(json.dumps(line) for line in self._there)]
        try:
            self._path.write_bytes("".join(f"{line}\n" for line in kept).encode())
            self._file = self._path.open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            raise output_error("write", self._path, error) from error

    def get(self, number: int) -> dict[str, Any] | None:
        """The line of a photo, None where it is not there yet."""
        return self._there[number] if number < len(self._there) else None

    def add(self, line: Mapping[str, Any]) -> None:
        """Add the next line. Raises `OutputError`."""
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise output_error("write", self._path, error) from error

    def close(self) -> None:
        """Close the file, which stays to be gone on with."""
        self._file.close()

    def discard(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Write the lines of photos with labels to where they belong. Raises `OutputError`."""
        with atomic_path(self._out) as temporary, temporary.open("wb") as file:
            for line in self._stored():
                if "image" in json.loads(line):
                    file.write(f"{line}\n".encode())
        self.discard()

    def _stored(self) -> Iterator[str]:
        with self._path.open(encoding="utf-8", newline="\n") as file:
            next(file)
            for line in file:
                yield line.removesuffix("\n")

    def _whole_lines(self, begin: str) -> list[dict[str, Any]]:
        """What is there of the same labels, up to the first line that a crash has damaged."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return []
        first, *rest = text.split("\n")[:-1] or [""]
        if first != begin:
            return []
        whole: list[dict[str, Any]] = []
        for line in rest:
            try:
                read = json.loads(line)
            except ValueError:
                break
            if not isinstance(read, dict):
                break
            whole.append(read)
        return whole

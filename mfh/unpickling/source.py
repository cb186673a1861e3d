"""The bytes of a pickle, none of them read before there are as many as announced."""

from __future__ import annotations

import os
from typing import BinaryIO


class Source:
    """Reads a stream from where it stands; `position` is the byte that is read next."""

    def __init__(self, stream: BinaryIO) -> None:
        self.position = stream.tell()
        self._end = stream.seek(0, os.SEEK_END)
        stream.seek(self.position)
        self._stream = stream

    def take(self, count: int) -> bytes:
        """So many bytes. Raises `ValueError` where there are fewer."""
        left = self._end - self.position
        if left < count:
            raise ValueError(f"cut short: {count} bytes are announced, {left} are left")
        taken = self._stream.read(count)
        self.position += len(taken)
        if len(taken) < count:
            raise ValueError("cut short while it was read")
        return taken

    def line(self) -> bytes:
        """The bytes up to the end of the line. Raises `ValueError` where it has none."""
        line = self._stream.readline()
        self.position += len(line)
        if not line.endswith(b"\n"):
            raise ValueError("cut short: the end of a line is missing")
        return line[:-1]

    def unsigned(self, size: int) -> int:
        """A number of so many bytes, the lowest first."""
        return int.from_bytes(self.take(size), "little")

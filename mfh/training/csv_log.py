"""A log of numbers, one line a step, as spreadsheets and plotting libraries read it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TextIO

from mfh.files import output_error, write_text
from mfh.files.reading import read_text_file


class CsvLog:
    """A CSV file that lines are added to; a context that closes it.

    columns: the first is the step. A file that is there keeps its lines up to and with `last_step`:
        those after it are of steps that an interrupted training takes again.

    Raises `OutputError` where it cannot be written.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], *, last_step: int) -> None:
        self._path = path
        self._columns = columns
        text = read_text_file(path) if last_step and path.is_file() else ""
        kept = [row for row in csv.reader(io.StringIO(text)) if self._is_kept(row, last_step)]
        write_text(path, "".join(_line(row) for row in [list(columns), *kept]))
        try:
            self._file: TextIO = path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise output_error("write", path, error) from error

    def __enter__(self) -> CsvLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, row: Mapping[str, float]) -> None:
        """Add a line, at once readable by others. Raises `OutputError`."""
        try:
            self._file.write(_line([f"{row[column]:.9g}" for column in self._columns]))
            self._file.flush()
        except OSError as error:
            raise output_error("write", self._path, error) from error

    def sync(self) -> None:
        """Have the disk take what was added, before a checkpoint counts on it."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise output_error("write", self._path, error) from error

    def _is_kept(self, row: list[str], last_step: int) -> bool:
        """Whether a line is whole, and of a step that is not taken again."""
        return len(row) == len(self._columns) and row[0].isdigit() and int(row[0]) <= last_step


def _line(values: list[str]) -> str:
    return ",".join(values) + "\n"

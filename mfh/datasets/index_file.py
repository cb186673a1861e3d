"""Index files: a line a photo, as CSV with a line of column names, or as JSON lines.

CSV may have a byte order mark, any line ends, and commas or semicolons; with semicolons numbers may
have decimal commas. Empty cells and JSON's null are values that are not given.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mfh.errors import InputError
from mfh.files.reading import read_text_file
from mfh.photos import safe_name

INDEX_SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True)
class Row:
    """One line of an index file.

    where: the file and the line, for messages. values: what is given, by column or key.
    decimal_comma: whether numbers may have one.
    """

    where: str
    values: Mapping[str, Any] = field(default_factory=dict)
    decimal_comma: bool = False

    def text(self, key: str) -> str | None:
        """The text under a key, None where it is not given. Raises `InputError` for others."""
        value = self.values.get(key)
        if value is None or isinstance(value, str):
            return value
        raise InputError(f"{self.where}: {key} is {value!r}; it must be a text")

    def number(self, key: str) -> float | None:
        """The number under a key, None where it is not given. Raises `InputError` for others."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            value = _as_number(value.replace(",", ".") if self.decimal_comma else value)
        if not is_number(value):
            raise InputError(
                f"{self.where}: {key} is {self.values[key]!r}; it must be a number without a unit"
            )
        return float(value)


def read_index(path: Path, known: Sequence[str], required: Sequence[str]) -> list[Row]:
    """Read the rows of a .csv or .jsonl file.

    known: the columns there may be; required: those that every row must give.

    Raises `InputError`, with the file and the line, for what cannot be read, unknown, repeated or
    missing columns, and a file without rows.
    """
    rows = list(_csv_rows(path) if path.suffix.lower() == ".csv" else read_json_lines(path))
    expected = f"expected {', '.join(known)}, of which {' and '.join(required)} are needed"
    for row in rows:
        _check_names(row.where, row.values, known)
        lacking = [name for name in required if row.values.get(name) in (None, "")]
        if lacking:
            raise InputError(f"{row.where}: {' and '.join(lacking)} missing; {expected}")
    if not rows:
        raise InputError(f"{path}: holds no photo; {expected}, a line a photo")
    return rows


def read_json_lines(path: Path) -> list[Row]:
    """Read a JSON object a line; empty lines are skipped.

    Raises `InputError`, with the file and the line, for anything else.
    """
    rows = []
    # Not `splitlines`: JSON texts may hold other line separators as they are.
    for number, line in enumerate(read_text_file(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{where}: not readable as JSON ({error}); expected an object a line"
            ) from error
        if not isinstance(values, dict):
            raise InputError(f"{where}: holds no JSON object; expected an object a line")
        rows.append(Row(where, values))
    return rows


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def path_in(folder: Path, text: str) -> Path:
    """The path an index file means: relative to the folder, also where Windows wrote it."""
    return folder / text.replace("\\", "/")


def sample_name(photo: str, given: str | None = None) -> str:
    """The name of a sample: the one given, or its photo's path in the index without suffix.

    Characters that are unsafe in file names become "_", and ".." and drives are left out. Letters
    of all scripts are safe, composed with their accents (NFC), as macOS takes names apart.
    """
    text = unicodedata.normalize("NFC", given or photo)
    path = PurePosixPath(text.replace("\\", "/"))
    folders = [p for p in path.parts[:-1] if p not in ("/", "//", "..") and not p.endswith(":")]
    last = path.name if given else path.stem
    return "/".join(re.sub(r"[ +]", "_", safe_name(part)) for part in (*folders, last))


def require_unique(named: Iterable[tuple[str, str]], advice: str) -> None:
    """Refuse rows of one name, given as (name, where); upper and lower case are the same."""
    seen: dict[str, str] = {}
    for name, where in named:
        before = seen.setdefault(name.casefold(), where)
        if before is not where:
            raise InputError(f"{where}: {name!r} is there already ({before}); {advice}")


def _csv_rows(path: Path) -> Iterator[Row]:
    text = read_text_file(path, "in Excel, as CSV UTF-8")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    lines = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(lines, [])]
        if not any(names):
            raise InputError(
                f"{path}, line 1: expected the columns' names, e.g. photo,depth,camera"
            )
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise InputError(f"{path}, line 1: names column {min(repeated)!r} twice")
        for cells in lines:
            where = f"{path}, line {lines.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise InputError(
                    f"{where}: {len(cells)} cells for the {len(names)} columns "
                    f"{delimiter.join(names)}; put quotes around a cell that holds {delimiter!r}"
                )
            given = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
            yield Row(where, {k: v or None for k, v in given.items()}, delimiter == ";")
    except csv.Error as error:
        raise InputError(
            f"{path}, line {lines.line_num}: not readable as CSV ({error}); save it again as CSV"
        ) from error


def _check_names(where: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(
                f"{where}: has an unknown column {name!r}; {hint}known: {', '.join(known)}; "
                "rename it, or leave it out"
            )


def _as_number(text: str) -> float:
    # Python's own underscores are no numbers of a table.
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan

"""Known distances from texts, files and numbers.

- Text: `x,y=METRES`, e.g. `320,240=2.40`: the straight distance of the point (x, y).
- JSON (`.json`): a list of objects `{"x", "y", "distance_m" or "depth_m"[, "relative_error"][,
  "kind"]}`, alone or as `{"landmarks": [...]}`; kind is "measured point" or "asked point".
- CSV (`.csv`): a first line with these names, then a line for each point; commas, or semicolons,
  with which numbers may have decimal commas. An empty cell is something that is not given.
"""

from __future__ import annotations

import csv
import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from mfh.arrays import as_array, is_tensor
from mfh.errors import InputError
from mfh.files.reading import read_text_file
from mfh.known_distances.distance import KnownDistance

DistanceLike: TypeAlias = KnownDistance | str | os.PathLike[str] | ArrayLike | Mapping[str, Any]
"""What `load_distances` understands: also (x, y, metres), and the object of a JSON file."""

_NAMES = ("x", "y", "distance_m", "depth_m", "relative_error", "kind")
_TEXT_EXAMPLE = 'x,y=METRES, e.g. "320,240=2.40"'
_OBJECT_EXAMPLE = '{"x": 320, "y": 240, "distance_m": 2.40}'
_JSON_EXAMPLE = f"expected a list such as [{_OBJECT_EXAMPLE}]"
_CSV_EXAMPLE = 'expected a first line "x,y,distance_m" and lines such as "320,240,2.40"'

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_POINT = re.compile(
    rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*=\s*({_NUMBER})\s*m?\s*", re.ASCII | re.IGNORECASE
)
_OTHER_UNIT = re.compile(rf".*=\s*{_NUMBER}\s*[^\W\d_]+\s*")
_DECIMAL_COMMA = re.compile(r".*=\s*\d+,\d+\D*")


def load_distances(given: DistanceLike | Sequence[DistanceLike]) -> tuple[KnownDistance, ...]:
    """Load known distances, in the order given.

    given: a `KnownDistance`; a text or the path of a file as this module describes them; three
        numbers (x, y, metres straight from the camera); a mapping like a JSON file's objects; or
        several of these, also as an array or torch tensor (P', 3). No known distances make an empty
        tuple.

    Raises `InputError` for anything else, for files that cannot be read or hold none, and for
    numbers that are none or outside their range, naming text, file and line or entry.
    """
    several: Any = _as_lists(given)
    single = isinstance(several, KnownDistance | str | os.PathLike | Mapping)
    if single or not isinstance(several, Sequence) or _all_numbers(several):
        several = [several]
    return tuple(distance for each in several for distance in _loaded(each))


def _as_lists(given: Any) -> Any:
    """The same with lists and numbers for arrays and tensors, wherever they are in it."""
    if isinstance(given, np.ndarray) or is_tensor(given):
        return as_array(given).tolist()
    if isinstance(given, Mapping):
        return {name: _as_lists(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        values = [_as_lists(value) for value in given]
        return values if isinstance(given, list) else tuple(values)
    return given


def _all_numbers(values: Sequence[Any]) -> bool:
    return len(values) > 0 and all(isinstance(value, Real) for value in values)


def _loaded(given: Any) -> Iterator[KnownDistance]:
    if isinstance(given, KnownDistance):
        yield given
    elif isinstance(given, Mapping):
        yield _from_mapping(given, repr(dict(given)), f"e.g. {_OBJECT_EXAMPLE}")
    elif isinstance(given, str) and (point := _POINT.fullmatch(given)):
        x, y, distance_m = map(float, point.groups())
        yield _made(repr(given), x_px=x, y_px=y, distance_m=distance_m)
    elif isinstance(given, str | os.PathLike):
        yield from _from_file(os.fspath(given))
    elif isinstance(given, Sequence) and len(given) == 3:
        x, y, distance_m = given
        yield _made(repr(tuple(given)), x_px=x, y_px=y, distance_m=distance_m)
    else:
        raise InputError(
            f"known distance {given!r}: expected three numbers (x, y, metres), a mapping such as "
            f"{_OBJECT_EXAMPLE} (perhaps with relative_error), a text {_TEXT_EXAMPLE}, or a .json "
            "or .csv file"
        )


def _from_file(text: str) -> Iterator[KnownDistance]:
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _from_json(path)
    if suffix == ".csv":
        return _from_csv(path)
    raise InputError(_not_understood(text))


def _not_understood(text: str) -> str:
    """Say what is wrong with a text that is neither a point nor a file's name."""
    expected = f"known distance {text!r}: expected {_TEXT_EXAMPLE}"
    if _DECIMAL_COMMA.fullmatch(text):
        return f"{expected}, with a decimal point"
    if _OTHER_UNIT.fullmatch(text):
        return f"{expected}, in metres"
    return f"{expected}, or a .json or .csv file"


def _from_json(path: Path) -> Iterator[KnownDistance]:
    try:
        content = json.loads(read_text_file(path, _JSON_EXAMPLE))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); {_JSON_EXAMPLE}") from error
    if isinstance(content, Mapping) and "landmarks" in content:
        content = content["landmarks"]
    if not isinstance(content, list):
        raise InputError(f"{path}: holds no list of known distances; {_JSON_EXAMPLE}")
    if not content:
        raise InputError(f"{path}: its list is empty; {_JSON_EXAMPLE}")
    for number, entry in enumerate(content, start=1):
        where = f"{path}, entry {number} of {len(content)}"
        if not isinstance(entry, Mapping):
            raise InputError(f"{where}: is {entry!r}; expected {_OBJECT_EXAMPLE}")
        yield _from_mapping(entry, where, f"e.g. {_OBJECT_EXAMPLE}")


def _from_csv(path: Path) -> Iterator[KnownDistance]:
    lines = read_text_file(path, _CSV_EXAMPLE).splitlines()
    delimiter = ";" if lines and ";" in lines[0] else ","
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    found = 0
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        _check_header(path, names)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{path}, line {rows.line_num}"
            if len(row) != len(names):
                raise InputError(
                    f"{where}: {len(row)} cells for the {len(names)} columns "
                    f"{delimiter.join(names)}; {_CSV_EXAMPLE}"
                )
            cells = {name: cell.strip() for name, cell in zip(names, row, strict=True)}
            entry = {
                name: cell if name == "kind" else _cell(cell, f"{where}: {name}", delimiter)
                for name, cell in cells.items()
                if cell
            }
            yield _from_mapping(entry, where, _CSV_EXAMPLE)
            found += 1
    except csv.Error as error:
        raise InputError(
            f"{path}, line {rows.line_num}: not readable as CSV ({error}); {_CSV_EXAMPLE}"
        ) from error
    if not found:
        raise InputError(f"{path}: holds no known distance; {_CSV_EXAMPLE}")


def _check_header(path: Path, names: Sequence[str]) -> None:
    where = f"{path}, line 1"
    if not {"x", "y"} <= set(names) or not {"distance_m", "depth_m"} & set(names):
        raise InputError(
            f"{where}: {', '.join(names) or 'nothing'} instead of the columns' names, which are x, "
            f"y, distance_m or depth_m and perhaps relative_error or kind; {_CSV_EXAMPLE}"
        )
    _check_names(names, where, _CSV_EXAMPLE)
    if len(set(names)) < len(names):
        raise InputError(f"{where}: names a column twice; {_CSV_EXAMPLE}")


def _cell(text: str, where: str, delimiter: str) -> float:
    number = text.replace(",", ".") if delimiter == ";" else text
    if not re.fullmatch(_NUMBER, number, re.ASCII):
        raise InputError(f"{where} is {text!r}; it must be a number without a unit, e.g. 2.40")
    return float(number)


def _from_mapping(entry: Mapping[str, Any], where: str, example: str) -> KnownDistance:
    given = {name: value for name, value in entry.items() if value is not None}
    _check_names(given, where, example)
    lacking = [name for name in ("x", "y") if name not in given]
    if lacking:
        raise InputError(f"{where}: a known distance needs {' and '.join(lacking)}; {example}")
    place = {f"{name}_px": given.pop(name) for name in ("x", "y")}
    return _made(where, **place, **given)


def _check_names(names: Sequence[str] | Mapping[str, Any], where: str, example: str) -> None:
    for name in names:
        if name not in _NAMES:
            near = difflib.get_close_matches(str(name), _NAMES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_NAMES)}"
            raise InputError(f"{where}: a known distance has no {name!r}, {hint}; {example}")


def _made(where: str, **fields: Any) -> KnownDistance:
    try:
        return KnownDistance(**fields)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error

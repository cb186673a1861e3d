"""Points to ask about, and what was said, as files; importing this loads no model library.

What was said is a file of known distances of kind "asked point" (`mfh.known_distances`), which
`mfh predict --landmark` takes. As JSON it holds all that was said besides, under `asked`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from mfh.arrays import as_array, is_tensor
from mfh.errors import InputError
from mfh.estimators.depthlm.asking import Asked
from mfh.estimators.depthlm.dense import distances_of
from mfh.estimators.depthlm.questions import Point, Question
from mfh.estimators.depthlm.vlm import Answerer
from mfh.files import atomic_path, make_folder, write_json, write_text
from mfh.files.reading import read_json, read_text_file
from mfh.known_distances import KnownDistance
from mfh.progress import Progress

PointsLike: TypeAlias = str | os.PathLike[str] | ArrayLike | Sequence[Any]
"""What `load_points` understands."""

OUT_SUFFIXES = (".json", ".csv")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_POINT = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*", re.ASCII)
_EXPECTED = (
    'expected "x,y" in px, e.g. "320,240", a .csv file with columns x and y, or a .json list such '
    'as [[320, 240], {"x": 12, "y": 34}]'
)
_COLUMNS = ("x", "y", "distance_m", "relative_error", "kind")


def load_points(given: PointsLike) -> tuple[Point, ...]:
    """Load points of a photo, in the order given.

    given: a text "x,y"; the path of a file, .csv with columns x and y, or .json with a list of
        [x, y] or of objects with x and y, alone or under `landmarks`; two numbers (x, y); or
        several of these, also as an array or torch tensor (P, 2). Other columns and keys are left
        alone, so that a file of known distances serves.

    Raises `InputError` for anything else, for files that cannot be read or hold no point, and for
    numbers that are not finite.
    """
    several: Any = given
    if isinstance(given, np.ndarray) or is_tensor(given):
        several = as_array(given).tolist()  # type: ignore[arg-type]
    if isinstance(several, str | os.PathLike) or _is_pair(several):
        several = [several]
    if not isinstance(several, Sequence):
        raise InputError(f"points {several!r}: {_EXPECTED}")
    return tuple(point for each in several for point in _loaded(each))


def write_asked(path: str | Path, asked: Sequence[Asked], model: str) -> tuple[KnownDistance, ...]:
    """Write what was said of points as a file of known distances, .json or .csv, atomically.

    Points without an answer are no known distance; a .json tells of them too, under `asked`.

    model: who said it. Returns the known distances. Raises `InputError` for another suffix and
    where no answer holds a distance, and `OutputError`.
    """
    path = Path(path)
    require_out(path)
    distances = distances_of(asked)
    if not distances:
        raise InputError(f"{path}: is not written, as no answer holds a distance")
    rows = [
        {
            "x": each.x_px,
            "y": each.y_px,
            "distance_m": each.distance_m,
            "relative_error": each.relative_error,
            "kind": each.kind,
        }
        for each in distances
    ]
    make_folder(path.parent)
    if path.suffix.lower() == ".json":
        said = [asdict(each) for each in asked]
        write_json(path, {"model": model, "landmarks": rows, "asked": said})
    else:
        text = io.StringIO()
        table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_text(path, text.getvalue())
    return distances


def require_out(path: Path) -> None:
    """Raise `InputError` for a file that `write_asked` does not write."""
    if path.suffix.lower() not in OUT_SUFFIXES:
        raise InputError(f"{path}: known distances are written as {' or '.join(OUT_SUFFIXES)}")


class MarkedViews:
    """An answerer that also writes the images it is shown, as PNG, before it answers (`Answerer`).

    answerer: answers. folder: gets `NAME_01.png`, `NAME_02.png`, ... in the order of the questions;
        of one about two photos `NAME_01_a.png` and `NAME_01_b.png`.
    """

    def __init__(self, answerer: Answerer, folder: str | Path, name: str) -> None:
        self._answerer = answerer
        self._folder = Path(folder)
        self._numbers = count(1)
        self._photo = name
        self.written: list[Path] = []
        self.name = answerer.name
        self.device = answerer.device
        self.fingerprint: Mapping[str, Any] = answerer.fingerprint
        self.focal_px = answerer.focal_px
        self.longest_px: int = getattr(answerer, "longest_px", 0)

    def answer(self, questions: Sequence[Question], progress: Progress | None = None) -> list[str]:
        """What the answerer says, in order. Raises also `OutputError`."""
        make_folder(self._folder)
        for question, number in zip(questions, self._numbers, strict=False):
            letters = ("_a", "_b") if len(question.images) > 1 else ("",)
            for image, letter in zip(question.images, letters, strict=True):
                path = self._folder / f"{self._photo}_{number:02d}{letter}.png"
                with atomic_path(path) as temporary:
                    Image.fromarray(image).save(temporary)
                self.written.append(path)
        return self._answerer.answer(questions, progress)


def _is_pair(given: Any) -> bool:
    numbers = isinstance(given, Sequence) and all(isinstance(each, Real) for each in given)
    return numbers and len(given) > 0


def _loaded(given: Any) -> Iterator[Point]:
    if isinstance(given, str) and (point := _POINT.fullmatch(given)):
        yield float(point[1]), float(point[2])
    elif isinstance(given, str | os.PathLike):
        yield from _from_file(Path(given))
    else:
        array = isinstance(given, np.ndarray) or is_tensor(given)
        yield _point(as_array(given).tolist() if array else given, "point")


def _from_file(path: Path) -> Iterator[Point]:
    suffix = path.suffix.lower()
    if suffix not in OUT_SUFFIXES:
        raise InputError(f"point {str(path)!r}: {_EXPECTED}")
    points = list(_from_csv(path) if suffix == ".csv" else _from_json(path))
    if not points:
        raise InputError(f"{path}: holds no point; {_EXPECTED}")
    yield from points


def _from_json(path: Path) -> Iterator[Point]:
    content = read_json(path)
    if isinstance(content, Mapping) and "landmarks" in content:
        content = content["landmarks"]
    if not isinstance(content, list):
        raise InputError(f"{path}: holds no list of points; {_EXPECTED}")
    for number, entry in enumerate(content, start=1):
        where = f"{path}, entry {number} of {len(content)}"
        if isinstance(entry, Mapping):
            yield _point([entry.get("x"), entry.get("y")], where)
        else:
            yield _point(entry, where)


def _from_csv(path: Path) -> Iterator[Point]:
    lines = read_text_file(path, _EXPECTED).splitlines()
    delimiter = ";" if lines and ";" in lines[0] else ","
    rows = csv.DictReader(lines, delimiter=delimiter, strict=True)
    try:
        rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
        if not {"x", "y"} <= set(rows.fieldnames):
            raise InputError(f"{path}, line 1: names no columns x and y; {_EXPECTED}")
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            yield _point([_cell(row[name], delimiter) for name in ("x", "y")], where)
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: not readable as CSV ({error})") from error


def _cell(text: str | None, delimiter: str) -> float | str | None:
    number = (text or "").strip().replace(",", "." if delimiter == ";" else ",")
    return float(number) if re.fullmatch(_NUMBER, number, re.ASCII) else text


def _point(given: Any, where: str) -> Point:
    pair = given if isinstance(given, list | tuple) and len(given) == 2 else ()
    numbers = [float(each) for each in pair if isinstance(each, Real)]
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        raise InputError(f"{where}: is {json.dumps(given, default=repr):.80}; {_EXPECTED}")
    return numbers[0], numbers[1]

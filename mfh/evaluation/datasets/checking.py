"""What `mfh evaluate --check` says of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mfh.errors import InputError
from mfh.evaluation.datasets.base import Checked, DataSet
from mfh.evaluation.datasets.recognise import looks_like

_MISSING_SHOWN = 5


def check_lines(data_set: DataSet, checked: Checked | None = None) -> list[str]:
    """What is on disk of a data set, in lines for people.

    checked: what its `check` gave; made here if None. Where nothing of the data set was found, the
    last line names the data set that the folder looks like, if any.
    """
    lines = [f"{data_set.title} in {data_set.root}"]
    try:
        checked = checked or data_set.check()
    except InputError as error:
        lines.append(str(error))
    else:
        lines += checked.lines
        if checked.found:
            return lines
    if hint := looks_like(data_set.name, data_set.root):
        lines.append(hint)
    return lines


def count_line(found: int, expected: int) -> str:
    """How many photos are complete, in words."""
    return f"{found} of {expected} photos are there with all that belongs to them"


def missing_lines(missing: Mapping[str, str], root: Path, word: str = "missing") -> list[str]:
    """The first few missing files, and how many more there are.

    word: what is said of each of them.
    """
    shown = [f"  {word}: {_below(path, root)}" for path in list(missing.values())[:_MISSING_SHOWN]]
    more = len(missing) - len(shown)
    return [*shown, *([f"  and {more} more"] if more else [])]


def _below(path: str, root: Path) -> str:
    try:
        return Path(path).relative_to(root).as_posix()
    except ValueError:
        return path

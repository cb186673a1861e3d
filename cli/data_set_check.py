"""What `mfh evaluate --check` says of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mfh.datasets import DATA_SETS
from mfh.datasets.base import LayoutError
from mfh.datasets.recognise import looks_like, quoted, recognise, recognise_inside
from mfh.errors import InputError

if TYPE_CHECKING:
    from mfh.datasets.base import Checked, DataSet


def recognised(folder: Path) -> list[tuple[str, Path]]:
    """The data sets that a folder is, or that folders in it are: name, and where it lies.

    Raises `InputError` where there is no such folder, or nothing in it looks like any.
    """
    if str(folder) in DATA_SETS and not folder.is_dir():
        raise InputError(f"--check {folder}: say where it lies, --data DIR")
    if not folder.is_dir():
        raise InputError(f"--check {folder}: there is no such folder")
    if found := recognise(folder):
        return [(found[0], folder)]
    if inside := [(name, path) for path, name, _ in recognise_inside(folder)]:
        return inside
    raise InputError(
        f"--check {folder}: it looks like none of the data sets; say which it should be: "
        f"mfh evaluate {'|'.join(DATA_SETS)} --data {quoted(folder)} --check"
    )


def check_lines(data_set: DataSet, checked: Checked | None = None) -> list[str]:
    """What is on disk of a data set, in lines for people.

    checked: what its `check` gave; made here if None. Where the folder is not laid out as the data
    set, or nothing of it was found, the last line names the data set that it looks like, if any.
    """
    lines = [f"{data_set.title} in {data_set.root}"]
    try:
        checked = checked or data_set.check()
    except LayoutError as error:
        lines.append(str(error))
    except InputError as error:
        return [*lines, str(error)]
    else:
        lines += checked.lines
        if checked.found:
            return lines
    if hint := looks_like(data_set.name, data_set.root):
        lines.append(hint)
    return lines

"""Writing files so that a reader sees the whole file or none.

A file is written beside its place under a hidden name that starts with `.mfh-` and keeps the
suffix, then renamed once the disk has all of it. Whatever goes wrong, the hidden file is removed;
only a process that is killed outright can leave one behind, for `remove_temporaries`.
"""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mfh.errors import OutputError

_TEMPORARY_PREFIX = ".mfh-"

_REMEDIES: Mapping[int, str] = MappingProxyType(
    {
        errno.ENOSPC: "free some space on that disk, or choose a folder on another one",
        errno.EDQUOT: "free some of your quota, or choose a folder on another disk",
        errno.EFBIG: "raise the file size limit, or choose a folder on another disk",
        errno.EACCES: "allow writing there, or choose another folder",
        errno.EPERM: "allow writing there, or choose another folder",
        errno.EROFS: "choose a folder on a disk that can be written",
        errno.ENOENT: "make its folder first, or choose another one",
        errno.ENOTDIR: "one of its parents is a file, not a folder; choose another folder",
        errno.EEXIST: "a file has that name; move it away, or choose another folder",
        errno.EISDIR: "a folder has that name; move it away, or choose another name",
        errno.ENAMETOOLONG: "choose a shorter name",
    }
)
_ELSE = "check that disk, or choose another folder"


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to `path` when the block ends well.

    The temporary path lies in the same folder and has the same suffix. An existing file at `path`
    is replaced at once, and stays as it was when the block fails.

    Raises `OutputError` where the block or the renaming cannot write.
    """
    path = Path(path)
    temporary = path.with_name(f"{_TEMPORARY_PREFIX}{secrets.token_hex(8)}{path.suffix}")
    try:
        yield temporary
        # Some file systems keep a renaming and lose the content when power fails between the two.
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OutputError:
        raise
    except OSError as error:
        # An error about another file, e.g. one the block reads from, is not about writing this one.
        if error.filename is not None and Path(os.fsdecode(error.filename)) != temporary:
            raise
        raise output_error("write", path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder and its parents where they are not there yet, and return its path.

    Raises `OutputError` where it cannot be made, or where a file has its name.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error("make folder", path, error) from error
    return path


def require_writable(path: str | os.PathLike[str]) -> None:
    """Raise `OutputError` where a file could not be written, before anything that takes long.

    Its folder is made. A file that is there stays as it is.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = path.with_name(f"{_TEMPORARY_PREFIX}{secrets.token_hex(8)}{path.suffix}")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise output_error("write", path, error) from error


def remove_file(path: str | os.PathLike[str]) -> None:
    """Remove a file that may or may not be there. Raises `OutputError` where it cannot be."""
    path = Path(path)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error("remove", path, error) from error


def remove_temporaries(folder: str | os.PathLike[str]) -> None:
    """Remove what a process that was killed left half-written in a folder nobody else writes to."""
    for path in Path(folder).glob(f"{_TEMPORARY_PREFIX}*"):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file, atomically. Raises `OutputError`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a JSON file, atomically.

    JSON knows neither NaN nor infinity: pass such numbers through `json_number` first. Raises
    `OutputError`, and `ValueError` where `value` still holds one.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def json_number(x: float) -> float | None:
    """`x` as a JSON number; None (null) where it is NaN or infinite."""
    return float(x) if math.isfinite(x) else None


def write_npz(
    path: str | os.PathLike[str],
    /,
    *,
    level: int = 6,
    **arrays: ArrayLike,
) -> None:
    """Write named arrays as .npz, atomically, readable with `allow_pickle=False`.

    level: of compression, from 1, the fastest, to 9, the smallest; 0 leaves them as they are.

    Equal arrays give equal bytes. Raises `OutputError`, and `TypeError` for an array of Python
    objects, which only a pickle could hold.
    """
    named = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in named.items():
        if array.dtype.hasobject:
            raise TypeError(
                f"array {name!r} holds Python objects; .npz files hold numbers and text"
            )
    method = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
    with (
        atomic_path(path) as temporary,
        # As `numpy.savez_compressed` writes them, which leaves no choice of the level.
        zipfile.ZipFile(temporary, "w", method, compresslevel=level or None) as archive,
    ):
        for name, array in named.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def output_error(action: str, path: Path, error: OSError) -> OutputError:
    """What a message says of an error of the system, with what to do about that one.

    action: what could not be done with `path`, e.g. "write".
    """
    why = (error.strerror or str(error) or type(error).__name__).lower()
    remedy = _REMEDIES.get(error.errno or 0, _ELSE)
    return OutputError(f"cannot {action} {path}: {why}; {remedy}")

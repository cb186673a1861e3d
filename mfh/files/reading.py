"""Reading text, JSON and NumPy files as data: nothing in them is run; an error names the file."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError

# What NumPy raises on broken files. It parses headers as Python literals, and .npz files are zip
# archives.
NUMPY_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    MemoryError,
    NotImplementedError,
    RuntimeError,  # an encrypted member
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises `InputError` where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise absent(path) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a readable JSON file ({error})") from error


def read_text_file(path: Path, example: str = "") -> str:
    """Read a text in UTF-8, with or without the mark that spreadsheets begin one by.

    example: what such a file looks like, for the message about one in another encoding.

    Raises `InputError` where it is missing, unreadable, or no text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise absent(path) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        end = f"; {example}" if example else ""
        raise InputError(f"{path}: is no text in UTF-8; save it as that{end}") from error


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file. Raises `InputError`, also for anything pickled."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError("it holds one array, as .npy files do")
        with loaded as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise absent(path) from None
    except NUMPY_ERRORS as error:
        raise InputError(
            f"{path}: not a readable .npz file of plain arrays ({_reason(error)})"
        ) from error


def begins_npz_array(path: Path, name: str) -> bool:
    """Whether an .npz file is there with its directory, and its array `name` begins as one.

    Reads a few kB, whatever the size: enough for a file that is empty, cut short or of another
    kind, not for a few bytes that changed within.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            np.lib.format.read_magic(member)
    except (*NUMPY_ERRORS, KeyError):
        return False
    return True


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of an .npy file. Raises `InputError`, also for anything pickled."""
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise absent(path) from None
    except NUMPY_ERRORS as error:
        raise InputError(
            f"{path}: not a readable .npy file of a plain array ({_reason(error)})"
        ) from error
    return array


def _reason(error: Exception) -> str:
    """Why an array cannot be read; NumPy takes what is damaged for a pickle, and advises one."""
    return "it is damaged, or holds a pickle" if "pickle" in str(error) else str(error)


def absent(path: Path) -> InputError:
    """Say that a file is not there."""
    return InputError(f"{path}: there is no such file")

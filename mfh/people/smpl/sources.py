"""Reading a user's SMPL file, pickle or `.npz`; whatever else it may be is told by its name."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.files.reading import NUMPY_ERRORS, absent
from mfh.people.smpl.pickle_reader import REMEDY, read_pickled_arrays

# The official files have 40 to 250 MB.
_LARGEST_FILE = 1 << 30

_ARCHIVES = {
    b"PK\x03\x04": "zip archive",
    b"PK\x05\x06": "zip archive without files",
    b"\x1f\x8b": "gzip archive",
    b"7z\xbc\xaf": "7z archive",
    b"Rar!": "RAR archive",
}
# Besides what is damaged, what is encrypted.
_ZIP_ERRORS = (*NUMPY_ERRORS, RuntimeError)

# How pickled dictionaries begin, protocol 2 and later, 1 and 0, and what is made by a call.
_PICKLE = re.compile(rb"\x80|\}|\(d|c[\w.]+\n[\w.]+\n")

_HTML = re.compile(rb"\s*(<!doctype html|<html|<\?xml|<!--)", re.IGNORECASE)


def read_source(path: Path) -> bytes:
    """The whole of a file. Raises `InputError` for one that is not there, unreadable or huge."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the SMPL file in it, e.g. SMPL_NEUTRAL.pkl")
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise InputError(
                f"{path}: has {size / 1e9:.1f} GB, and SMPL files 0.04 to 0.25 GB; give one of "
                "those"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise absent(path) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def arrays_of(
    data: bytes, wanted: Iterable[str], path: Path
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """The wanted arrays of an SMPL file, those that it has, and the names of all it has.

    data: the file's content; path: where it is from, for messages.

    Raises `InputError` where it is neither a pickle nor an `.npz` file, or a damaged one.
    """
    if not data:
        raise InputError(f"{path}: is empty; {REMEDY}")
    if _HTML.match(data[:4096]):
        raise InputError(
            f"{path}: is a web page, not an SMPL model; the site gives its page for logging in "
            f"instead of the file to whoever is not logged in: log in with a browser, then {REMEDY}"
        )
    if _is_npz(data):
        return _read_npz(data, wanted, path)
    archive = next((what for head, what in _ARCHIVES.items() if data.startswith(head)), None)
    if archive is None and data[257:262] == b"ustar":
        archive = "tar archive"
    if archive:
        raise InputError(
            f"{path}: is a {archive}; unpack it and give the model in it, e.g. "
            "SMPL_python_v.1.1.0/smpl/models/basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"
        )
    if data.startswith(b"\x93NUMPY"):
        raise InputError(
            f"{path}: is an .npy file, which holds one array; give the official .pkl, or its "
            "arrays as .npz"
        )
    if not _PICKLE.match(data):
        raise InputError(
            f"{path}: is not an SMPL file (.pkl or .npz); give the one you downloaded, e.g. "
            f"basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl, or {REMEDY}"
        )
    return read_pickled_arrays(data, wanted, path)


def _is_npz(data: bytes) -> bool:
    """Whether data are a zip archive of arrays; damaged ones are not."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except _ZIP_ERRORS:
        # Without the table at its end an .npz can be told by the name of its first file.
        return b".npy" in data[30:256]


def _read_npz(
    data: bytes, wanted: Iterable[str], path: Path
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            arrays = {}
            for name in wanted:
                if name in members:
                    arrays[name] = _read_member(archive, members[name], f"{path}: {name}")
    except InputError:
        raise
    except _ZIP_ERRORS as error:
        raise InputError(f"{path}: not a readable .npz file ({error})") from error
    return arrays, tuple(members)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str) -> NDArray[Any]:
    if info.file_size > _LARGEST_FILE:
        raise InputError(f"{what} unpacks to {info.file_size / 1e9:.1f} GB; no SMPL array does")
    with archive.open(info) as file:
        content = io.BytesIO(file.read())
    version = np.lib.format.read_magic(content)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(content)
    if dtype.hasobject:
        raise InputError(
            f"{what} is a pickled Python object, which mfh does not run; save it as a plain array "
            "(a sparse matrix by its toarray()), or give the official .pkl file"
        )
    # NumPy would allocate what the header declares before it reads.
    held = len(content.getbuffer()) - content.tell()
    declared = int(np.prod([int(size) for size in shape], dtype=object)) * dtype.itemsize
    if declared != held:
        raise InputError(
            f"{what} declares {shape} {dtype}, {declared} bytes, but holds {held} bytes; {REMEDY}"
        )
    content.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
    return array

"""What reading the user's own files has in common: naming them, hashing them, sizing them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.camera import same_aspect
from mfh.decoding import read_image
from mfh.errors import InputError
from mfh.files.reading import read_json, read_npy, read_npz

MAP_SUFFIXES = (".npy", ".npz", ".png")


def name_of_files(path: Path, part: str) -> str:
    """What a part that reads these files is called: "files: NAME".

    part: which part it stands in for, as `run.json` calls it. Where the files belong to a run whose
        part was simulated, the name says so, as whatever is made from them is simulated too.
    """
    name = f"files: {path.name or Path(os.path.realpath(path)).name}"
    run_file = _run_file(path)
    if run_file is None:
        return name
    try:
        earlier = read_json(run_file)["parts"][part]
    except (InputError, KeyError, TypeError, IndexError):
        return name
    simulated = isinstance(earlier, str) and earlier.startswith("simulated")
    return f"simulated, from {name}" if simulated else name


def belong_to_a_run(path: Path) -> bool:
    """Whether files are those of a run: next to their folder, or to themselves, is a `run.json`."""
    return _run_file(path) is not None


def _run_file(path: Path) -> Path | None:
    place = Path(os.path.realpath(path))
    folders = [place.parent] if place.is_dir() else [place.parent, place.parent.parent]
    return next((f / "run.json" for f in folders if (f / "run.json").is_file()), None)


def content_hash(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files. Raises `InputError` for one that is unreadable."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise _unreadable(path, error) from error
    return digest.hexdigest()


def files_in(folder: Path, suffixes: tuple[str, ...], what: str) -> list[Path]:
    """The files of a folder with these suffixes, by name.

    Raises `InputError` where there are none, or the folder is unreadable.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with {what}")
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in suffixes and not path.name.startswith(".")
        )
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not found:
        raise InputError(f"{folder}: holds no {what} ({', '.join(suffixes)})")
    return found


def only_array(path: Path, arrays: Mapping[str, NDArray[Any]], *names: str) -> NDArray[Any]:
    """The array of an .npz file that goes by one of these names, or is the only one in it."""
    chosen = [name for name in names if name in arrays] or list(arrays)
    if not chosen or (len(arrays) > 1 and chosen[0] not in names):
        raise InputError(
            f"{path}: holds {', '.join(arrays) or 'nothing'}; expected one array, or one named "
            f"{' or '.join(names)}"
        )
    return arrays[chosen[0]]


def read_map(path: Path, *names: str) -> NDArray[Any]:
    """The array of an .npy, an .npz or a 16-bit grey PNG file, as it is stored.

    names: what the array may be called in an .npz that holds several.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return read_npy(path)
    if suffix == ".npz":
        return only_array(path, read_npz(path), *names)
    if suffix != ".png":
        raise InputError(
            f"{path}: a file of type {suffix or 'unknown'}; expected {', '.join(MAP_SUFFIXES)}"
        )
    image = read_image(path)
    if not image.mode.startswith("I"):
        kind = {"L": "8-bit grey", "1": "black and white"}.get(image.mode, "in colours")
        raise InputError(
            f"{path}: the PNG is {kind}, a picture of values rather than the values; expected "
            "16-bit grey, or .npy or .npz"
        )
    return np.asarray(image)


def check_same_picture(what: str, shape: tuple[int, int], expected: tuple[int, int]) -> None:
    """Refuse an array of height x width `shape` that cannot show the photo `expected`."""
    if not same_aspect(shape, expected):
        raise InputError(
            f"{what}: {shape[1]} x {shape[0]} px, but the photo is {expected[1]} x {expected[0]} "
            "px; give it at the photo's size, or at another with the same aspect"
        )


def resize_map(values: NDArray[np.floating], height: int, width: int) -> NDArray[np.float32]:
    """A real-valued map (h, w) at another size, bilinear, pixel centres at (0.5, 0.5)."""
    if values.shape == (height, width):
        return np.asarray(values, np.float32)
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32)


def resize_mask(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """A mask (h, w) at another size, by its nearest pixels."""
    if mask.shape == (height, width):
        return mask
    image = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(image.resize((width, height), Image.Resampling.NEAREST), np.bool_)


def _unreadable(path: Path, error: OSError) -> InputError:
    why = (error.strerror or str(error)).lower()
    return InputError(f"{path}: cannot be read ({why}); make it readable, or leave it out")

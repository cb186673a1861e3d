"""Reading the files of data sets as they are stored: colours, depth in 16 bits, masks.

No EXIF orientation is applied: truth and intrinsics are those of the stored pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.decoding import read_image
from mfh.errors import InputError

_NAMES_SHOWN = 6


def require_file(path: Path, remedy: str) -> Path:
    """The path of a file that is there. Raises `InputError`, ending with the remedy."""
    if path.is_file():
        return path
    raise InputError(f"{path}: there is no such file; {remedy}")


def read_colours(path: Path) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) of a photo, uint8 RGB. Raises `InputError` naming the file."""
    return np.asarray(read_image(path).convert("RGB"))


def read_depth_png(path: Path, units_per_m: float) -> NDArray[np.float32]:
    """Depth (H, W) in metres from a 16-bit grey PNG, NaN where it holds 0.

    Raises `InputError` naming the file, also for one of 8 bits or in colours.
    """
    image = read_image(path)
    if not image.mode.startswith("I"):
        kind = "8-bit grey" if image.mode in ("L", "P", "1") else f"of mode {image.mode}"
        raise InputError(
            f"{path}: the PNG is {kind}, a picture of depth rather than depth; expected the 16-bit "
            "grey PNG of the data set: unpack or convert it again"
        )
    stored = np.asarray(image).astype(np.float64)
    return np.where(stored > 0, stored / units_per_m, np.nan).astype(np.float32)


def read_mask_png(path: Path) -> NDArray[np.bool_]:
    """A mask (H, W), True where the grey image is not black. Raises `InputError`."""
    mask = np.asarray(read_image(path))
    if mask.ndim != 2:
        raise InputError(f"{path}: has shape {mask.shape}; expected a grey mask (H, W)")
    return np.asarray(mask != 0)


def read_list(path: Path) -> Sequence[str]:
    """The lines of a list file. Raises `InputError` for one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(
            f"{path}: there is no such list of photos (option split); give a file, train or test"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of photos ({error})") from error


def require_size(path: Path, array: NDArray[Any], size: tuple[int, int], what: str) -> None:
    """Refuse pixels (H, W, ...) that are not of `size` (H, W).

    what: whose size it is, e.g. "photos of NYU Depth V2".
    """
    height, width = array.shape[:2]
    if (height, width) != size:
        raise InputError(
            f"{path}: {width} x {height} px, but {what} have {size[1]} x {size[0]} px; take the "
            "data set's own files, neither resized nor cropped"
        )


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name; none where it cannot be listed."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def holds(folder: Path, *patterns: str) -> bool:
    """Whether a folder holds anything that one of the patterns matches."""
    return any(next(iter(folder.glob(pattern)), None) is not None for pattern in patterns)


def places_below(root: Path, places: Iterable[str]) -> Iterator[Path]:
    """The folders that places below a root stand for, in order; `*` stands for any folder."""
    for place in places:
        yield from sorted(root.glob(place)) if "*" in place else [root / place]


def content_in_words(folder: Path) -> str:
    """What a folder holds, for messages."""
    if not folder.is_dir():
        return "there is no such folder"
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        return f"it cannot be listed ({error.strerror or error})"
    if not names:
        return "it is empty"
    more = len(names) - _NAMES_SHOWN
    return f"it holds {', '.join(names[:_NAMES_SHOWN])}{f' and {more} more' if more > 0 else ''}"

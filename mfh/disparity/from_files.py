"""Relative disparity made by any other tool, from files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.files.reading import read_npz
from mfh.files.user_files import (
    MAP_SUFFIXES,
    check_same_picture,
    content_hash,
    files_in,
    name_of_files,
    only_array,
    read_map,
    resize_map,
)
from mfh.records import PHOTO_NAME, Disparity, PaintedPhotos, Photo, Space

# What the map is called in the `disparity` folder of a run.
_NAME = "values"


class DisparityFiles:
    """Relative disparity of the photo and of its painted photos, from a file or a folder.

    A folder holds `photo.*` and, for each painted photo `NAME.png`, `NAME.*`, each one map in .npy,
    .npz or 16-bit PNG; the `disparity` folder of a run is one. A file holds the maps stacked, the
    photo's first, (1 + N, H, W); or an .npz holds them as `photo` (H, W) and `painted` (N, H, W),
    or each (H, W) under its name, `photo` or `NAME`. Of the photo alone (H, W) will do. Maps may
    be of another size than the photo if the aspect agrees.

    space: "disparity" for values that are larger where nearer, "depth" for the opposite.
    names: all the painted photos there are, in order, where that is known; a stack needs it to be
        read in parts.

    Raises `InputError` where a map is missing, unreadable, of the wrong shape or not finite.
    """

    def __init__(
        self,
        path: str | Path,
        space: Space = "disparity",
        names: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.space = space
        self.name = name_of_files(self.path, "disparity")
        self._names = None if names is None else (PHOTO_NAME, *names)
        if self.path.is_dir():
            self._files = files_in(self.path, MAP_SUFFIXES, "disparity maps")
        elif self.path.is_file():
            self._files = [self.path]
        else:
            raise InputError(f"{self.path}: no such file or folder; expected disparity maps")

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """Names and contents of the files, as a hash, and the space."""
        return {"part": "files", "space": self.space, "sha256": content_hash(self._files)}

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the maps of the images, in order, at the photo's size."""
        map_of = self._in_folder(images) if self.path.is_dir() else self._in_file(images)
        for name in images.names:
            where, values = map_of(name)
            sized = _checked(where, values, photo)
            yield Disparity(sized[None], self.space, self.name)

    def _in_folder(self, images: PaintedPhotos) -> Callable[[str], tuple[str, NDArray[Any]]]:
        by_stem = {path.stem: path for path in self._files}
        lacking = [name for name in images.names if name not in by_stem]
        if lacking:
            raise InputError(
                f"{self.path}: holds no map for {len(lacking)} of {len(images)} images, e.g. "
                f"{lacking[0]}.npy; give one for the photo, named {PHOTO_NAME}, and one for each "
                "painted photo, of its name"
            )

        def map_of(name: str) -> tuple[str, NDArray[Any]]:
            path = by_stem[name]
            if path.suffix.lower() != ".npz":
                return str(path), _single(read_map(path, _NAME))
            arrays = read_npz(path)
            self._require_space(path, arrays)
            return str(path), _single(only_array(path, arrays, _NAME))

        return map_of

    def _in_file(self, images: PaintedPhotos) -> Callable[[str], tuple[str, NDArray[Any]]]:
        names = self._names or images.names
        arrays = read_npz(self.path) if self.path.suffix.lower() == ".npz" else {}
        self._require_space(self.path, arrays)
        lacking = [name for name in names if name not in arrays]
        if not lacking:
            return lambda name: (f"{self.path}: {name}", _single(arrays[name]))
        if PHOTO_NAME in arrays and "painted" in arrays:
            stack = self._joined(arrays[PHOTO_NAME], arrays["painted"])
        elif PHOTO_NAME in arrays and len(arrays) > 1:
            raise InputError(
                f"{self.path}: holds no map for {len(lacking)} of {len(names)} images, e.g. "
                f"{lacking[0]}; name one {PHOTO_NAME}, and one as each painted photo is named"
            )
        elif self.path.suffix.lower() == ".npz":
            stack = only_array(self.path, arrays, _NAME)
        else:
            stack = read_map(self.path, _NAME)
        if stack.ndim == 2 and len(names) == 1:
            stack = stack[None]
        if stack.ndim != 3 or len(stack) != len(names):
            expected = (len(names), *images.repainted.shape[1:])
            if len(names) == 1:
                raise InputError(
                    f"{self.path}: {stack.shape}; expected the photo's map, {expected}"
                )
            count = len(names) - 1
            painted = f"each of {count} painted photos" if count != 1 else "the painted one"
            raise InputError(
                f"{self.path}: {stack.shape}; expected the photo's map and one for {painted}, "
                f"{expected}; or give a folder with photo.npy and one file for each painted photo"
            )
        index_of = {name: index for index, name in enumerate(names)}
        return lambda name: (f"{self.path}: map {index_of[name]}", stack[index_of[name]])

    def _joined(self, photo: NDArray[Any], painted: NDArray[Any]) -> NDArray[Any]:
        if painted.ndim != 3 or photo.shape != painted.shape[1:]:
            raise InputError(
                f"{self.path}: photo is {photo.shape} and painted {painted.shape}; expected "
                "(H, W) and (N, H, W)"
            )
        return np.concatenate([photo[None], painted])

    def _require_space(self, path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Believe a file that says what it holds, as those of a run do."""
        stated = arrays.get("space")
        # Of a painted photo of that name it would be the map.
        if stated is not None and stated.ndim == 0 and str(stated) != self.space:
            raise InputError(
                f"{path}: says that it holds {stated}, but is given as {self.space}; use "
                f"--disparity-space {stated}"
            )


def _single(values: NDArray[Any]) -> NDArray[Any]:
    """A map (H, W), also where it is stored as (1, H, W)."""
    return values[0] if values.ndim == 3 and len(values) == 1 else values


def _checked(where: str, values: NDArray[Any], photo: Photo) -> NDArray[np.float32]:
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.number):
        raise InputError(f"{where}: {values.shape} {values.dtype}; expected numbers (H, W)")
    check_same_picture(where, values.shape, photo.shape)
    if not np.isfinite(values).all():
        raise InputError(f"{where}: holds NaN or infinite values; give a number for every pixel")
    return resize_map(values, *photo.shape)

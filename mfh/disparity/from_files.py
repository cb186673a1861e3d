"""Relative disparity made by any other tool, from files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.reading import read_npz
from mfh.records import Disparity, PaintedPhotos, Photo, Space
from mfh.user_files import (
    MAP_SUFFIXES,
    check_same_picture,
    content_hash,
    files_in,
    read_map,
    resize_map,
)

# What the map is called in the `disparity` folder of a run.
_NAME = "values"


class DisparityFiles:
    """Relative disparity of the photo and of its painted photos, from a file or a folder.

    A folder holds `photo.*` and, for each painted photo `NAME.png`, `NAME.*`, each one map in .npy,
    .npz or 16-bit PNG; or `photo.npz` and `painted.npz` as in the `disparity` folder of a run. A
    file holds the maps stacked, the photo's first, (1 + N, H, W); or an .npz holds them as
    `photo` (H, W) and `painted` (N, H, W). Maps may be of another size than the photo if the aspect
    agrees.

    space: "disparity" for values that are larger where nearer, "depth" for the opposite.

    Raises `InputError` where a map is missing, unreadable, of the wrong shape or not finite.
    """

    def __init__(self, path: str | Path, space: Space = "disparity") -> None:
        self.path = Path(path)
        self.space = space
        self.name = f"files: {self.path.name}"
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

    def estimate(self, photo: Photo, painted: PaintedPhotos) -> tuple[Disparity, Disparity]:
        """The maps at the photo's size."""
        maps = self._from_folder(painted) if self.path.is_dir() else self._from_file(painted)
        sized = np.stack([self._checked(where, values, photo) for where, values in maps])
        return (
            Disparity(sized[:1], self.space, self.name),
            Disparity(sized[1:], self.space, self.name),
        )

    def _from_folder(self, painted: PaintedPhotos) -> list[tuple[str, NDArray[Any]]]:
        by_stem = {path.stem: path for path in self._files}
        if "photo" not in by_stem:
            raise InputError(f"{self.path}: holds no photo.npy, photo.npz or photo.png")
        photo = [(str(by_stem["photo"]), _squeezed(read_map(by_stem["photo"], _NAME)))]
        if "painted" in by_stem:
            stack = read_map(by_stem["painted"], _NAME)
            return photo + self._stacked(stack, painted, str(by_stem["painted"]))
        lacking = [name for name in painted.names if name not in by_stem]
        if lacking:
            raise InputError(
                f"{self.path}: no disparity for {len(lacking)} of {len(painted.names)} painted "
                f"photos, e.g. {lacking[0]}.npy; give one for each"
            )
        return photo + [
            (str(by_stem[name]), _squeezed(read_map(by_stem[name], _NAME)))
            for name in painted.names
        ]

    def _from_file(self, painted: PaintedPhotos) -> list[tuple[str, NDArray[Any]]]:
        where = str(self.path)
        if self.path.suffix.lower() == ".npz":
            arrays = read_npz(self.path)
            if {"photo", "painted"} <= arrays.keys():
                photo = (f"{where}: photo", _squeezed(arrays["photo"]))
                return [photo, *self._stacked(arrays["painted"], painted, f"{where}: painted")]
        stack = read_map(self.path, _NAME)
        if stack.ndim != 3 or len(stack) != 1 + len(painted):
            raise InputError(
                f"{where}: {stack.shape}; expected the photo's map and one for each of "
                f"{len(painted)} painted photos, {(1 + len(painted), *painted.images.shape[1:3])}; "
                "or give a folder with photo.npy and one file for each painted photo"
            )
        return [(f"{where}: map {index}", values) for index, values in enumerate(stack)]

    @staticmethod
    def _stacked(
        stack: NDArray[Any], painted: PaintedPhotos, where: str
    ) -> list[tuple[str, NDArray[Any]]]:
        if stack.ndim != 3 or len(stack) != len(painted):
            raise InputError(
                f"{where}: {stack.shape}; expected one map for each of the {len(painted)} "
                "painted photos"
            )
        return [(f"{where}: map {index}", values) for index, values in enumerate(stack)]

    @staticmethod
    def _checked(where: str, values: NDArray[Any], photo: Photo) -> NDArray[np.float32]:
        if values.ndim != 2 or not np.issubdtype(values.dtype, np.number):
            raise InputError(f"{where}: {values.shape} {values.dtype}; expected numbers (H, W)")
        check_same_picture(where, values.shape, photo.shape)
        if not np.isfinite(values).all():
            raise InputError(
                f"{where}: holds NaN or infinite values; give a number for every pixel"
            )
        return resize_map(values, *photo.shape)


def _squeezed(values: NDArray[Any]) -> NDArray[Any]:
    return values[0] if values.ndim == 3 and len(values) == 1 else values

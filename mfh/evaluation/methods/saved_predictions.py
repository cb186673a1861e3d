"""Metric depth that any method has saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.evaluation.methods.base import Case
from mfh.files.user_files import MAP_SUFFIXES, check_same_picture, read_map, resize_map
from mfh.records import MetricDepth, Photo

PNG_SCALES: Mapping[str, float] = {"mm": 1000.0, "kitti": 256.0}
"""Units a metre of 16-bit PNGs by name: millimetres, and those of KITTI's depth files."""

_ARRAYS = ("depth_m", "depth", "pred")


class SavedPredictions:
    """The saved predictions of a method (`mfh.evaluation.methods.base.Method`).

    Of a sample "scene/rgb_1" the file is `scene/rgb_1.*`, `scene_rgb_1.*` or `scene-rgb_1.*`; where
    no other sample ends in "rgb_1" also `rgb_1.*`, if in the whole folder only one has that stem:
    .npy, .npz (`depth_m`, `depth`, `pred` or its only array), both of floats in metres, or 16-bit
    grey PNG, in which 0 is unknown. A prediction has the photo's size, or another of the same
    aspect and is then resized bilinearly.

    folder: where the files are, at whatever depth.
    names: of all samples of the data set; without them files need the whole name.
    png_units_per_m: what a PNG holds for a metre, see `PNG_SCALES`.

    Raises `InputError` where there is no such folder, or no predictions in it.
    """

    def __init__(
        self,
        folder: str | Path,
        names: Sequence[str] = (),
        *,
        png_units_per_m: float | None = None,
    ) -> None:
        self._folder = Path(folder).expanduser()
        self._names = tuple(names)
        self._png_units_per_m = png_units_per_m
        if not self._folder.is_dir():
            raise InputError(f"{self._folder}: no such folder; expected one of saved predictions")
        if not self._by_name:
            raise InputError(
                f"{self._folder}: holds no predictions; expected {', '.join(MAP_SUFFIXES)}"
            )

    def predict(self, case: Case) -> MetricDepth:
        """The prediction saved for a case.

        Raises `InputError` where there is none, naming what was looked for, more than one, or one
        that cannot be used.
        """
        path = self._file(case.name)
        values = self._depth_m(path)
        check_same_picture(str(path), values.shape, case.photo.shape)
        return MetricDepth(
            depth_m=resize_map(values, *case.photo.shape),
            camera=case.photo.camera,
            parts={"estimator": f"files: {self._folder.name}"},
            warnings=_resized(path, values, case.photo),
        )

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Path]]:
        """All files by their path in the folder, without suffix."""
        found: dict[str, list[Path]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix.lower() in MAP_SUFFIXES and not path.name.startswith("."):
                name = path.relative_to(self._folder).with_suffix("").as_posix()
                found.setdefault(name, []).append(path)
        return found

    @cached_property
    def _samples_by_stem(self) -> Mapping[str, Sequence[str]]:
        """The names of all samples by what they end in."""
        found: dict[str, list[str]] = {}
        for name in self._names:
            found.setdefault(_stem(name), []).append(name)
        return found

    def _file(self, name: str) -> Path:
        names = tuple(dict.fromkeys((name, name.replace("/", "_"), name.replace("/", "-"))))
        for each in names:
            if each in self._by_name:
                return _only(self._by_name[each], name)
        stem = _stem(name)
        found = [
            path for each, paths in self._by_name.items() if _stem(each) == stem for path in paths
        ]
        # A photo of another scene may have the same stem: the file could be of either.
        alone = self._samples_by_stem.get(stem, []) == [name]
        if found and alone:
            return _only(found, name)
        looked = ", ".join(f"{each}.*" for each in dict.fromkeys((*names, *([stem] * alone))))
        raise InputError(
            f"{self._folder}: holds no prediction of {name}; looked for {looked} "
            f"({', '.join(MAP_SUFFIXES)}){self._told(found, name)}"
        )

    def _told(self, found: Sequence[Path], name: str) -> str:
        """Why a file that has the stem of a sample alone is not taken for its prediction."""
        if not found:
            return ""
        others = [each for each in self._samples_by_stem.get(_stem(name), []) if each != name]
        why = f"may as well be of {others[0]}" if others else "may be of another photo"
        return f"; {found[0]} {why}: name files by the whole name"

    def _depth_m(self, path: Path) -> NDArray[np.float32]:
        values: NDArray[Any] = read_map(path, *_ARRAYS)
        if path.suffix.lower() == ".png":
            return self._from_png(path, values)
        if values.ndim > 2:
            values = values.squeeze()
        if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
            raise InputError(
                f"{path}: {values.shape} {values.dtype}; expected depth in metres, (H, W) of floats"
            )
        return values.astype(np.float32)

    def _from_png(self, path: Path, values: NDArray[Any]) -> NDArray[np.float32]:
        if self._png_units_per_m is None:
            raise InputError(
                f"{path}: a PNG does not say what a metre is in it; give that before the folder: "
                "files:mm@DIR, files:kitti@DIR (256 a metre) or files:NUMBER@DIR"
            )
        metres = values / np.float64(self._png_units_per_m)
        return np.where(values == 0, np.nan, metres).astype(np.float32)


def _stem(name: str) -> str:
    return name.rpartition("/")[2]


def _only(paths: Sequence[Path], name: str) -> Path:
    if len(paths) > 1:
        raise InputError(
            f"{paths[0]} and {paths[1]}: both may be the prediction of {name}; keep one, or name "
            "them by the whole name"
        )
    return paths[0]


def _resized(path: Path, values: NDArray[np.float32], photo: Photo) -> tuple[str, ...]:
    if values.shape == photo.shape:
        return ()
    (h, w), (height, width) = values.shape, photo.shape
    return (f"{path.name} is {w} x {h} px and was resized to the photo's {width} x {height} px",)

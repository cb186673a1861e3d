"""DIODE, indoor validation: 325 photos of a laser scanner (Vasiljevic et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import LayoutError, Sample
from mfh.datasets.official_set import OfficialSet, gaps_of
from mfh.datasets.protocol import Protocol
from mfh.datasets.stored_files import holds, places_below, require_size
from mfh.errors import InputError
from mfh.files.reading import read_npy
from mfh.records import Intrinsics, Photo

_SIZE = (768, 1024)

# In px, of the data set's development kit, `intrinsics.txt`. Its pixels are not square.
_CAMERA = Intrinsics(886.81, 927.06, 512.0, 384.0, *_SIZE)

# Scans of the indoor validation set, and how many photos each has.
_SCANS: Mapping[str, int] = MappingProxyType(
    {
        "scene_00019/scan_00183": 73,
        "scene_00020/scan_00184": 27,
        "scene_00020/scan_00185": 29,
        "scene_00020/scan_00186": 48,
        "scene_00020/scan_00187": 33,
        "scene_00021/scan_00188": 25,
        "scene_00021/scan_00189": 22,
        "scene_00021/scan_00190": 25,
        "scene_00021/scan_00191": 18,
        "scene_00021/scan_00192": 25,
    }
)

# Where the folder of scenes is below the root.
_PLACES = (".", "val/indoors", "indoors", "*/val/indoors", "*/indoors")

_DEPTH = "_depth.npy"
_MASK = "_depth_mask.npy"


@dataclass(frozen=True)
class Diode(OfficialSet):
    """The indoor part of the validation set.

    root: `val/indoors`, or a folder up to three levels above it.
    """

    name: ClassVar[str] = "diode"
    title: ClassVar[str] = "DIODE indoor"
    protocol: ClassVar[Protocol] = Protocol(
        max_m=10.0,
        source="Metric from Human, its code (cap of 10 m); validity masks of the data set, no crop",
    )
    where: ClassVar[str] = (
        "Get val.tar.gz (2.6 GB) from https://diode-dataset.org and unpack it: val/indoors is what "
        "is read."
    )
    expected: ClassVar[str] = (
        "val/indoors/scene_NNNNN/scan_NNNNN/NAME.png, NAME_depth.npy and NAME_depth_mask.npy"
    )

    def samples(self) -> Sequence[Sample]:
        """The photos of the ten scans that are there, or their depth is, by name."""
        folder = self._folder()
        samples = []
        for scan in _SCANS:
            stems = {path.stem for path in (folder / scan).glob("*.png")}
            stems |= {path.name.removesuffix(_DEPTH) for path in (folder / scan).glob(f"*{_DEPTH}")}
            for stem in sorted(stem for stem in stems if not stem.startswith(".")):
                place = folder / scan / stem
                photo, truth = place.with_name(f"{stem}.png"), place.with_name(stem + _DEPTH)
                samples.append(Sample(f"{scan}/{stem}", photo, truth))
        if not samples:
            raise LayoutError(
                f"{folder}: its scenes are not those of the indoor validation set ({_scenes()}); "
                f"give that set's folder. {self.where}"
            )
        return samples

    def photo(self, sample: Sample) -> Photo:
        """The photo with the camera of the data set."""
        return self._photo(sample, _CAMERA)

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Depth where the data set's mask says that it holds."""
        depth_m = self._map(sample.truth, "depth maps")
        mask = self._map(_mask_of(sample), "masks")
        known = (mask > 0) & np.isfinite(depth_m) & (depth_m > 0)
        return np.where(known, depth_m, np.nan).astype(np.float32)

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Photo, depth and mask."""
        return sample.photo, sample.truth, _mask_of(sample)

    def gaps(self, samples: Sequence[Sample]) -> tuple[int, Mapping[str, str]]:
        """Scans that have fewer photos than they should."""
        return gaps_of(self._folder(), _SCANS, samples)

    def layout(self) -> str:
        """Where it is."""
        return f"scenes in {self._folder()}"

    def _folder(self) -> Path:
        for folder in places_below(self.root, _PLACES):
            if holds(folder, "scene_*/scan_*"):
                return folder
        raise self._unlike()

    def _map(self, path: Path, what: str) -> NDArray[Any]:
        """An array (H, W) or (H, W, 1) of numbers, as (H, W)."""
        array = read_npy(self._there(path))
        if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or array.shape[2:] > (1,):
            raise InputError(
                f"{path}: an array {array.shape} of {array.dtype}; expected numbers "
                f"{_SIZE} or {(*_SIZE, 1)}: unpack it again"
            )
        require_size(path, array, _SIZE, f"{what} of {self.title}")
        return array.reshape(_SIZE)


def _mask_of(sample: Sample) -> Path:
    return sample.truth.with_name(sample.truth.name.removesuffix(_DEPTH) + _MASK)


def _scenes() -> str:
    return ", ".join(sorted({scan.partition("/")[0] for scan in _SCANS}))

"""iBims-1: 100 indoor photos with depth of a laser scanner (Koch et al., ECCV Workshops 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.camera import intrinsics_from
from mfh.datasets.base import Sample
from mfh.datasets.official_set import OfficialSet
from mfh.datasets.protocol import Protocol
from mfh.datasets.stored_files import places_below, read_mask_png, require_size
from mfh.errors import InputError
from mfh.records import Photo

_SIZE = (480, 640)
_COUNT = 100

# 65535 is 50 m (readme.txt of the data set).
_UNITS_PER_M = 65535 / 50

_MASKS = ("mask_invalid", "mask_transp")

# What tells the data set: photos with their calibration, or the truth alone.
_FOLDERS = (("rgb", "depth", "calib"), ("depth", *_MASKS))


@dataclass(frozen=True)
class Ibims(OfficialSet):
    """The core set in its raw form: `ibims1_core_raw`.

    root: that folder, or the one that holds it.
    """

    name: ClassVar[str] = "ibims"
    title: ClassVar[str] = "iBims-1"
    protocol: ClassVar[Protocol] = Protocol(
        max_m=10.0,
        crop="eigen",
        source="Metric from Human, section 4.1 (Eigen crop) and its code (cap of 10 m)",
    )
    where: ClassVar[str] = (
        "Get ibims1_core_raw.zip (55 MB) and imagelist.txt from "
        "https://www.asg.ed.tum.de/lmf/ibims1/, and put the list into the folder that is unpacked."
    )
    expected: ClassVar[str] = (
        "ibims1_core_raw/{rgb,depth,calib,mask_invalid,mask_transp}/NAME with imagelist.txt"
    )

    def samples(self) -> Sequence[Sample]:
        """The photos in the order of imagelist.txt; without it, those that are there, by name."""
        folder = self._folder()
        listed = self._list(folder)
        names = listed if listed is not None else _found_names(folder)
        return [
            Sample(name, folder / "rgb" / f"{name}.png", folder / "depth" / f"{name}.png")
            for name in names
        ]

    def photo(self, sample: Sample) -> Photo:
        """The photo with its own camera."""
        camera = intrinsics_from(self._there(self._beside(sample, "calib", ".txt")), *_SIZE)
        return self._photo(sample, camera)

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Depth where neither mask (invalid, transparent) is black."""
        depth_m = self._depth_png(sample, _UNITS_PER_M)
        require_size(sample.truth, depth_m, _SIZE, f"depth maps of {self.title}")
        for name in _MASKS:
            path = self._there(self._beside(sample, name, ".png"))
            mask = read_mask_png(path)
            require_size(path, mask, _SIZE, f"masks of {self.title}")
            depth_m[~mask] = np.nan
        return depth_m

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Photo, depth, masks and calibration."""
        masks = (self._beside(sample, name, ".png") for name in _MASKS)
        return sample.photo, sample.truth, *masks, self._beside(sample, "calib", ".txt")

    def gaps(self, samples: Sequence[Sample]) -> tuple[int, Mapping[str, str]]:
        """Without imagelist.txt, photos are missing that cannot be named."""
        folder = self._folder()
        if self._list(folder) is not None or len(samples) >= _COUNT:
            return len(samples), {}
        return _COUNT, {"rgb": f"{folder / 'rgb'}: {len(samples)} of {_COUNT} photos"}

    def layout(self) -> str:
        """Where it is, and where the names of the photos are from."""
        folder = self._folder()
        listed = (folder / "imagelist.txt").is_file()
        return f"{folder}, {'photos of imagelist.txt' if listed else 'without imagelist.txt'}"

    def _folder(self) -> Path:
        for folder in places_below(self.root, (".", "ibims1_core_raw", "*/ibims1_core_raw")):
            if any(all((folder / name).is_dir() for name in names) for names in _FOLDERS):
                return folder
        raise self._unlike()

    def _list(self, folder: Path) -> list[str] | None:
        path = folder / "imagelist.txt"
        try:
            names = path.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read as a list of names ({error})") from error
        if not names or any("/" in name or "\\" in name for name in names):
            raise InputError(f"{path}: expected the names of the photos, e.g. corridor_01, a line")
        return list(dict.fromkeys(name.removesuffix(".png") for name in names))

    def _beside(self, sample: Sample, folder: str, suffix: str) -> Path:
        return sample.photo.parent.parent / folder / f"{sample.name}{suffix}"


def _found_names(folder: Path) -> list[str]:
    paths = (path for part in ("rgb", "depth") for path in (folder / part).glob("*.png"))
    return sorted({path.stem for path in paths if not path.name.startswith(".")})

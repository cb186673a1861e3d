"""KITTI, streets, with the annotated depth maps of 2017 (Eigen's "corrected" split).

Eigen et al., NeurIPS 2014 (split); Uhrig et al., 3DV 2017 (depth, accumulated over 11 frames).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.camera import crop_intrinsics
from mfh.datasets.base import LayoutError, Sample
from mfh.datasets.kitti_frames import (
    LEFT,
    RIGHT,
    Frame,
    eigen_test_drives,
    eigen_test_split,
    read_split,
    training_frames,
)
from mfh.datasets.official_set import OfficialSet, split_named
from mfh.datasets.protocol import Protocol
from mfh.datasets.stored_files import (
    content_in_words,
    holds,
    require_size,
    subfolders,
)
from mfh.errors import CameraError
from mfh.records import Intrinsics, Photo

__all__ = ["Kitti", "eigen_test_split", "read_split"]

# KITTI depth development kit, readme.txt.
_UNITS_PER_M = 256.0

# Height and width of the KB crop, px: the size of the depth benchmark's test photos.
_CROP = (352, 1216)

# Rectified colour cameras by date: f, cx, cy in px, height and width (`calib_cam_to_cam.txt`,
# P_rect_02 and S_rect_02); those of the right one are the same, as rectified cameras' are.
_CAMERAS: Mapping[str, tuple[float, float, float, int, int]] = MappingProxyType(
    {
        "2011_09_26": (721.5377, 609.5593, 172.854, 375, 1242),
        "2011_09_28": (707.0493, 604.0814, 180.5066, 370, 1224),
        "2011_09_29": (718.3351, 600.3891, 181.5122, 374, 1238),
        "2011_09_30": (707.0912, 601.8873, 183.1104, 370, 1226),
        "2011_10_03": (718.856, 607.1928, 185.2157, 376, 1241),
    }
)

_SIDES: Mapping[str, str] = MappingProxyType({LEFT: "left", RIGHT: "right"})

_DATE = "[0-9][0-9][0-9][0-9]_[0-9][0-9]_[0-9][0-9]"

# Where the folders of drives with truth are, below the root or the folder of the dates: BTS's, and
# those that data_depth_annotated.zip unpacks to.
_TRUTH_PLACES = (
    "gts",
    "data_depth_annotated/val",
    "data_depth_annotated/train",
    "data_depth_annotated",
    "val",
    "train",
    ".",
)

_WHERE_TO_TRAIN = (
    "Get the raw data, synced and rectified, of the drives to train on and the calibration of "
    "their dates from https://www.cvlibs.net/datasets/kitti/raw_data.php into raw/, and "
    "data_depth_annotated.zip (14 GB) from "
    "https://www.cvlibs.net/datasets/kitti/eval_depth.php into data_depth_annotated/; "
    "eigen_train_files_with_gt.txt of https://github.com/cleinc/bts lists the usual 23 thousand "
    "(option split)."
)


@dataclass(frozen=True)
class Kitti(OfficialSet):
    """Eigen's test split, in BTS's layout or KITTI's own; or photos to train on.

    root: the folder of the raw data and the annotated depth, or one that holds it.
    split: "train" for every photo of the left camera with annotated depth of drives that Eigen's
        test split is not of. Or a list file, a line a photo that names drive and frame:
        "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.png TRUTH FOCAL" as BTS has
        it, or "2011_09_26/2011_09_26_drive_0002_sync 69 l" as Monodepth2. The right camera is read
        where a line names image_03 first, or r. Lines whose truth is "None" are left out. None and
        "test" are Eigen's test split.
    """

    split: str | Path | None = None

    name: ClassVar[str] = "kitti"
    title: ClassVar[str] = "KITTI"
    protocol: ClassVar[Protocol] = Protocol(
        max_m=80.0,
        crop="garg",
        source="Garg et al., ECCV 2016 (crop); BTS, Lee et al. 2019 (KB crop, 0.001 to 80 m)",
    )
    where: ClassVar[str] = (
        "Get the raw data, synced and rectified, of the 28 drives and the calibration of their 5 "
        "dates from https://www.cvlibs.net/datasets/kitti/raw_data.php into raw/, and "
        "data_depth_annotated.zip (14 GB) from "
        "https://www.cvlibs.net/datasets/kitti/eval_depth.php into gts/ or data_depth_annotated/."
    )
    expected: ClassVar[str] = (
        "raw/DATE/DRIVE_sync/image_02/data/NNNNNNNNNN.png, and "
        "DRIVE_sync/proj_depth/groundtruth/image_02/NNNNNNNNNN.png in gts/ (BTS) or "
        "data_depth_annotated/{train,val}/ (KITTI)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "split", split_named(self.split))

    @property
    def options(self) -> Mapping[str, Any]:
        """The split, where it is not Eigen's."""
        return {} if self.split is None else {"split": str(self.split)}

    def samples(self) -> Sequence[Sample]:
        """The 652 photos of the split that have truth, by drive and frame, or those of `split`."""
        raw = self._raw()
        places = self.truth_places(raw)
        frames = self._frames(raw, places)
        truths = {key: truth_folder(*key, raw, places) for key in {(f[0], f[2]) for f in frames}}
        return [
            Sample(
                frame.name,
                _photo_path(raw, frame),
                truths[frame.drive, frame.camera] / f"{frame.number:010d}.png",
                {"date": frame.drive[:10], "camera": frame.camera},
            )
            for frame in frames
        ]

    def photo(self, sample: Sample) -> Photo:
        """The KB crop of the photo, and its camera."""
        image = self._colours(sample)
        camera = self._camera(sample)
        self._require_size(sample.photo, image, camera)
        top, left = _kb_corner(camera)
        height, width = _CROP
        cropped = image[top : top + height, left : left + width]
        return self._named(sample, cropped, crop_intrinsics(camera, top, left, height, width))

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """The KB crop of the annotated depth."""
        depth_m = self._depth_png(sample, _UNITS_PER_M)
        camera = self._camera(sample)
        self._require_size(sample.truth, depth_m, camera)
        top, left = _kb_corner(camera)
        return np.array(depth_m[top : top + _CROP[0], left : left + _CROP[1]])

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Photo, depth, and the calibration of its date where it is there or has to be."""
        calibration = _calibration_of(sample)
        needed = sample.extra["date"] not in _CAMERAS or calibration.is_file()
        return sample.photo, sample.truth, *([calibration] if needed else [])

    def layout(self) -> str:
        """Where the photos are, or are expected, and which photos count."""
        if self.split is None:
            split = "Eigen's test split, the 652 of 697 photos that have annotated depth"
        elif self.split == "train":
            drives = {sample.name.partition("/")[0] for sample in self.samples()}
            split = (
                f"training photos, the left camera's with annotated depth of {len(drives)} drives "
                "that are not Eigen's test drives"
            )
        else:
            split = f"split of {self.split}"
        return f"photos in {self._raw()}; {split}"

    def remedy(self) -> str:
        """Where to get the split."""
        return self.where if self.split is None else _WHERE_TO_TRAIN

    def _frames(self, raw: Path, places: Sequence[Path]) -> list[Frame]:
        if self.split is None:
            return [Frame(*each) for each in eigen_test_split()]
        if isinstance(self.split, Path):
            return read_split(self.split)
        # The folder of a date may hold the truth beside the photos.
        frames = training_frames((*places, *subfolders(raw)))
        if not frames:
            raise LayoutError(
                f"{self.root}: holds no training photos of {self.title}: expected {self.expected}, "
                f"of other drives than the {len(eigen_test_drives())} of Eigen's test split; "
                f"{content_in_words(self.root)}. {_WHERE_TO_TRAIN}"
            )
        return frames

    def _raw(self) -> Path:
        """The folder of the dates; where only truth is there, that in which they are expected."""
        dates = [
            path
            for place in (f"raw/{_DATE}", _DATE, f"*/{_DATE}", f"*/*/{_DATE}")
            for path in sorted(self.root.glob(place))
            if path.is_dir()
        ]
        for date in dates:
            if holds(date, "*_sync/image_02"):
                return date.parent
        raw = dates[0].parent if dates else self.root / "raw"
        if self.truth_places(raw) or any(holds(date, "*_sync/proj_depth") for date in dates):
            return raw
        raise self._unlike()

    def truth_places(self, raw: Path) -> list[Path]:
        """The folders there are that may hold drives with truth."""
        homes = dict.fromkeys((self.root, raw.parent, raw, *subfolders(self.root)))
        places = dict.fromkeys(home / place for home in homes for place in _TRUTH_PLACES)
        return [place for place in places if holds(place, "*_sync/proj_depth")]

    def _camera(self, sample: Sample) -> Intrinsics:
        """The camera of the date, before the KB crop."""
        date = str(sample.extra["date"])
        calibration = _calibration_of(sample)
        if calibration.is_file():
            return _read_camera(calibration, str(sample.extra["camera"]))
        if date not in _CAMERAS:
            raise CameraError(
                f"{calibration}: there is no such file; get the calibration of {date}"
            )
        f, cx, cy, height, width = _CAMERAS[date]
        side = _SIDES[str(sample.extra["camera"])]
        return Intrinsics(f, f, cx, cy, height, width, note=f"{side} colour camera of {date}")

    def _require_size(self, path: Path, array: NDArray[np.generic], camera: Intrinsics) -> None:
        require_size(path, array, (camera.height, camera.width), "those of its date")


def _photo_path(raw: Path, frame: Frame) -> Path:
    folder = raw / frame.drive[:10] / f"{frame.drive}_sync" / frame.camera / "data"
    return folder / f"{frame.number:010d}.png"


def truth_folder(drive: str, camera: str, raw: Path, places: Sequence[Path]) -> Path:
    """Where the truth of a drive is, or is expected to be."""
    inside = Path(f"{drive}_sync", "proj_depth", "groundtruth", camera)
    for place in (*places, raw / drive[:10]):
        if (place / inside).is_dir():
            return place / inside
    return raw.parent / "gts" / inside


def _calibration_of(sample: Sample) -> Path:
    return sample.photo.parents[3] / "calib_cam_to_cam.txt"


def _kb_corner(camera: Intrinsics) -> tuple[int, int]:
    """Row and column of the crop's first pixel: the bottom rows, the centre columns, rounded down.

    As KITTI's depth development kit and BTS (`do_kb_crop`) have it.
    """
    return camera.height - _CROP[0], (camera.width - _CROP[1]) // 2


def _read_camera(path: Path, camera: str) -> Intrinsics:
    """A rectified colour camera of a date's `calib_cam_to_cam.txt`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CameraError(f"{path}: cannot be read ({error})") from error
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    keys = tuple(f"{name}_rect_{camera[-2:]}" for name in "SP")
    size, projection = map(partial(_numbers, values, path), keys, (2, 12))
    fx, cx, fy, cy = (projection[index] for index in (0, 2, 5, 6))
    intrinsics = Intrinsics(fx, fy, cx, cy, int(size[1]), int(size[0]), note=path.name)
    if intrinsics.height < _CROP[0] or intrinsics.width < _CROP[1]:
        raise CameraError(
            f"{path}: {keys[0]} is {intrinsics.width} x {intrinsics.height} px, smaller than the "
            f"KB crop of {_CROP[1]} x {_CROP[0]} px; take KITTI's own calibration of the date"
        )
    return intrinsics


def _numbers(values: Mapping[str, str], path: Path, key: str, count: int) -> list[float]:
    try:
        numbers = [float(word) for word in values[key].split()]
    except (KeyError, ValueError) as error:
        raise CameraError(f"{path}: {key} is missing or no numbers ({error})") from error
    if len(numbers) != count:
        raise CameraError(f"{path}: {key} has {len(numbers)} numbers; expected {count}")
    return numbers

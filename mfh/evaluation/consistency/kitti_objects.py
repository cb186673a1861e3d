"""KITTI's object detection: photos, and the boxes of what is labelled in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import Checked, LayoutError, Sample
from mfh.datasets.checking import count_line, missing_lines
from mfh.datasets.missing import missing_files
from mfh.datasets.protocol import Protocol
from mfh.datasets.stored_files import content_in_words, read_colours, require_file
from mfh.errors import InputError, SettingsError
from mfh.evaluation.consistency.kitti_calibration import camera_of, read_matrix
from mfh.files.reading import read_text_file
from mfh.records import Photo

CLASSES = ("Car", "Cyclist", "Pedestrian")
"""Those of the paper."""

_WHERE = (
    "Get left colour images (12 GB), calibration and labels of the object benchmark from "
    "https://www.cvlibs.net/datasets/kitti/eval_object.php?obj_benchmark=2d"
)
_VALUES = 15
"""Words of a line: class, truncation, occlusion, angle, box (4), size (3), place (3), rotation."""


@dataclass(frozen=True)
class LabelledObject:
    """An object of a photo, as KITTI labels it.

    image: the name of its photo. kind: one of `CLASSES`.
    box_px: left, top, right, bottom; the first pixel's centre is (0, 0).
    z_m: depth of the middle of its 3D box; what is seen of it is nearer.
    truncated: the part outside of the photo, 0 to 1. occluded: 0 fully visible, 1 partly, 2 largely
        occluded, 3 unknown.
    """

    image: str
    kind: str
    box_px: tuple[float, float, float, float]
    z_m: float
    truncated: float
    occluded: int

    @property
    def height_px(self) -> float:
        """The height of its box."""
        return self.box_px[3] - self.box_px[1]


@dataclass(frozen=True)
class KittiObjects:
    """The training photos that show an object which counts; a `DataSet` without depth maps.

    root: the folder of the benchmark, or its training folder.
    max_occlusion, max_truncation: an object counts up to these. As given they are KITTI's own
        limits of its "moderate" objects, by which its tables are sorted: what is hidden by half
        has the depth of what hides it in its box, and what is cut off has not its own height.

    Raises `SettingsError` for limits outside of what labels hold.
    """

    root: Path
    max_occlusion: int = 1
    max_truncation: float = 0.3

    name: ClassVar[str] = "kitti_objects"
    title: ClassVar[str] = "KITTI objects"
    protocol: ClassVar[Protocol] = Protocol(
        max_m=80.0, source="the range of KITTI's depth, CLIP2Depth, appendix B"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).absolute())
        if not (0 <= self.max_occlusion <= 3 and 0 <= self.max_truncation <= 1):
            raise SettingsError(
                f"occlusion up to {self.max_occlusion}, truncation up to {self.max_truncation:g}: "
                "expected 0 (fully visible) to 3 (unknown), and 0 to 1"
            )

    @property
    def options(self) -> Mapping[str, Any]:
        """None: which objects count makes no difference to predictions."""
        return {}

    @cached_property
    def objects(self) -> Sequence[LabelledObject]:
        """Every object that counts, by photos in their order.

        Those of `CLASSES` within the limits, between 0.001 and 80 m away, with a box that has a
        height. Raises `LayoutError` for another folder, and `InputError` for a label file.
        """
        return [
            each
            for path in self._label_files()
            for each in read_labels(path)
            if each.occluded <= self.max_occlusion
            and each.truncated <= self.max_truncation
            and self.protocol.min_m < each.z_m < self.protocol.max_m
            and each.height_px > 0
        ]

    def samples(self) -> Sequence[Sample]:
        """The photos with objects that count, by name, whether their files are there or not."""
        names = dict.fromkeys(each.image for each in self.objects)
        folder = self._training()
        return [
            Sample(
                name,
                folder / "image_2" / f"{name}.png",
                folder / "label_2" / f"{name}.txt",
                {"calibration": str(folder / "calib" / f"{name}.txt")},
            )
            for name in names
        ]

    def photo(self, sample: Sample) -> Photo:
        """The whole photo, and the camera of P2."""
        image = read_colours(require_file(sample.photo, _WHERE))
        calibration = Path(sample.extra["calibration"])
        projection = read_matrix(require_file(calibration, _WHERE), "P2", (3, 4))
        height, width = image.shape[:2]
        note = f"{calibration.parent.name}/{calibration.name}"
        return Photo(image, camera_of(projection, height, width, note), sample.name)

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Raise `InputError`: there is depth of objects, but no depth map."""
        raise InputError(
            f"{sample.truth}: the object benchmark has no depth maps; take a method that needs none"
        )

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """The photo and its calibration; labels were read by `samples`."""
        return sample.photo, Path(sample.extra["calibration"])

    def check(self) -> Checked:
        """What is there, what is missing, and where to get it."""
        samples = self.samples()
        missing = missing_files(self, samples)
        found = len(samples) - len(missing)
        lines = (count_line(found, len(samples)), *missing_lines(missing, self.root))
        return Checked((*lines, *([_WHERE] if missing else [])), len(samples), found, missing)

    def require_photos(self) -> None:
        """Raise `InputError` where no photo with objects that count is there."""
        samples = self.samples()
        if not samples:
            raise InputError(
                f"{self.root}: its labels hold no {', '.join(CLASSES)} up to occlusion "
                f"{self.max_occlusion} and truncation {self.max_truncation:g}; allow more"
            )
        missing = missing_files(self, samples)
        if len(missing) == len(samples):
            raise InputError(
                f"{self.root}: none of the {len(samples)} photos with objects is there, e.g. "
                f"{missing[samples[0].name]}. {_WHERE}"
            )

    def _training(self) -> Path:
        for folder in (self.root / "training", self.root):
            if (folder / "label_2").is_dir():
                return folder
        raise LayoutError(
            f"{self.root}: not laid out as KITTI's object benchmark: expected training/image_2, "
            f"training/label_2 and training/calib; {content_in_words(self.root)}. {_WHERE}"
        )

    def _label_files(self) -> list[Path]:
        folder = self._training() / "label_2"
        files = sorted(path for path in folder.glob("*.txt") if path.stem.isdigit())
        if not files:
            raise LayoutError(f"{folder}: holds no labels such as 000000.txt. {_WHERE}")
        return files


def read_labels(path: Path) -> list[LabelledObject]:
    """The objects of `CLASSES` in a label file; `DontCare` and other classes are left out.

    Raises `InputError` for a file that cannot be read, naming the line.
    """
    objects = []
    for number, line in enumerate(read_text_file(path).splitlines(), start=1):
        words = line.split()
        if not words or words[0] not in CLASSES:
            continue
        try:
            values = [float(word) for word in words[1:_VALUES]]
        except ValueError:
            values = []
        if len(values) != _VALUES - 1 or not all(map(math.isfinite, values)):
            raise InputError(
                f"{path}, line {number}: {line.strip()[:60]!r} is not a class with "
                f"{_VALUES - 1} numbers; take KITTI's own labels"
            )
        left, top, right, bottom = values[3:7]
        objects.append(
            LabelledObject(
                image=path.stem,
                kind=words[0],
                box_px=(left, top, right, bottom),
                z_m=values[12],
                truncated=values[0],
                occluded=int(values[1]),
            )
        )
    return objects

"""NYU Depth V2: 654 indoor photos of a Kinect (Silberman et al., ECCV 2012)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.evaluation.datasets.base import LayoutError, Sample
from mfh.evaluation.datasets.official_set import OfficialSet
from mfh.evaluation.datasets.stored_files import holds, places_below, require_size, subfolders
from mfh.evaluation.protocol import Protocol
from mfh.records import Intrinsics, Photo

_SIZE = (480, 640)

# Millimetres (BTS `utils/extract_official_train_test_set_from_mat.py`).
_UNITS_PER_M = 1000.0

# The colour camera, in px (toolbox of the data set, `camera_params.m`).
_CAMERA = Intrinsics(518.8579, 519.46961, 325.58245, 253.73617, *_SIZE)


@dataclass(frozen=True)
class _Layout:
    """How files are named.

    any_of: what photos and truths of any frame match. first: the number of the data set's first.
    """

    words: str
    any_of: tuple[str, str]
    photo: str
    truth: str
    first: int


_BTS = _Layout(
    "BTS layout",
    ("*/rgb_?????.jpg", "*/sync_depth_?????.png"),
    "rgb_{:05d}.jpg",
    "sync_depth_{:05d}.png",
    first=0,
)
_MARIGOLD = _Layout(
    "Marigold layout",
    ("*/rgb_????.png", "*/depth_????.png"),
    "rgb_{:04d}.png",
    "depth_{:04d}.png",
    first=1,
)

# Where the folder of scenes is below the root.
_PLACES = (".", "test", "official_splits/test", "*/test", "*/official_splits/test")


@dataclass(frozen=True)
class Nyu(OfficialSet):
    """The official test split, in BTS's or Marigold's layout.

    root: the folder of scenes, or one up to three levels above it.
    """

    name: ClassVar[str] = "nyu"
    title: ClassVar[str] = "NYU Depth V2"
    protocol: ClassVar[Protocol] = Protocol(
        max_m=10.0,
        crop="eigen",
        source="Eigen et al., NeurIPS 2014 (crop); BTS, Lee et al. 2019 (0.001 to 10 m)",
    )
    where: ClassVar[str] = (
        "Get nyu_depth_v2_labeled.mat (2.8 GB) from "
        "https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html and convert it with "
        "utils/extract_official_train_test_set_from_mat.py of https://github.com/cleinc/bts, or "
        "unpack nyu_labeled_extracted.tar of the evaluation data of "
        "https://github.com/prs-eth/Marigold."
    )
    expected: ClassVar[str] = (
        "official_splits/test/SCENE/rgb_NNNNN.jpg and sync_depth_NNNNN.png (BTS), or "
        "test/SCENE/rgb_NNNN.png and depth_NNNN.png (Marigold)"
    )

    def samples(self) -> Sequence[Sample]:
        """The 654 photos, by their number in the data set.

        Their names are made of scene type and number, from 0, as BTS's files are; so each photo has
        one name, whatever the layout. In Marigold's the folder is known only of photos that are
        there, or their depth is.
        """
        folder, layout = self._found()
        there = _scenes_by_number(folder) if layout is _MARIGOLD else {}
        samples = []
        for frame, scene_type in official_test_split():
            number = frame + layout.first
            scene = scene_type if layout is _BTS else there.get(number, f"{scene_type}_*")
            photo = folder / scene / layout.photo.format(number)
            truth = folder / scene / layout.truth.format(number)
            samples.append(Sample(f"{scene_type}/rgb_{frame:05d}", photo, truth))
        if not any(sample.photo.is_file() or sample.truth.is_file() for sample in samples):
            raise LayoutError(
                f"{folder}: none of the photos and depth maps there is of the official test "
                f"split; give the folder of that split. {self.where}"
            )
        return samples

    def photo(self, sample: Sample) -> Photo:
        """The photo with the camera of the data set."""
        return self._photo(sample, _CAMERA)

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Depth as the Kinect measured it, with its holes."""
        depth_m = self._depth_png(sample, _UNITS_PER_M)
        require_size(sample.truth, depth_m, _SIZE, f"depth maps of {self.title}")
        return depth_m

    def layout(self) -> str:
        """Which of the two layouts, and where."""
        folder, layout = self._found()
        return f"{layout.words}, {folder}"

    def _found(self) -> tuple[Path, _Layout]:
        for folder in places_below(self.root, _PLACES):
            for layout in (_BTS, _MARIGOLD):
                if holds(folder, *layout.any_of):
                    return folder, layout
        raise self._unlike()


def official_test_split() -> list[tuple[int, str]]:
    """Number, counted from 0, and scene type of the 654 photos, by number."""
    text = resources.files(__package__).joinpath("nyu_test.txt").read_text(encoding="utf-8")
    frames = []
    for scene_type, ranges in re.findall(r"^(\w+):((?:\s+[\d-]+)+)$", text, re.MULTILINE):
        for span in ranges.split():
            low, _, high = span.partition("-")
            frames += [(frame, scene_type) for frame in range(int(low), int(high or low) + 1)]
    return sorted(frames)


def _scenes_by_number(folder: Path) -> dict[int, str]:
    """The folder in which each photo of Marigold's layout, or its depth, is."""
    names = [(scene.name, path.name) for scene in subfolders(folder) for path in scene.iterdir()]
    found = ((scene, re.fullmatch(r"(?:rgb|depth)_(\d{4})\.png", name)) for scene, name in names)
    return {int(match[1]): scene for scene, match in found if match}

"""NYU Depth V2: indoor photos of a Kinect (Silberman et al., ECCV 2012)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.datasets import nyu_training
from mfh.datasets.base import LayoutError, Sample
from mfh.datasets.nyu_layouts import (
    Layout,
    any_there,
    found_below,
    labelled_samples,
    places_of,
)
from mfh.datasets.nyu_splits import official_test_split
from mfh.datasets.nyu_training import Listing
from mfh.datasets.official_set import OfficialSet, split_named
from mfh.datasets.protocol import Protocol
from mfh.datasets.stored_files import content_in_words, require_size
from mfh.records import Intrinsics, Photo

__all__ = ["Nyu", "official_test_split"]

_SIZE = (480, 640)

# Millimetres (BTS `utils/extract_official_train_test_set_from_mat.py`).
_UNITS_PER_M = 1000.0

# The colour camera, in px (toolbox of the data set, `camera_params.m`).
_CAMERA = Intrinsics(518.8579, 519.46961, 325.58245, 253.73617, *_SIZE)


@dataclass(frozen=True)
class Nyu(OfficialSet):
    """The official test split, in BTS's or Marigold's layout; or photos to train on.

    root: the folder of scenes, or one up to three levels above it.
    split: "train" for training photos: those of the training videos, in BTS's layout, or where
        there are none the labelled training photos. Or a list file, as
        `mfh.datasets.nyu_training.listed` reads it. None and "test" are the official
        test split.
    """

    split: str | Path | None = None

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

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "split", split_named(self.split))

    @property
    def options(self) -> Mapping[str, Any]:
        """The split, where it is not the official one for testing."""
        return {} if self.split is None else {"split": str(self.split)}

    def samples(self) -> Sequence[Sample]:
        """The 654 photos, by their number in the data set, or those of `split`.

        Their names are made of scene type and number, from 0, as BTS's files are; so each photo has
        one name, whatever the layout. In Marigold's the folder is known only of photos that are
        there, or their depth is. Frames of videos are named after video and number.
        """
        if self.split is not None:
            return self._listing(self.split).samples
        folder, layout = self._found()
        samples = labelled_samples(folder, layout, official_test_split())
        if not any_there(samples):
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
        """Which of the layouts, and where."""
        if self.split is not None:
            return self._listing(self.split).words
        folder, layout = self._found()
        return f"{layout.words}, {folder}"

    def remedy(self) -> str:
        """Where to get the split."""
        return self.where if self.split is None else nyu_training.WHERE

    def _found(self) -> tuple[Path, Layout]:
        found = found_below(self.root, places_of("test"))
        if found is None:
            raise self._unlike()
        return found

    def _listing(self, split: str | Path) -> Listing:
        if isinstance(split, Path):
            return nyu_training.listed(self.root, split)
        listing = nyu_training.training_listing(self.root)
        if listing is None:
            raise LayoutError(
                f"{self.root}: holds no training photos of {self.title}: expected "
                f"{nyu_training.EXPECTED}; {content_in_words(self.root)}. {nyu_training.WHERE}"
            )
        return listing

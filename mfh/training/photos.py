"""Photos with depth as models are trained on them: those of any data set of the evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args, overload

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import DataSet, Sample
from mfh.datasets.protocol import Crop, Protocol
from mfh.errors import InputError, SettingsError
from mfh.records import Intrinsics
from mfh.training import TrainingCrop
from mfh.training.splits import require_no_test_photos

# Those of Eigen et al. (2014); other data sets have that of their own protocol.
_EIGEN_CROPS: dict[str, Crop] = {"nyu": "eigen", "kitti": "eigen-kitti"}


@dataclass(frozen=True)
class TrainingPhoto:
    """One photo with the depth to learn.

    image: (H, W, 3) uint8 RGB.
    true_m: (H, W) float32, metres, z; NaN where it is unknown or does not count.
    name: as the data set's sample has it.
    camera: the photo's intrinsics.
    """

    image: NDArray[np.uint8]
    true_m: NDArray[np.float32]
    name: str
    camera: Intrinsics


@dataclass(frozen=True)
class TrainingPhotos(Sequence[TrainingPhoto]):
    """The photos of a data set, read one by one when they are asked for.

    Depth counts strictly between `min_m` and `max_m` of the data set's protocol and inside the
    crop; a depth map of another size than its photo is brought to the photo's by nearest pixels.
    It holds no pixels and can be pickled, so that the workers of a data loader can have it.

    samples: which photos, as `data_set.samples()` gives them.
    crop: "eigen": depth counts inside the crop of Eigen et al. (NeurIPS 2014) on NYU Depth V2 and
        KITTI (the view that methods get, 352 x 1216 px), and inside that of the protocol on other
        data sets; "none": everywhere. The photos themselves are not cropped.

    Raises `InputError` where there are no samples, or photos that are for testing (NYU Depth V2,
    KITTI), and `SettingsError` for another crop.
    """

    data_set: DataSet
    samples: Sequence[Sample]
    crop: TrainingCrop = "eigen"

    def __post_init__(self) -> None:
        if self.crop not in get_args(TrainingCrop):
            raise SettingsError(
                f"crop {self.crop!r}; accepted: {', '.join(get_args(TrainingCrop))}"
            )
        object.__setattr__(self, "samples", tuple(self.samples))
        if not self.samples:
            raise InputError(f"{self.data_set.root}: no photos to train on")
        require_no_test_photos(self.data_set, self.samples)

    @property
    def protocol(self) -> Protocol:
        """Which depth counts."""
        protocol = self.data_set.protocol
        if self.crop == "none":
            return replace(protocol, crop="none")
        return replace(protocol, crop=_EIGEN_CROPS.get(self.data_set.name, protocol.crop))

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self.samples)

    @overload
    def __getitem__(self, index: int) -> TrainingPhoto: ...
    @overload
    def __getitem__(self, index: slice) -> TrainingPhotos: ...
    def __getitem__(self, index: int | slice) -> TrainingPhoto | TrainingPhotos:
        """Read a photo and its depth; of a slice, none yet.

        Raises `InputError` naming the file that is missing or broken.
        """
        if isinstance(index, slice):
            return replace(self, samples=self.samples[index])
        sample = self.samples[index]
        photo = self.data_set.photo(sample)
        true_m = self._counted(sample)
        if true_m.shape != photo.shape:
            true_m = _nearest(true_m, *photo.shape)
        return TrainingPhoto(photo.image, true_m, sample.name, photo.camera)

    def __iter__(self) -> Iterator[TrainingPhoto]:
        """Read them one after the other."""
        return (self[index] for index in range(len(self)))

    def _counted(self, sample: Sample) -> NDArray[np.float32]:
        true_m = self.data_set.truth(sample)
        try:
            valid = self.protocol.valid(true_m)
        except InputError as error:
            raise InputError(f"{sample.truth}: {error}") from error
        return np.where(valid, true_m, np.float32(np.nan))


def _nearest(depth_m: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A depth map at another size: at each pixel the depth of the pixel its centre lies in."""
    rows, columns = (
        (np.arange(size) * 2 + 1) * stored // (2 * size)
        for size, stored in zip((height, width), depth_m.shape, strict=True)
    )
    return depth_m[np.ix_(rows, columns)]

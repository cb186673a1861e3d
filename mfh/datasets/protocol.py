"""How a data set is scored: which truth counts, and within what range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError

Crop = Literal["none", "eigen", "eigen-kitti", "garg"]

# Rows and columns of a 480 x 640 px photo that Eigen et al. (2014) score: what Kinect's colour and
# depth cameras both see. As in BTS and ZoeDepth, `eval_mask[45:471, 41:601]`.
_EIGEN = (slice(45, 471), slice(41, 601))
_EIGEN_SHAPE = (480, 640)
# Fractions of height and width of KITTI's photos that Eigen et al. (2014) score, multiplied and
# truncated to whole pixels as in Monodepth and BTS (`bts_eval.py`, `--eigen_crop`).
_EIGEN_KITTI_ROWS = (0.3324324, 0.91351351)
_EIGEN_KITTI_COLUMNS = (0.0359477, 0.96405229)
# What has a logarithm.
_LEAST_M = 1e-3
# Fractions of height and width that Garg et al. (2016) score, where LiDAR reaches; multiplied and
# truncated to whole pixels as in Monodepth, BTS and ZoeDepth.
_GARG_ROWS = (0.40810811, 0.99189189)
_GARG_COLUMNS = (0.03594771, 0.96405229)


@dataclass(frozen=True)
class Protocol:
    """Which pixels of the truth count.

    max_m: the cap: truth counts strictly between `min_m` and it, and predictions are clipped to
        that range.
    crop: "eigen" (Eigen et al. 2014, of NYU Depth V2's 480 x 640 px), "eigen-kitti" (the same
        authors', of KITTI, in fractions) or "garg" (Garg et al. 2016).
    source: where the numbers are from.
    """

    max_m: float
    min_m: float = 1e-3
    crop: Crop = "none"
    source: str = ""

    def valid(self, true_m: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The pixels (H, W) of a truth that count; NaN counts as unknown.

        Raises `InputError` where the crop is not for this size.
        """
        rows, columns = crop_window(self.crop, true_m.shape)
        counted = np.zeros(true_m.shape, np.bool_)
        inside = true_m[rows, columns]
        counted[rows, columns] = (inside > self.min_m) & (inside < self.max_m)
        return counted

    def clip(self, depth_m: NDArray[np.floating]) -> None:
        """Clip depth to the range that is scored, in place: `inf` becomes the cap.

        Where the range begins at zero it is clipped to 1 mm, which has a logarithm.
        """
        depth_m.clip(max(self.min_m, _LEAST_M), self.max_m, out=depth_m)

    def scored(self, predicted_m: NDArray[np.floating]) -> NDArray[np.floating]:
        """A prediction as it is scored: clipped; what is no depth (NaN, zero, less) is the cap."""
        said = np.where(predicted_m > 0, predicted_m, np.asarray(np.inf, predicted_m.dtype))
        self.clip(said)
        return said


def crop_window(crop: Crop, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns that a crop leaves of (H, W).

    Raises `InputError` for the Eigen crop of another size than 480 x 640 px, which it is given in
    pixels of.
    """
    height, width = shape
    if crop == "eigen":
        if (height, width) != _EIGEN_SHAPE:
            raise InputError(
                f"Eigen crop: the truth is {width} x {height} px, but the crop is defined for "
                f"{_EIGEN_SHAPE[1]} x {_EIGEN_SHAPE[0]} px alone; count depth everywhere: "
                "--data-option crop=none, or in a training --set crop=none"
            )
        return _EIGEN
    if crop == "eigen-kitti":
        return _part(_EIGEN_KITTI_ROWS, height), _part(_EIGEN_KITTI_COLUMNS, width)
    if crop == "garg":
        return _part(_GARG_ROWS, height), _part(_GARG_COLUMNS, width)
    return slice(0, height), slice(0, width)


def _part(fractions: tuple[float, float], length: int) -> slice:
    return slice(int(fractions[0] * length), int(fractions[1] * length))

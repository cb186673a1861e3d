"""How a data set is scored: which truth counts, and within what range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Crop = Literal["none", "eigen", "garg"]


@dataclass(frozen=True)
class Protocol:
    """Which pixels of the truth count.

    max_m: the cap: truth counts strictly between `min_m` and it, and predictions are clipped to
        that range.
    crop: "eigen" (Eigen et al. 2014, of 480 x 640 px) or "garg" (Garg et al. 2016).
    source: where the numbers are from.
    """

    max_m: float
    min_m: float = 1e-3
    crop: Crop = "none"
    source: str = ""

    def valid(self, true_m: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The pixels (H, W) of a truth that count; NaN counts as unknown."""
        known: NDArray[np.bool_] = (true_m > self.min_m) & (true_m < self.max_m)
        return known & cropped(self.crop, true_m.shape)

    def clip(self, predicted_m: NDArray[np.floating]) -> NDArray[np.floating]:
        """A prediction within the range that is scored; `inf` is the cap."""
        clipped: NDArray[np.floating] = np.clip(predicted_m, self.min_m, self.max_m)
        return clipped


def cropped(crop: Crop, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels (H, W) that a crop leaves."""
    raise NotImplementedError

"""Relative disparity, as estimated and in the photo's scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records.checks import length_agrees, one_of, set_array

Space = Literal["disparity", "depth"]


@dataclass(frozen=True, eq=False)
class Disparity:
    """Relative disparity (or relative depth) of one or more images.

    values: (N, H, W) float32.
    space: "disparity" (larger = nearer) or "depth" (larger = farther).
    model: the name of what made it.
    """

    values: NDArray[np.float32]
    space: Space = "disparity"
    model: str = "unknown"

    def __post_init__(self) -> None:
        set_array(self, "values", np.float32, ("N", "H", "W"))
        one_of("disparity: space", self.space, get_args(Space))
        if not np.isfinite(self.values).all():
            raise InputError(f"disparity of {self.model}: holds NaN or infinite values")

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class AlignedDisparity:
    """The painted photos' disparity in the scale of the photo's: `scale * values + offset`.

    values: (N, H, W) float32.
    scale, offset: (N,) float64; NaN where the alignment had nothing to stand on.
    kept: (N,) bool; a painted photo that is not kept takes no part in the fit.
    reason: N texts, why a painted photo was dropped, "" where it was kept.
    space: as in `Disparity`.
    """

    values: NDArray[np.float32]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    kept: NDArray[np.bool_]
    reason: tuple[str, ...]
    space: Space = "disparity"

    def __post_init__(self) -> None:
        set_array(self, "values", np.float32, ("N", "H", "W"))
        set_array(self, "scale", np.float64, ("N",))
        set_array(self, "offset", np.float64, ("N",))
        set_array(self, "kept", np.bool_, ("N",))
        object.__setattr__(self, "reason", tuple(self.reason))
        length_agrees(
            "aligned disparity",
            len(self),
            scale=self.scale,
            offset=self.offset,
            kept=self.kept,
            reason=self.reason,
        )
        one_of("aligned disparity: space", self.space, get_args(Space))

    def __len__(self) -> int:
        return len(self.values)

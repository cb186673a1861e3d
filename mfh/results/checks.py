"""What every file of a photo and its depth needs: that they agree in size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records import MetricDepth


def same_size(what: str, depth: MetricDepth, image: NDArray[np.uint8]) -> None:
    """Refuse an image that is not (H, W, 3) uint8 of the depth's size."""
    height, width = depth.depth_m.shape
    if image.shape != (height, width, 3) or image.dtype != np.uint8:
        raise InputError(
            f"{what}: image is {image.shape} {image.dtype}, but depth is {width} x {height} px; "
            f"expected ({height}, {width}, 3) uint8 RGB"
        )

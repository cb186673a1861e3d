"""The size a model paints at, and bringing what it painted back into the photo."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

# As for photos: a panorama is painted at no more than four squares of the short side.
_MOST_SQUARES = 4
_FEATHER_PX = 4


def painting_size(height: int, width: int, short_side_px: int, multiple: int) -> tuple[int, int]:
    """Height and width in px at which a photo of height x width px is painted.

    The short side is `short_side_px`, and both are multiples of `multiple`, rounded up (reference
    `mfh_utils.resize`). A panorama is painted smaller, at most about as many pixels as four squares
    of the short side have.
    """
    factor = min(
        short_side_px / min(height, width),
        short_side_px * (_MOST_SQUARES / (height * width)) ** 0.5,
    )
    # Less a little, so that a multiple stays one where the product is rounded.
    rows, columns = (math.ceil(side * factor / multiple - 1e-6) for side in (height, width))
    return rows * multiple, columns * multiple


def resize_image(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """An image (h, w, 3) at another size, without aliasing."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def paste_back(
    painted: NDArray[np.uint8], photo: NDArray[np.uint8], repainted: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """What was painted, (H, W, 3), inside the mask (H, W), and the photo's own pixels outside it.

    A model renders what it keeps a little brighter or darker than it is, so a hard edge would be a
    seam, which depth estimators take for a step. Along it the two are blended over `_FEATHER_PX`
    pixels inside the mask; the photo's border is no edge.
    """
    if repainted.all():
        return painted
    depth_px = distance_transform_edt(repainted)
    share = np.clip(depth_px / (_FEATHER_PX + 1), 0, 1).astype(np.float32)[..., None]
    mixed = photo + share * (painted.astype(np.float32) - photo)
    pasted: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return pasted

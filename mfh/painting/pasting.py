"""The size a model paints at, and bringing what it painted back into the photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

# As for photos: a panorama is painted at no more than four squares of the short side.
_MOST_SQUARES = 4
_FEATHER_PX = 4


def painting_size(height: int, width: int, short_side_px: int, multiple: int) -> tuple[int, int]:
    """Height and width in px at which a photo of height x width px is painted.

    Both are multiples of `multiple`, the short side is close to `short_side_px`, and the aspect is
    kept as nearly as that allows (reference `mfh_utils.resize`, which rounds up). A panorama is
    painted smaller, at most as many pixels as four squares of the short side have.
    """
    short, long = sorted((height, width))
    most = short_side_px * (_MOST_SQUARES / (height * width)) ** 0.5
    short_units = max(1, round(short * min(short_side_px / short, most) / multiple))
    long_units = max(1, round(short_units * long / short))
    units = (short_units, long_units) if height <= width else (long_units, short_units)
    return units[0] * multiple, units[1] * multiple


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

"""Person crops as HMR 2.0 was trained on (4D-Humans, `hmr2/datasets/vitdet_dataset.py`).

A crop is an axis-aligned square, so that blurring and resampling are one matrix for the rows and
one for the columns: `crop = A_y image A_x^T`.

Boxes are in px with (0, 0) the corner of the first pixel. Upstream counts px by their centres, as
OpenCV does, and takes the box as it is: crop pixel (128, 128) is the photo's pixel of index
`centre`, half a px right of and below the box's own centre. The network was trained on that, so the
crops keep it; its camera is about the index `centre` in the same way, and the half px is left out
there, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from mfh.errors import InputError
from mfh.people.hmr2.network import CROP_PX

# Upstream: `MODEL.BBOX_SHAPE`, what the network looks at of a crop.
_ASPECT = 192 / 256

# ImageNet's statistics, `MODEL.IMAGE_MEAN` and `MODEL.IMAGE_STD` upstream.
_MEAN = np.float32(255) * np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.float32(255) * np.array([0.229, 0.224, 0.225], np.float32)

# Where shrinking by less than twice this, upstream does not blur; a kernel ends at 4 sigma.
_BLUR_FROM = 1.1
_TRUNCATE = 4.0


def crop_squares(box_px: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give centres (P, 2) and sides (P,), in px, of the squares that are cut out for boxes (P, 4).

    A box, x0 y0 x1 y1, is grown to 192:256; the square has its longer side.

    Raises `InputError` for a box that is not finite or has no extent.
    """
    boxes: NDArray[np.float32] = np.asarray(box_px, np.float32).reshape(-1, 4)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    side: NDArray[np.float32] = np.maximum(height, width / np.float32(_ASPECT))
    bad = ~(np.isfinite(boxes).all(axis=1) & (width >= 0) & (height >= 0) & (side > 0))
    if bad.any():
        index = int(bad.argmax())
        raise InputError(
            f"person {index}: box {boxes[index].tolist()} px; expected finite x0 y0 x1 y1 with "
            "x0 <= x1 and y0 <= y1, not both equal"
        )
    return (boxes[:, :2] + boxes[:, 2:]) / np.float32(2), side


def crop_person(
    image: NDArray[np.uint8], centre_px: ArrayLike, side_px: ArrayLike
) -> NDArray[np.float32]:
    """Cut a square out of an image (H, W, 3) RGB: the crop (3, 256, 256), normalised RGB.

    centre_px (2,), side_px: the square, see `crop_squares`. Beyond the image it is black.
    """
    x, y = np.asarray(centre_px, np.float64)
    side = float(np.asarray(side_px))
    rows, row_matrix = _resampling(image.shape[0], y, side)
    columns, column_matrix = _resampling(image.shape[1], x, side)
    seen = image[rows, columns].astype(np.float32)
    high, wide = seen.shape[:2]
    # (h, w, 3) to (256, w, 3), with w first to (w, 256, 3), to (256 columns, 256 rows, 3).
    resized = (row_matrix @ seen.reshape(high, -1)).reshape(CROP_PX, wide, 3).transpose(1, 0, 2)
    crop = (column_matrix @ resized.reshape(wide, -1)).reshape(CROP_PX, CROP_PX, 3)
    if not _is_blurred(side):
        # Upstream warps 8-bit images, but what it has blurred in floating point.
        crop = np.rint(crop)
    normalised: NDArray[np.float32] = ((crop - _MEAN) / _STD).transpose(2, 1, 0)
    return normalised


def _resampling(size: int, centre: float, side: float) -> tuple[slice, csr_array]:
    """Blur and bilinear interpolation along one side of an image, of `size` px.

    Gives the part of that side that the crop sees, and the matrix (256, part) that maps it to the
    crop's pixels.
    """
    position = centre + (np.arange(CROP_PX) - CROP_PX / 2) * (side / CROP_PX)
    left = np.floor(position)
    fraction = position - left
    # (256, 2, taps): neighbours of a position, and what is blurred into each.
    neighbour = left.astype(np.int64)[:, None, None] + np.array([0, 1])[:, None]
    share = np.stack([1 - fraction, fraction], axis=1)[:, :, None]
    share = np.where((neighbour >= 0) & (neighbour < size), share, 0)
    offset, kernel = _blur(side)
    # The blur repeats the border's pixels; beyond it the blurred image is black.
    source = np.clip(neighbour + offset, 0, size - 1)
    weight = (share * kernel).astype(np.float32)
    first, last = int(source.min()), int(source.max())
    target = np.broadcast_to(np.arange(CROP_PX)[:, None, None], source.shape)
    matrix = csr_array(
        (weight.ravel(), (target.ravel(), source.ravel() - first)),
        shape=(CROP_PX, last + 1 - first),
    )
    return slice(first, last + 1), matrix


def _is_blurred(side: float) -> bool:
    return side / CROP_PX / 2 > _BLUR_FROM


def _blur(side: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Offsets and weights of the Gaussian against aliasing."""
    if not _is_blurred(side):
        return np.zeros(1, np.int64), np.ones(1)
    sigma = (side / CROP_PX / 2 - 1) / 2
    radius = int(_TRUNCATE * sigma + 0.5)
    offset = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offset / sigma) ** 2)
    return offset, kernel / kernel.sum()

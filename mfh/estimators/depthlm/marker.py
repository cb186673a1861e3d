"""The arrow that shows a model which pixel is asked about.

The arrow is DepthLM's (facebookresearch/DepthLM_Official, `utils/datasets.py`), which its models
were trained with: it lies on the pixel's row, left of the pixel, points right, and leaves the pixel
itself as it is. DepthLM leaves points out that have no room for it. Here they are asked about too:
near the left border the arrow is mirrored, and near the top and the bottom its head is clipped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records.checks import one_of

ArrowColour = Literal["red", "blue"]

LENGTH_PX = 5
"""How long the arrow is, from the pixel next to the asked one."""

_RGB: dict[ArrowColour, tuple[int, int, int]] = {"red": (255, 0, 0), "blue": (0, 0, 255)}
_SHAFT = tuple((step, 0) for step in range(1, LENGTH_PX + 1))
_HEAD = ((2, -1), (2, 1), (3, -2), (3, 2))

_Pixel = tuple[int, int]


def with_arrows(
    image: NDArray[np.uint8],
    points_px: Sequence[tuple[float, float]],
    colours: Sequence[ArrowColour] = ("red", "blue"),
) -> NDArray[np.uint8]:
    """Give a copy of an image with an arrow at each point.

    image: (H, W, 3) uint8 RGB, at least twice `LENGTH_PX` wide.
    points_px: x and y in the image's px; a point lies in the pixel (floor(x), floor(y)).
    colours: of the first arrow, the second, ...

    The asked pixels all stay as they are. Where an arrow would lie over another asked pixel or over
    an earlier arrow, it is mirrored if that helps.

    Raises `InputError` for an image of another kind or too narrow, for points outside it, and for
    more points than colours.
    """
    _require_image(image)
    if len(points_px) > len(colours):
        raise InputError(f"{len(points_px)} points for arrows of {len(colours)} colours")
    for colour in colours:
        one_of("arrow: colour", colour, get_args(ArrowColour))
    asked = [_pixel(point, image) for point in points_px]
    marked: NDArray[np.uint8] = image.copy()
    taken = set(asked)
    for pixel, colour in zip(asked, colours, strict=False):
        arrow = _arrow(pixel, image, taken) - set(asked)
        taken |= arrow
        x, y = np.array(sorted(arrow)).T
        marked[y, x] = _RGB[colour]
    return marked


def _arrow(pixel: _Pixel, image: NDArray[np.uint8], taken: set[_Pixel]) -> set[_Pixel]:
    """Give the pixels of the arrow at `pixel`, on the better of the two sides."""
    height, width = image.shape[:2]
    x, y = pixel
    sides = [side for side in (-1, 1) if 0 <= x + side * LENGTH_PX < width]
    arrows = [
        {
            (x + side * along, y + across)
            for along, across in (*_SHAFT, *_HEAD)
            if 0 <= y + across < height
        }
        for side in sides
    ]
    return min(arrows, key=lambda arrow: len(arrow & taken))


def _pixel(point_px: tuple[float, float], image: NDArray[np.uint8]) -> _Pixel:
    height, width = image.shape[:2]
    x_px, y_px = point_px
    if not (0 <= x_px < width and 0 <= y_px < height):
        raise InputError(
            f"arrow: point ({x_px:g}, {y_px:g}) px lies outside the image of {width} x {height} px"
        )
    return math.floor(x_px), math.floor(y_px)


def _require_image(image: NDArray[np.uint8]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"arrow: image is {image.dtype} of shape {image.shape}; expected uint8 (H, W, 3)"
        )
    if image.shape[1] < 2 * LENGTH_PX:
        raise InputError(
            f"arrow: image is {image.shape[1]} px wide, which has no room for an arrow; at least "
            f"{2 * LENGTH_PX} px are needed"
        )

"""Photos and maps as small pictures within a page."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

_UNKNOWN = (150, 152, 156)
_INFINITE = (198, 216, 236)
_QUALITY = 80
# Known pixels farther apart than this, in px of the picture, become dots.
_DENSE_PX = 1.5
_LARGEST_DOT_PX = 5.0
_DOT_SHARE = 0.28

Colours = Callable[[NDArray[np.float32]], NDArray[np.uint8]]


def picture_size(shape: tuple[int, ...], area_px: float) -> tuple[int, int]:
    """Width and height of the picture of a map (H, W): of its aspect, and no larger than it."""
    height, width = shape[0], shape[1]
    ratio = min(1.0, math.sqrt(area_px / (height * width)))
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def photo_picture(image: NDArray[np.uint8], size: tuple[int, int]) -> str:
    """A photo (H, W, 3) as a data URI."""
    reduced = Image.fromarray(image)
    if size[0] < reduced.width:
        reduced = reduced.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return data_uri(reduced)


def map_picture(values: NDArray[np.floating], size: tuple[int, int], colours: Colours) -> str:
    """A map (H, W) as a data URI; NaN is grey, infinity light blue.

    Colours are averaged, not values: between a near and a far depth there is nothing. Of what is
    unknown nothing is mixed in, and pixels that are known far from each other (a LiDAR's, labelled
    ones) are drawn as dots large enough to be seen.
    """
    width, height = size
    # Two samples a pixel and direction are enough.
    step = max(1, min(values.shape[0] // (2 * height), values.shape[1] // (2 * width)))
    thinned = values[::step, ::step]
    rows, columns = np.nonzero(~np.isnan(thinned))
    at = (rows * height // thinned.shape[0]) * width + columns * width // thinned.shape[1]
    known = thinned[rows, columns]
    coloured = np.empty((len(known), 3), np.uint8)
    finite = np.isfinite(known)
    coloured[finite] = colours(known[finite])
    coloured[~finite] = _INFINITE
    counts = np.bincount(at, minlength=width * height)
    seen = counts > 0
    picture = np.empty((width * height, 3), np.uint8)
    picture[:] = _UNKNOWN
    for channel in range(3):
        sums = np.bincount(at, coloured[:, channel], width * height)
        picture[seen, channel] = np.rint(sums[seen] / counts[seen])
    picture = _with_dots(picture.reshape(height, width, 3), seen.reshape(height, width))
    return data_uri(Image.fromarray(picture))


def gradient(colours: Callable[[NDArray[np.float64]], NDArray[np.uint8]]) -> str:
    """CSS of the bar of a scale, from left to right; colours: of fractions of the scale."""
    stops = colours(np.linspace(0, 1, 17))
    return f"linear-gradient(90deg,{','.join(f'#{r:02x}{g:02x}{b:02x}' for r, g, b in stops)})"


def _with_dots(picture: NDArray[np.uint8], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Enlarge pixels (H, W, 3) that were `seen` far from each other."""
    count = int(seen.sum())
    spacing = math.sqrt(seen.size / count) if count else 0.0
    if spacing <= _DENSE_PX:
        return picture
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415 - only for sparse truth

    distance, nearest = distance_transform_edt(~seen, return_indices=True)
    radius = min(max(1.0, _DOT_SHARE * spacing), _LARGEST_DOT_PX)
    enlarged: NDArray[np.uint8] = picture[nearest[0], nearest[1]]
    return np.where((distance <= radius)[..., None], enlarged, picture)


def data_uri(image: Image.Image, quality: int = _QUALITY) -> str:
    """A picture as a data URI."""
    # WebP takes half the space of JPEG; some builds of Pillow lack it.
    kind = "webp" if features.check("webp") else "jpeg"
    file = io.BytesIO()
    image.save(file, kind, quality=quality)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"

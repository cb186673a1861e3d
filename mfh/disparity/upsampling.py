"""Bringing disparity estimated at a smaller size back to the photo's own, with its edges."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from mfh.arrays import as_array
from mfh.errors import InputError

_MARGIN = 2  # the kernel looks at 4 x 4 coarse pixels around a fine one
_STRIP_ROWS = 256  # rows a launch, so that an interrupt need not wait for a whole large photo


def upsample(values: ArrayLike, guide: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Upsample relative disparity to the size of the photo it belongs to.

        d(p) = sum_q w(p, q) (d_q + slope_q . (p - q)) / sum_q w(p, q)
        w(p, q) = B(p - q) / (1 + |I_p - I_q|^2 / 25^2)^2

    over the 4 x 4 coarse pixels q around p: joint bilateral upsampling (Kopf et al., "Joint
    Bilateral Upsampling", SIGGRAPH 2007, Sec. 3) of the plane through each coarse pixel instead of
    its value alone, so that colour moves the borders between surfaces but never tilts or terraces
    one. B is the cubic B-spline; slopes are one-sided differences under the minmod limiter (zero at
    a step or an extremum); the result never leaves the range of its neighbours. It is applied in
    steps of at most two, coarse to fine, so that each step looks no further than it must.

    A pixel's centre is at (0.5, 0.5); both arrays show the same field of view. Up to half a coarse
    pixel beyond the outermost centres a plane continues as it is.

    values: (h, w) float, finite, any scale.
    guide: (H, W, 3) uint8 RGB, H >= h and W >= w.
    Returns (H, W) float32, equal to `values` where the sizes are. Raises `InputError` for other
    shapes, and for values that are not finite.
    """
    coarse: NDArray[np.float32] = np.asarray(as_array(values), np.float32)
    _check(coarse, guide)
    size = (guide.shape[0], guide.shape[1])
    if coarse.shape == size:
        return np.array(coarse)
    guides = [np.ascontiguousarray(guide)]
    for height, width in reversed(_sizes(coarse.shape, size)[:-1]):
        guides.append(_reduced(guides[-1], height, width))
    while len(guides) > 1:
        coarse = _step(coarse, guides.pop(), guides[-1])
    return coarse


def _check(values: NDArray[np.float32], guide: NDArray[np.uint8]) -> None:
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"upsampling: values have shape {values.shape}; expected (h, w)")
    if guide.ndim != 3 or guide.shape[2] != 3 or guide.dtype != np.uint8:
        raise InputError(
            f"upsampling: the guide is {guide.shape} {guide.dtype}; expected (H, W, 3) uint8"
        )
    if values.shape[0] > guide.shape[0] or values.shape[1] > guide.shape[1]:
        raise InputError(
            f"upsampling: values of {values.shape[1]} x {values.shape[0]} px are larger than the "
            f"photo of {guide.shape[1]} x {guide.shape[0]} px; reduce them to its size first"
        )
    if not np.isfinite(values).all():
        raise InputError("upsampling: values hold NaN or infinity; fill them first")


def _sizes(coarse: tuple[int, ...], fine: tuple[int, int]) -> list[tuple[int, int]]:
    """List the sizes from coarse to fine: fine halved again and again, none below coarse."""
    ratio = max(f / c for f, c in zip(fine, coarse, strict=True))
    steps = max(1, math.ceil(math.log2(ratio) - 1e-9))
    height, width = (
        [max(c, round(f / 2**step)) for step in range(steps - 1, -1, -1)]
        for f, c in zip(fine, coarse, strict=True)
    )
    return [(coarse[0], coarse[1]), *zip(height, width, strict=True)]


def _reduced(guide: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Average the colours that each pixel of the smaller size covers."""
    return np.asarray(Image.fromarray(guide).resize((width, height), Image.Resampling.BOX))


def _step(
    values: NDArray[np.float32], coarse_guide: NDArray[np.uint8], fine_guide: NDArray[np.uint8]
) -> NDArray[np.float32]:
    # Photos that are small enough need no Warp.
    from mfh.disparity.upsampling_kernel import joint_bilateral_rows  # noqa: PLC0415
    from mfh.warp_runtime import kernel_cache, wp  # noqa: PLC0415

    height, width = fine_guide.shape[:2]
    step_y, step_x = values.shape[0] / height, values.shape[1] / width
    extended = _extended(_extended(values, 0), 1)
    margin = ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0))
    arrays = [
        wp.array(array, dtype=dtype, device="cpu", copy=False)
        for array, dtype in (
            (extended, wp.float32),
            (_slope(extended, 1), wp.float32),
            (_slope(extended, 0), wp.float32),
            (np.pad(coarse_guide, margin, mode="edge"), wp.uint8),
            (fine_guide, wp.uint8),
        )
    ]
    result = np.empty((height, width), np.float32)
    output = wp.array(result, dtype=wp.float32, device="cpu", copy=False)
    with kernel_cache():
        for first_row in range(0, height, _STRIP_ROWS):
            wp.launch(
                joint_bilateral_rows,
                dim=(min(_STRIP_ROWS, height - first_row), width),
                inputs=[*arrays, first_row, step_x, step_y, _MARGIN],
                outputs=[output],
                device="cpu",
            )
    return result


def _slope(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Take the smaller of the differences to both neighbours, 0 where they disagree in sign."""
    along = np.moveaxis(values, axis, 0)
    if len(along) == 1:
        return np.zeros_like(values)
    difference = np.diff(along, axis=0)
    # A border pixel has one neighbour; the next difference inwards stands in for the other.
    before = np.concatenate([difference[1:2] if len(difference) > 1 else difference, difference])
    after = np.concatenate([difference, difference[-2:-1] if len(difference) > 1 else difference])
    smaller = np.where(np.abs(before) < np.abs(after), before, after)
    smaller[before * after <= 0] = 0
    return np.ascontiguousarray(np.moveaxis(smaller, 0, axis))


def _extended(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Add a margin that continues the slope of the border."""
    along, slope = np.moveaxis(values, axis, 0), np.moveaxis(_slope(values, axis), axis, 0)
    first = [along[:1] - k * slope[:1] for k in range(_MARGIN, 0, -1)]
    last = [along[-1:] + k * slope[-1:] for k in range(1, _MARGIN + 1)]
    extended = np.concatenate([*first, along, *last])
    return np.ascontiguousarray(np.moveaxis(extended, 0, axis))

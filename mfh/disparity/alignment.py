"""Bringing the painted photos' relative disparity into the scale of the photo's."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.errors import InputError
from mfh.records import AlignedDisparity, Disparity

NOT_POSITIVE = "alignment scale not positive"
NOTHING_TO_ALIGN = "nothing to align by"

_MIN_PIXELS = 2


def align(
    painted: ArrayLike, photo: ArrayLike, mask: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise `sum over unpainted pixels of (scale * painted + offset - photo)^2`, in closed form.

    painted: (N, H, W) or (H, W), relative disparity of painted photos.
    photo: (H, W), relative disparity of the photo.
    mask: the shape of `painted`, bool, True where repainted.

    Returns scale and offset, each (N,), or 0-d arrays for a single painted photo; NaN where the
    unpainted pixels hold too little to align by. A disparity of exactly 0 is where a model that
    ends in a ReLU (Depth Anything) stops telling far from farther, so those pixels are left out.

    Source: paper Sec. 3.3, Eq. 7; reference `linear_regression`. Raises `InputError` for shapes
    that do not belong together.
    """
    painted_stack = as_array(painted)
    repainted = np.asarray(as_array(mask), np.bool_)
    target = as_array(photo)
    if repainted.shape != painted_stack.shape or painted_stack.shape[-2:] != target.shape:
        raise InputError(
            f"align: painted {painted_stack.shape}, mask {repainted.shape}, photo {target.shape} "
            "do not belong together; expected (N, H, W), (N, H, W) and (H, W)"
        )
    single = painted_stack.ndim == 2
    if single:
        painted_stack, repainted = painted_stack[None], repainted[None]
    target_known = target != 0
    solutions = np.array(
        [
            _least_squares_line(values, target, ~strip & target_known & (values != 0))
            for values, strip in zip(painted_stack, repainted, strict=True)
        ]
    ).reshape(-1, 2)
    scale, offset = solutions[:, 0], solutions[:, 1]
    return (scale[0], offset[0]) if single else (scale, offset)


def align_painted(disparity: Disparity, repainted: NDArray[np.bool_]) -> AlignedDisparity:
    """Align the disparity of painted photos to that of the photo itself, the first of (N, H, W).

    A painted photo whose scale is not positive has its near and far swapped: it is dropped, and so
    is one without anything to align by (reference `_paint_batch`). The photo's own scale is 1.
    """
    scale, offset = align(disparity.values, disparity.values[0], repainted)
    known = np.isfinite(scale)
    kept = known & (scale > 0)
    reason = tuple(
        "" if keep else NOT_POSITIVE if know else NOTHING_TO_ALIGN
        for keep, know in zip(kept, known, strict=True)
    )
    values = disparity.values * np.where(known, scale, 0).astype(np.float32)[:, None, None]
    values += np.where(known, offset, 0).astype(np.float32)[:, None, None]
    return AlignedDisparity(
        values=values,
        scale=scale,
        offset=offset,
        kept=kept,
        reason=reason,
        space=disparity.space,
    )


def unaligned(disparity: Disparity) -> AlignedDisparity:
    """The disparity (N, H, W) as it is, for comparison (paper Table 4, without s_n and t_n)."""
    count = len(disparity)
    return AlignedDisparity(
        values=disparity.values,
        scale=np.ones(count),
        offset=np.zeros(count),
        kept=np.ones(count, np.bool_),
        reason=("",) * count,
        space=disparity.space,
    )


def _least_squares_line(
    x: NDArray[np.floating], y: NDArray[np.floating], used: NDArray[np.bool_]
) -> tuple[float, float]:
    count = int(np.count_nonzero(used))
    if count < _MIN_PIXELS:
        return np.nan, np.nan
    # Sums about a value within the data keep the digits that sums about zero lose; what is left out
    # is set to that value, which is quicker than gathering the rest.
    first = np.unravel_index(np.argmax(used), used.shape)
    middle_x, middle_y = float(x[first]), float(y[first])
    shifted_x = np.where(used, x, middle_x).ravel().astype(np.float64) - middle_x
    shifted_y = np.where(used, y, middle_y).ravel().astype(np.float64) - middle_y
    mean_x, mean_y = shifted_x.sum() / count, shifted_y.sum() / count
    # Not BLAS, whose threads wait for each other when the machine has other work.
    spread = np.einsum("i,i->", shifted_x, shifted_x) - count * mean_x**2
    if not spread > np.finfo(np.float32).eps ** 2 * count * (mean_x + middle_x) ** 2:
        return np.nan, np.nan
    covariance = np.einsum("i,i->", shifted_x, shifted_y) - count * mean_x * mean_y
    scale = covariance / spread
    return float(scale), float(mean_y + middle_y - scale * (mean_x + middle_x))

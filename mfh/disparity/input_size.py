"""At what size a photo goes into a relative depth model."""

from __future__ import annotations

import math

_REFERENCE = (392, 518)


def input_size(height: int, width: int, short_side_px: int, multiple_px: int) -> tuple[int, int]:
    """Size (h, w) in px of a photo at a model's input, its aspect kept but for rounding.

    The short side becomes `short_side_px`; both sides are rounded to multiples of `multiple_px`,
    up where the nearest multiple is shorter than `short_side_px`. With 518 and 14 these are the
    sizes of Depth Anything's own `Resize` ("lower_bound"), which the paper uses.
    """
    scale = short_side_px / min(height, width)
    sides = []
    for side in (height, width):
        nearest = round(scale * side / multiple_px) * multiple_px
        below = nearest < short_side_px
        sides.append(math.ceil(short_side_px / multiple_px) * multiple_px if below else nearest)
    return sides[0], sides[1]


def reference_size(multiple_px: int) -> tuple[int, int]:
    """Size (h, w) at which the reference evaluates, whatever the photo's shape: 392 x 518 px.

    Rounded to the nearest multiples of `multiple_px` for models that cannot take it; in the
    multiples of 32 that ZoeDepth needs this is its own 384 x 512.
    """
    height, width = (round(side / multiple_px) * multiple_px for side in _REFERENCE)
    return height, width


def zoedepth_margin(side: int) -> int:
    """By how many px ZoeDepth mirrors a photo beyond each end of a side before resizing it.

    ZoeDepth's `DepthModel.infer`, with its default factor of 3.
    """
    return int(math.sqrt(side / 2) * 3)

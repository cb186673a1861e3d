"""Depth as text within a page, exact wherever that fits."""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# In base64; the pictures of a report take less than 2 MB besides.
_MOST_CHARACTERS = 3_000_000
# More pixels never fit, and are not tried.
_MOST_PIXELS = 4_000_000
# Of float32's 24 significant bits 16 are left: 8 millionths of a depth, 0.1 mm at 10 m.
_DROPPED_BITS = 8
_LEVEL = 6  # beyond it zlib takes three times as long for 1 % less


@dataclass(frozen=True)
class PackedDepth:
    """The depth of every `step`-th pixel of a photo, of the middle one of each `step` x `step`.

    text: base64 of zlib-compressed bytes. They are the float32's bits as integers, right-shifted by
        `dropped_bits`; of each the difference to left + above - above left (0 outside), modulo
        2^32; the sign of that in its lowest bit (-1 is 1, 1 is 2); and of all of these first the
        lowest bytes, row by row, then the next.
    height, width: how many pixels that is.
    """

    text: str
    height: int
    width: int
    step: int = 1
    dropped_bits: int = 0


def pack_depth(depth_m: NDArray[np.float32]) -> PackedDepth:
    """Pack depth (H, W), which may be infinite or NaN, into at most 3 MB.

    What fits is exact. What does not is rounded to 16 significant bits, and where that does not do,
    only every second pixel is taken, or every third, and so on.
    """
    step = math.ceil(math.sqrt(depth_m.size / _MOST_PIXELS))
    while True:
        taken = depth_m[step // 2 :: step, step // 2 :: step]
        for dropped in (0, _DROPPED_BITS):
            text = _packed(taken, dropped)
            if len(text) <= _MOST_CHARACTERS:
                height, width = taken.shape
                return PackedDepth(text, height, width, step, dropped)
        # As many pixels as would fit if each took as much as now.
        step = max(step + 1, math.floor(step * math.sqrt(len(text) / _MOST_CHARACTERS)))


def _packed(depth_m: NDArray[np.float32], dropped_bits: int) -> str:
    bits = np.ascontiguousarray(depth_m).view(np.uint32).astype(np.int64)
    # Rounding up carries into the exponent, as it should.
    bits = (bits + (1 << dropped_bits >> 1)) >> dropped_bits
    padded = np.pad(bits, ((1, 0), (1, 0)))
    differences = np.diff(np.diff(padded, axis=0), axis=1).astype(np.int32)
    folded = ((differences << 1) ^ (differences >> 31)).astype("<u4")
    planes = np.ascontiguousarray(folded.reshape(-1).view(np.uint8).reshape(-1, 4).T)
    return base64.b64encode(zlib.compress(planes.tobytes(), _LEVEL)).decode("ascii")

"""The range of a depth map in words of percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A percentile of this many pixels is as good as one of all of them, and takes little memory.
_SAMPLE_PIXELS = 4_000_000


def depth_percentiles_m(
    depth_m: NDArray[np.float32], percents: Sequence[float]
) -> tuple[float, ...]:
    """Percentiles of the finite depths of a map (H, W), in metres; NaN where there are none.

    Maps of more than 4 million pixels are sampled on an even grid.
    """
    step = max(1, math.ceil(math.sqrt(depth_m.size / _SAMPLE_PIXELS)))
    sample = depth_m[::step, ::step]
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return (math.nan,) * len(percents)
    return tuple(float(value) for value in np.percentile(finite, percents))

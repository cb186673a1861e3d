"""The range of a map's values, in percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A percentile of this many pixels is as good as one of all of them, and takes little memory.
_SAMPLE_PIXELS = 4_000_000


def sampled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map (H, W), or, of one of more than 4 million pixels, those on an even grid."""
    step = max(1, math.ceil(math.sqrt(values.size / _SAMPLE_PIXELS)))
    return values[::step, ::step]


def finite_percentiles(values: NDArray[np.float32], percents: Sequence[float]) -> tuple[float, ...]:
    """Percentiles of the finite values of a map (H, W), which is `sampled`; NaN without any."""
    sample = sampled(values)
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return (math.nan,) * len(percents)
    return tuple(float(value) for value in np.percentile(finite, percents))

"""Relative output of one space for a head that is fitted in the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-12


def inverted(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Turn relative disparity into relative depth, or the other way round: `1 / max(d, 1e-12)`.

    Source: the paper optimises "in the same space as the targets" (Sec. 4.3, Tables 3 and 4);
    reference `AffineOptimizer.forward` with `inverse`, where `inverse_gt` says what the target is.
    """
    return np.asarray(1 / np.maximum(values, values.dtype.type(_LEAST)))

"""The colours of predicted / true depth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Colour-blind safe, and of no colour in the middle: red is nearer than the truth, blue farther.
_ERROR_COLORMAP = "RdBu"


@dataclass(frozen=True)
class RatioScale:
    """Colours of predicted / true, from 1 / `most` to `most`, equal ratios alike."""

    most: float

    def colours(self, log_ratio: NDArray[np.floating]) -> NDArray[np.uint8]:
        """RGB (..., 3) of the logarithms (...) of ratios."""
        table = _error_table()
        fraction = np.clip(0.5 + log_ratio / (2 * math.log(self.most)), 0, 1)
        found: NDArray[np.uint8] = table[np.rint(fraction * (len(table) - 1)).astype(np.intp)]
        return found

    def ticks(self) -> list[tuple[float, str]]:
        """(fraction of the scale, label) of its ends and middle, and of 1.25 and its inverse."""
        low, high = 1 / self.most, self.most
        inner = [ratio for ratio in (0.8, 1.0, 1.25) if 1.01 * low < ratio < 0.99 * high]
        labels = {low: f"≤ {low:.2g}", high: f"≥ {high:.3g}", **{x: f"{x:g}" for x in inner}}
        reach = 2 * math.log(self.most)
        return [(0.5 + math.log(ratio) / reach, labels[ratio]) for ratio in (low, *inner, high)]


@cache
def _error_table() -> NDArray[np.uint8]:
    from matplotlib import colormaps  # noqa: PLC0415 - takes a fifth of a second

    return np.asarray(colormaps[_ERROR_COLORMAP](np.linspace(0, 1, 512), bytes=True)[:, :3])

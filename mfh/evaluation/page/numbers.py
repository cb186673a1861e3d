"""Fractions and ratios in words."""

from __future__ import annotations

import math

from mfh.evaluation.tables.quantities import UNKNOWN


def percent(value: float, digits: int = 0) -> str:
    """A fraction in per cent, with its sign."""
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else UNKNOWN


def ratio_text(scale_error: float) -> str:
    """Predicted / true, of `scale_error`."""
    return f"{1 + scale_error:.2f}" if math.isfinite(scale_error) else UNKNOWN

"""How the page writes the values of scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """How a value is written: its heading, unit, factor and digits; `better`: "↑" or "↓"."""

    title: str
    unit: str
    factor: float
    digits: int
    better: str

    @property
    def heading(self) -> str:
        """The title of a column."""
        return f"{self.title}{', ' if self.unit else ''}{self.unit} {self.better}"

    def text(self, value: float) -> str:
        """A value without its unit; "-" where it is not known."""
        return f"{self.factor * value:.{self.digits}f}" if math.isfinite(value) else "-"


QUANTITIES: Mapping[str, Quantity] = {
    "delta1": Quantity("δ₁", "%", 100, 1, "↑"),
    "abs_rel": Quantity("AbsRel", "%", 100, 1, "↓"),
    "rmse": Quantity("RMSE", "m", 1, 3, "↓"),
    "silog": Quantity("SIlog", "", 1, 2, "↓"),
}


def percent(value: float, digits: int = 0) -> str:
    """A fraction in per cent, with its sign; "-" where it is not known."""
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else "-"


def ratio_text(scale_error: float) -> str:
    """Predicted / true, of `scale_error`; "-" where it is not known."""
    return f"{1 + scale_error:.2f}" if math.isfinite(scale_error) else "-"

"""The values of scores as people read them: heading, unit, digits, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mfh.evaluation.scoring.scores import METRICS, PREFIXES

UNKNOWN = "\N{EN DASH}"
"""Stands for a number that is not known."""


@dataclass(frozen=True)
class Quantity:
    """How a value of `PhotoScore` is written.

    title: without its unit. unit: "%", "m" or "". form: "", or what the prediction was brought to
    the truth by. better: which values are.
    """

    title: str
    unit: str = ""
    form: str = ""
    better: Literal["higher", "lower", ""] = ""

    @property
    def heading(self) -> str:
        """The title of a column: "AbsRel %, scaled"."""
        return f"{self.title} {self.unit}".strip() + (f", {self.form}" if self.form else "")

    @property
    def factor(self) -> float:
        """From a value to what is written."""
        return 100.0 if self.unit == "%" else 1.0

    def text(self, value: float, *, signed: bool = False) -> str:
        """A value, or a change, in three significant digits; without its unit."""
        figure = value * self.factor
        if math.isnan(figure):
            return UNKNOWN
        if math.isinf(figure):
            return str(figure)
        size = math.floor(math.log10(abs(figure))) if figure else 0
        decimals = min(3, max(0, 2 - size))
        text = f"{figure:{'+' if signed else ''}.{decimals}f}"
        return text.replace("-", "\N{MINUS SIGN}")

    def as_printed(self, value: float | None) -> str:
        """A published figure, with the digits it was printed with."""
        if value is None:
            return UNKNOWN
        figure = value * self.factor
        three, more = f"{figure:#.3g}", f"{figure:.6g}"
        return three.rstrip(".") if math.isclose(float(three), float(more)) else more


_OF_METRICS = (
    Quantity("δ₁", "%", better="higher"),
    Quantity("δ₂", "%", better="higher"),
    Quantity("δ₃", "%", better="higher"),
    Quantity("AbsRel", "%", better="lower"),
    Quantity("SqRel", "m", better="lower"),
    Quantity("RMSE", "m", better="lower"),
    Quantity("RMSE log", better="lower"),
    Quantity("log10", better="lower"),
    Quantity("SIlog", better="lower"),
)

QUANTITIES: Mapping[str, Quantity] = {
    **{
        prefix + name: replace(quantity, form=prefix.rstrip("_"))
        for prefix in PREFIXES
        for name, quantity in zip(METRICS, _OF_METRICS, strict=True)
    },
    "scale_error": Quantity("scale error", "%"),
    "pixels": Quantity("pixels"),
    "unusable": Quantity("no depth", "%", better="lower"),
    "relative_error": Quantity("expected error", "%"),
    "seconds": Quantity("seconds", better="lower"),
    "interval68": Quantity("in 68 % interval,", "%"),
    "interval90": Quantity("in 90 % interval,", "%"),
}
"""Every value of `PhotoScore.values`."""

COLUMNS = ("delta1", "abs_rel", "silog", "rmse", "scaled_abs_rel", "affine_abs_rel")
"""The values that tables show by default, and that rows are compared by."""

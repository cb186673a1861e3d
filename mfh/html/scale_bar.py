"""The bar of a colour scale, with its labels below."""

from __future__ import annotations

from collections.abc import Sequence

from mfh.html.markup import Html, element


def scale_bar(kind: str, ticks: Sequence[tuple[float, str]], description: str) -> Html:
    """A bar in the colours of the class `kind`, read out as its description and labels.

    ticks: (fraction of the bar, label), in order, the ends included.
    """
    labels = [
        element("span", label, style=f"left:{100 * fraction:.1f}%") for fraction, label in ticks
    ]
    told = f"{description}: {', '.join(label for _, label in ticks)}"
    return element("div", *labels, class_=f"bar {kind}", role="img", aria_label=told)

"""A point of a photo that a model was asked about, as results tell of it."""

from __future__ import annotations

from dataclasses import dataclass

ASKED = "none: a model was asked "
"""How `MetricDepth.painting` begins where a model was asked instead; how much it was follows."""


@dataclass(frozen=True)
class AskedPoint:
    """What a model was asked about, what it said, and what became of that.

    x_px, y_px: the point, in px of the photo.
    text: what the model said, word for word.
    distance_m, depth_m: what that means, straight from the camera and along its axis; None where it
        holds no distance.
    refused: why it holds none, else "".
    used: whether the fit counts it; an answer that disagrees with the others is set aside.
    """

    x_px: float
    y_px: float
    text: str
    distance_m: float | None
    depth_m: float | None
    refused: str
    used: bool

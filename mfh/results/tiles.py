"""One painted photo, small, with what was repainted and who was measured in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mfh.records import Landmarks
from mfh.results.typography import font

STRIP = (255, 255, 255)
PEOPLE = ((255, 214, 10), (64, 224, 255), (255, 105, 205), (150, 255, 90), (255, 150, 50))

_SHADE = (16, 18, 22)
_LABEL_PX = 14


@dataclass(frozen=True)
class _Label:
    text: str
    middle: float
    top: float
    colour: tuple[int, int, int]


def tile(
    image: NDArray[np.uint8],
    repainted: NDArray[np.bool_],
    landmarks: Landmarks,
    size: tuple[int, int],
) -> Image.Image:
    """Draw a painted photo (H, W, 3) at `size` (width, height).

    The repainted strip is outlined in white; every person in a colour, with the median of the
    measured depth at the top.
    """
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = np.asarray(small, np.float32)
    pixels = _outlined(pixels, _coverage(repainted, size), STRIP)
    labels = []
    owners = np.unique(landmarks.owner[landmarks.owner >= 0])
    for owner in owners:
        mask = landmarks.owner == owner
        colour = PEOPLE[int(owner) % len(PEOPLE)]
        pixels = _outlined(pixels, _coverage(mask, size), colour)
        rows, columns = np.nonzero(mask)
        labels.append(
            _Label(
                text=_metres(float(np.median(landmarks.depth_m[mask]))),
                middle=(columns[rows == rows.min()].mean() + 0.5) * size[0] / mask.shape[1],
                top=rows.min() * size[1] / mask.shape[0],
                colour=colour,
            )
        )
    drawn = Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))
    _draw_labels(drawn, labels)
    return drawn


def _coverage(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.float32]:
    """How much of each small pixel a mask covers, 0 to 1."""
    return np.asarray(
        Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BOX), np.float32
    )


def _outlined(
    pixels: NDArray[np.float32], coverage: NDArray[np.float32], colour: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Draw a smooth line about two px wide inside a mask's border, and a shade outside it."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415 - takes a fifth of a second

    inside = coverage >= 0.5
    if not inside.any():
        return pixels
    # What touches the picture's border is not outlined there: the person goes on beyond it.
    padded = np.pad(inside, 1, mode="edge")
    depth_px = (distance_transform_edt(padded) - distance_transform_edt(~padded))[1:-1, 1:-1]
    for line, centre_px, opacity in ((_SHADE, -1.0, 0.5), (colour, 1.0, 1.0)):
        alpha = opacity * np.clip(1.7 - np.abs(depth_px - centre_px), 0, 1)[..., None]
        pixels = (pixels * (1 - alpha) + np.asarray(line) * alpha).astype(np.float32)
    return pixels


def _metres(depth_m: float) -> str:
    return f"{depth_m:.1f} m" if depth_m < 100 else f"{depth_m:.0f} m"


def _draw_labels(drawn: Image.Image, labels: list[_Label]) -> None:
    draw = ImageDraw.Draw(drawn)
    label_font = font(_LABEL_PX, bold=True)
    height = _LABEL_PX + 6
    taken: list[tuple[float, float, float, float]] = []
    for label in sorted(labels, key=lambda label: label.top):
        width = label_font.getlength(label.text) + 10
        left = min(max(label.middle - width / 2, 6), drawn.width - width - 6)
        top = min(max(label.top - height - 3, 6), drawn.height - height - 6)
        box = (left, top, left + width, top + height)
        while any(_overlap(box, other) for other in taken) and box[3] + height < drawn.height:
            box = (left, box[1] + height + 2, left + width, box[3] + height + 2)
        taken.append(box)
        draw.rounded_rectangle(box, radius=4, fill=_SHADE, outline=label.colour)
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        draw.text(middle, label.text, STRIP, label_font, anchor="mm")


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

"""The pictures of the page: a photo or its depth, with the points that were clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mfh.files import atomic_path
from mfh.results.colour_scale import ColourScale, in_colours
from mfh.results.typography import font

_LONGEST_SIDE_PX = 1280
_MARK = (255, 255, 255)
_RIM = (16, 18, 22)


@dataclass(frozen=True)
class Mark:
    """A point of the photo, in px of the photo, with what is written beside it."""

    x_px: float
    y_px: float
    label: str


def shown_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) at which the page shows a photo: no side longer than 1280 px."""
    factor = min(1.0, _LONGEST_SIDE_PX / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def clicked_point(index: Sequence[float], height: int, width: int) -> tuple[float, float]:
    """The point (x, y) in px of a photo that a click on its picture means.

    index: column and row of the clicked pixel of the picture; height, width: the photo's size. Of
        the pixel its centre is meant, to a tenth of a px of the photo.
    """
    shown_height, shown_width = shown_size(height, width)
    x = (min(max(index[0], 0), shown_width - 1) + 0.5) * width / shown_width
    y = (min(max(index[1], 0), shown_height - 1) + 0.5) * height / shown_height
    return round(x, 1), round(y, 1)


def photo_picture(image: NDArray[np.uint8]) -> Image.Image:
    """A photo (H, W, 3) as the page shows it."""
    height, width = shown_size(*image.shape[:2])
    return Image.fromarray(image).resize(
        (width, height), Image.Resampling.LANCZOS, reducing_gap=2.0
    )


def depth_map_picture(depth_m: NDArray[np.float32], scale: ColourScale | None) -> Image.Image:
    """Depth (H, W) in the colours of a scale, as the page shows it: nothing around the map.

    Unknown depth is grey, and infinite depth a light grey-blue.
    """
    height, width = shown_size(*depth_m.shape)
    colours = Image.fromarray(in_colours(depth_m, scale))
    return colours.resize((width, height), Image.Resampling.BOX)


def write_marked(
    path: Path,
    picture: Image.Image,
    marks: Sequence[Mark],
    photo_size: tuple[int, int],
    *,
    joined: bool = False,
) -> Path:
    """Write a picture of a photo with marks on it.

    photo_size: (height, width), which the marks are in px of; joined: a line from each to the next.
    Raises `OutputError`.
    """
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    size = max(drawn.size)
    reach, line, rim = max(6, size // 90), max(2, size // 400), max(1, size // 640)
    text_font = font(max(14, size // 45), bold=True)
    places = [
        (each.x_px * drawn.width / photo_size[1], each.y_px * drawn.height / photo_size[0])
        for each in marks
    ]
    for margin, ink in ((rim, _RIM), (0, _MARK)):
        if joined and len(places) > 1:
            draw.line(places, ink, line + 2 * margin)
        for x, y in places:
            outer = reach + margin
            ring = (x - outer, y - outer, x + outer, y + outer)
            draw.ellipse(ring, outline=ink, width=line + 2 * margin)
            dot = line / 2 + margin
            draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=ink)
    for each, (x, y) in zip(marks, places, strict=True):
        length, tall = text_font.getlength(each.label), text_font.size
        left = (
            x + 1.5 * reach if x + 1.6 * reach + length < drawn.width else x - 1.5 * reach - length
        )
        top = min(max(y - tall / 2, 0), drawn.height - 1.3 * tall)
        draw.text((left, top), each.label, _MARK, text_font, stroke_width=2 * rim, stroke_fill=_RIM)
    with atomic_path(path) as temporary:
        drawn.save(temporary, "PNG", compress_level=1)
    return path

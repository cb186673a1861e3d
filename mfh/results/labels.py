"""Labels of what is seen in a picture, each where it hides the least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mfh.results.typography import font

_SHADE = (16, 18, 22)
_INK = (255, 255, 255)
_SIZE_PX = 14
_MARGIN_PX = 4

_Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Labelled:
    """Something in a picture that gets a label.

    label, colour: the text, and its frame's colour.
    silhouette: (H, W) bool, where it is; somewhere at least.
    head_share: how much of its height, from the top, no label may hide: of somebody who may be cut
        off at the hips, a third.
    optional: whether it goes without a label where there is no free place for one.
    """

    label: str
    colour: tuple[int, int, int]
    silhouette: NDArray[np.bool_]
    head_share: float = 1 / 3
    optional: bool = False

    @property
    def rows(self) -> NDArray[np.intp]:
        """The rows in which something of it is seen."""
        return np.flatnonzero(np.any(self.silhouette, axis=1))

    @property
    def height_px(self) -> int:
        """Its height."""
        return int(self.rows[-1] - self.rows[0] + 1)

    @property
    def head_bottom(self) -> int:
        """The first row below its head."""
        return int(self.rows[0]) + math.ceil(self.head_share * self.height_px)

    @property
    def head(self) -> NDArray[np.bool_]:
        """The upper part of the silhouette."""
        rows = np.arange(len(self.silhouette))
        return self.silhouette & (rows < self.head_bottom)[:, None]


def draw_labels(drawn: Image.Image, things: Sequence[Labelled]) -> None:
    """Write each label where it hides the least.

    First of all no head and no other label, then as little as possible of anything; among places
    as good as each other, the one above the head, then those beside it.
    """
    if not things:
        return
    draw = ImageDraw.Draw(drawn)
    label_font = font(_SIZE_PX, bold=True)
    anything = np.any([thing.silhouette for thing in things], axis=0)
    reserved = np.any([thing.head for thing in things], axis=0)
    for thing in sorted(things, key=lambda thing: (thing.optional, thing.rows[0])):
        size = (math.ceil(label_font.getlength(thing.label)) + 10, _SIZE_PX + 6)
        places = _places(thing, size, drawn.size)
        box = min(places, key=lambda box: (_count(reserved, box), _count(anything, box)))
        if thing.optional and _count(reserved, box):
            continue
        left, top, right, bottom = box
        reserved[top:bottom, left:right] = True
        frame = (left, top, right - 1, bottom - 1)
        draw.rounded_rectangle(frame, radius=4, fill=_SHADE, outline=thing.colour)
        middle = ((left + right) / 2, (top + bottom) / 2)
        draw.text(middle, thing.label, _INK, label_font, anchor="mm")


def _count(mask: NDArray[np.bool_], box: _Box) -> int:
    return int(np.count_nonzero(mask[box[1] : box[3], box[0] : box[2]]))


def _places(thing: Labelled, size: tuple[int, int], picture_size: tuple[int, int]) -> list[_Box]:
    """Give the boxes (left, top, right, bottom) in the picture for a label, the best first."""
    width, height = size
    gap = _MARGIN_PX
    top = int(thing.rows[0])
    crown = round(float(np.flatnonzero(thing.silhouette[top]).mean()))
    head_columns = np.flatnonzero(thing.head.any(axis=0))
    right, left = int(head_columns[-1]) + 1 + gap, int(head_columns[0]) - gap - width
    above, higher = top - height - gap, top - 2 * (height + gap)
    body = thing.head_bottom + gap
    centred = crown - width // 2
    corners = [
        (centred, above),
        (crown, above),
        (crown - width, above),
        (right, top),
        (left, top),
        (centred, higher),
        (right, body),
        (left, body),
        (centred, body),
    ]
    boxes = []
    for x, y in corners:
        # A narrow tile holds less than the label; what is left of its start is seen.
        x0 = max(0, min(max(x, gap), picture_size[0] - width - gap))
        y0 = max(0, min(max(y, gap), picture_size[1] - height - gap))
        boxes.append((x0, y0, x0 + width, y0 + height))
    return boxes

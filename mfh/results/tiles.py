"""One painted photo, small, with what was repainted and who was measured in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
_LABEL_MARGIN_PX = 4
# Below this height a thick line would leave nothing of the person to see.
_SMALL_PERSON_PX = 60
_HEAD_SHARE = 1 / 3  # of what is seen of a person, who may be cut off at the hips

_Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Line:
    """A smooth line along a mask's border, `centre_px` inside it (outside it where negative)."""

    colour: tuple[int, int, int]
    centre_px: float
    reach_px: float
    opacity: float = 1.0


@dataclass(frozen=True)
class _Person:
    label: str
    colour: tuple[int, int, int]
    silhouette: NDArray[np.bool_]

    @property
    def rows(self) -> NDArray[np.intp]:
        """The rows in which something of the person is seen."""
        return np.flatnonzero(np.any(self.silhouette, axis=1))

    @property
    def height_px(self) -> int:
        return int(self.rows[-1] - self.rows[0] + 1)

    @property
    def head(self) -> NDArray[np.bool_]:
        """The upper part of the silhouette."""
        bottom = int(self.rows[0]) + math.ceil(_HEAD_SHARE * self.height_px)
        rows = np.arange(len(self.silhouette))
        return self.silhouette & (rows < bottom)[:, None]


def tile(
    image: NDArray[np.uint8],
    repainted: NDArray[np.bool_],
    landmarks: Landmarks,
    size: tuple[int, int],
) -> Image.Image:
    """Draw a painted photo (H, W, 3) at `size` (width, height).

    The repainted strip is outlined in white; every person in a colour, with the median of the
    measured depth above the head or near it.
    """
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = np.asarray(small, np.float32)
    pixels = _outlined(pixels, _coverage(repainted, size), _thick(STRIP))
    people = []
    for owner in np.unique(landmarks.owner[landmarks.owner >= 0]):
        mask = landmarks.owner == owner
        coverage = _coverage(mask, size)
        person = _Person(
            label=_metres(float(np.median(landmarks.depth_m[mask]))),
            colour=PEOPLE[int(owner) % len(PEOPLE)],
            silhouette=coverage > 0,
        )
        lines = _thin if person.height_px < _SMALL_PERSON_PX else _thick
        pixels = _outlined(pixels, coverage, lines(person.colour))
        people.append(person)
    drawn = Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))
    _draw_labels(drawn, people)
    return drawn


def _thick(colour: tuple[int, int, int]) -> tuple[_Line, ...]:
    """Give a line about two px wide inside the border, and a shade outside it."""
    return (_Line(_SHADE, -1.0, 1.7, opacity=0.5), _Line(colour, 1.0, 1.7))


def _thin(colour: tuple[int, int, int]) -> tuple[_Line, ...]:
    """Give a line of one px just outside the border, which covers nothing of what is inside."""
    return (_Line(colour, -1.0, 1.0),)


def _coverage(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.float32]:
    """How much of each small pixel a mask covers, 0 to 1."""
    return np.asarray(
        Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BOX), np.float32
    )


def _outlined(
    pixels: NDArray[np.float32], coverage: NDArray[np.float32], lines: Sequence[_Line]
) -> NDArray[np.float32]:
    """Draw lines along a mask's border."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415 - takes a fifth of a second

    inside = coverage >= 0.5
    if not inside.any():
        return pixels
    # What touches the picture's border is not outlined there: the person goes on beyond it.
    padded = np.pad(inside, 1, mode="edge")
    depth_px = (distance_transform_edt(padded) - distance_transform_edt(~padded))[1:-1, 1:-1]
    for line in lines:
        off_centre_px = np.abs(depth_px - line.centre_px)
        alpha = line.opacity * np.clip(line.reach_px - off_centre_px, 0, 1)[..., None]
        pixels = (pixels * (1 - alpha) + np.asarray(line.colour) * alpha).astype(np.float32)
    return pixels


def _metres(depth_m: float) -> str:
    return f"{depth_m:.1f} m" if depth_m < 100 else f"{depth_m:.0f} m"


def _draw_labels(drawn: Image.Image, people: Sequence[_Person]) -> None:
    """Write each person's label where it hides the least.

    First of all no head and no other label, then as little as possible of anyone; among places
    as good as each other, the one above the head, then those beside it.
    """
    if not people:
        return
    draw = ImageDraw.Draw(drawn)
    label_font = font(_LABEL_PX, bold=True)
    anyone = np.any([person.silhouette for person in people], axis=0)
    reserved = np.any([person.head for person in people], axis=0)
    for person in sorted(people, key=lambda person: person.rows[0]):
        size = (math.ceil(label_font.getlength(person.label)) + 10, _LABEL_PX + 6)
        places = _places(person, size, drawn.size)
        box = min(places, key=lambda box: (_count(reserved, box), _count(anyone, box)))
        reserved[box[1] : box[3], box[0] : box[2]] = True
        draw.rounded_rectangle(
            (box[0], box[1], box[2] - 1, box[3] - 1), radius=4, fill=_SHADE, outline=person.colour
        )
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        draw.text(middle, person.label, STRIP, label_font, anchor="mm")


def _count(mask: NDArray[np.bool_], box: _Box) -> int:
    return int(np.count_nonzero(mask[box[1] : box[3], box[0] : box[2]]))


def _places(person: _Person, size: tuple[int, int], tile_size: tuple[int, int]) -> list[_Box]:
    """Give the boxes (left, top, right, bottom) in the tile for a label, the best first."""
    width, height = size
    gap = _LABEL_MARGIN_PX
    top = int(person.rows[0])
    crown = round(float(np.flatnonzero(person.silhouette[top]).mean()))
    head_columns = np.flatnonzero(person.head.any(axis=0))
    right, left = int(head_columns[-1]) + 1 + gap, int(head_columns[0]) - gap - width
    above, higher = top - height - gap, top - 2 * (height + gap)
    body = top + math.ceil(_HEAD_SHARE * person.height_px) + gap
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
        x0 = max(0, min(max(x, gap), tile_size[0] - width - gap))
        y0 = max(0, min(max(y, gap), tile_size[1] - height - gap))
        boxes.append((x0, y0, x0 + width, y0 + height))
    return boxes

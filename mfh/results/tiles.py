"""One painted photo, small, with what was repainted and what was measured in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mfh.records import POINT_KINDS, Intrinsics, Landmarks
from mfh.results.labels import Labelled, draw_labels
from mfh.taking_part import owners_of

STRIP = (255, 255, 255)
PEOPLE = ((255, 214, 10), (64, 224, 255), (255, 105, 205), (150, 255, 90), (255, 150, 50))
POINT = (255, 255, 255)
SET_ASIDE = (255, 64, 56)

_SHADE = (16, 18, 22)
# Below this height a thick line would leave nothing of the person to see.
_SMALL_PERSON_PX = 60
_CROSS_REACH_PX = 6
# Every so many of very many points are labelled.
_MOST_LABELLED_POINTS = 50

_Colour = tuple[int, int, int]


@dataclass(frozen=True)
class _Line:
    """A smooth line along a mask's border, `centre_px` inside it (outside it where negative)."""

    colour: _Colour
    centre_px: float
    reach_px: float
    opacity: float = 1.0


def tile(
    image: NDArray[np.uint8],
    repainted: NDArray[np.bool_],
    landmarks: Landmarks,
    size: tuple[int, int],
    *,
    set_aside: NDArray[np.bool_] | None = None,
    camera: Intrinsics | None = None,
) -> Image.Image:
    """Draw a painted photo (H, W, 3) at `size` (width, height).

    The repainted strip is outlined in white; every person in a colour, with the median of the
    measured depth above the head or near it; every known distance is a white cross with its
    metres, as far as there is room.

    set_aside: for each owner, whether the fit set it aside; it is red, its label in brackets.
    camera: for H x W. With it a point's distance is told straight from the camera, as it was
        measured, else its depth.
    """
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = np.asarray(small, np.float32)
    pixels = _outlined(pixels, _coverage(repainted, size), _thick(STRIP))
    owners = owners_of(landmarks)
    aside = np.zeros(len(landmarks.weight), np.bool_) if set_aside is None else set_aside
    is_point = np.array([kind in POINT_KINDS for kind in landmarks.kind], np.bool_)
    things = []
    for owner in owners[~is_point[owners]]:
        mask = landmarks.owner == owner
        coverage = _coverage(mask, size)
        label = _metres(float(np.median(landmarks.depth_m[mask])))
        colour = PEOPLE[int(owner) % len(PEOPLE)]
        person = _marked(Labelled(label, colour, coverage > 0), aside=aside[owner])
        lines = _thin if person.height_px < _SMALL_PERSON_PX else _thick
        pixels = _outlined(pixels, coverage, lines(person.colour))
        things.append(person)
    drawn = Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))
    points = owners[is_point[owners]]
    every = len(points) // _MOST_LABELLED_POINTS + 1
    places, distances_m = _places_of(points, landmarks, camera)
    for number, owner in enumerate(points):
        at = round(places[number, 0] * size[0]), round(places[number, 1] * size[1])
        label = _distance(distances_m[number])
        point = Labelled(label, POINT, _around(at, size), head_share=1.0, optional=True)
        point = _marked(point, aside=aside[owner])
        _draw_cross(drawn, at, point.colour)
        if number % every == 0:
            things.append(point)
    draw_labels(drawn, things)
    return drawn


def _marked(thing: Labelled, *, aside: bool) -> Labelled:
    """The same, or what stands for it where it was set aside; not by its colour alone."""
    return replace(thing, label=f"({thing.label})", colour=SET_ASIDE) if aside else thing


def _thick(colour: _Colour) -> tuple[_Line, ...]:
    """Give a line about two px wide inside the border, and a shade outside it."""
    return (_Line(_SHADE, -1.0, 1.7, opacity=0.5), _Line(colour, 1.0, 1.7))


def _thin(colour: _Colour) -> tuple[_Line, ...]:
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


def _places_of(
    points: NDArray[np.integer], landmarks: Landmarks, camera: Intrinsics | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where K points are: (K, 2) x and y as fractions of the photo, and (K,) metres away."""
    height, width = landmarks.owner.shape
    rows, columns = np.nonzero(landmarks.owner >= 0)
    owner = landmarks.owner[rows, columns]
    pixels = np.bincount(owner)[points]
    x, y, depth_m = (
        np.bincount(owner, values)[points] / pixels
        for values in (columns + 0.5, rows + 0.5, landmarks.depth_m[rows, columns])
    )
    place = np.stack([x / width, y / height], axis=1)
    if camera is None:
        return place, depth_m
    across, down = (x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy
    return place, depth_m * np.sqrt(across**2 + down**2 + 1)


def _around(at: tuple[int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of a cross's square."""
    (x, y), (width, height), reach = at, size, _CROSS_REACH_PX
    region = np.zeros((height, width), np.bool_)
    region[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1] = True
    return region


def _draw_cross(drawn: Image.Image, at: tuple[int, int], colour: _Colour) -> None:
    """Draw an upright cross of lines two px wide, with a dark rim that any photo sets off."""
    draw = ImageDraw.Draw(drawn)
    x, y = at
    for margin, ink in ((1, _SHADE), (0, colour)):
        reach = _CROSS_REACH_PX - 1 + margin
        draw.rectangle((x - reach - 1, y - 1 - margin, x + reach, y + margin), ink)
        draw.rectangle((x - 1 - margin, y - reach - 1, x + margin, y + reach), ink)


def _metres(depth_m: float) -> str:
    return f"{depth_m:.1f} m" if depth_m < 100 else f"{depth_m:.0f} m"


def _distance(distance_m: float) -> str:
    """Metres as exactly as a tape tells them."""
    return f"{distance_m:.2f} m" if distance_m < 10 else _metres(distance_m)

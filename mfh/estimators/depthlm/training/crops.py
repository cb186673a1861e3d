"""Which part of a photo is shown, and which of its labels is asked about.

DepthLM (facebookresearch/DepthLM_Official, `dataset_train` of `utils/datasets.py`) resizes a photo
to its focal length and cuts out the middle: a window around the image's centre whose height and
width are drawn evenly from their ranges, or all of the photo where that is smaller; nothing is
enlarged to fill it. A label outside gives way to another one of the photo inside, and a photo
without any is skipped. Here the window moves to the label instead, by as little as it has to: a
photo with a single label would else never be learned from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.camera import crop_intrinsics
from mfh.estimators.depthlm.marker import LENGTH_PX
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.records import Intrinsics, Photo


@dataclass(frozen=True)
class Window:
    """A part of a photo, in its px."""

    top: int
    left: int
    height: int
    width: int

    def of(self, photo: Photo) -> Photo:
        """The photo cut to it; its intrinsics follow."""
        rows, columns = (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )
        camera = crop_intrinsics(photo.camera, self.top, self.left, self.height, self.width)
        return Photo(photo.image[rows, columns], camera, photo.name)

    def has_room(
        self, x_px: NDArray[np.integer], y_px: NDArray[np.integer], room: tuple[float, float]
    ) -> NDArray[np.bool_]:
        """Which pixels lie inside, at least `room` (x, y) px from its border."""
        x, y = x_px + 0.5 - self.left, y_px + 0.5 - self.top
        inside: NDArray[np.bool_] = (
            (x >= room[0])
            & (x <= self.width - room[0])
            & (y >= room[1])
            & (y <= self.height - room[1])
        )
        return inside


def draw_window(
    camera: Intrinsics,
    x_px: NDArray[np.integer],
    y_px: NDArray[np.integer],
    settings: TrainingSettings,
    focal_px: float,
    random: np.random.Generator,
    *,
    longest_px: int = 0,
) -> tuple[Window, int, NDArray[np.int64]]:
    """Draw a window and a label in it, with room for its arrow.

    x_px, y_px: (N,) the labels, whole pixels of the photo.
    longest_px: the longest side of an image that the model takes, in px of the view; 0 is any.

    Gives the window, the index of the label, and those of all labels in the window with room. A
    label so near the photo's own border that no window has room is one of them where it is drawn.
    """
    height = _side(random, settings.crop_height_min_px, settings.crop_height_max_px, longest_px)
    width = _side(random, settings.crop_width_min_px, settings.crop_width_max_px, longest_px)
    # From px of the view to those of the photo.
    per_x, per_y = camera.fx / focal_px, camera.fy / focal_px
    height, width = math.floor(height * per_y), math.floor(width * per_x)
    height, width = min(camera.height, max(1, height)), min(camera.width, max(1, width))
    room = ((LENGTH_PX + 0.5) * per_x, (LENGTH_PX + 0.5) * per_y)
    window = Window((camera.height - height) // 2, (camera.width - width) // 2, height, width)
    usable = np.flatnonzero(window.has_room(x_px, y_px, room))
    if usable.size:
        return window, int(random.choice(usable)), usable
    label = int(random.integers(len(x_px)))
    window = Window(
        _moved(window.top, height, camera.height, int(y_px[label]), room[1]),
        _moved(window.left, width, camera.width, int(x_px[label]), room[0]),
        height,
        width,
    )
    usable = np.flatnonzero(window.has_room(x_px, y_px, room))
    return window, label, np.union1d(usable, [label])


def _side(random: np.random.Generator, least: int, most: int, longest: int) -> float:
    drawn = float(random.uniform(least, most))
    return min(drawn, longest) if longest > 0 else drawn


def _moved(start: int, length: int, whole: int, place: int, room: float) -> int:
    """Where a window begins that holds a pixel with room, nearest to `start`, within the photo."""
    margin = min(math.ceil(room), (length - 1) // 2)
    start = min(start, place - margin)
    start = max(start, place + 1 + margin - length)
    return min(max(start, 0), whole - length)

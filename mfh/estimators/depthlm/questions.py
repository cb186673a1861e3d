"""What a model is asked about a view, and the unit its answer is in.

The tasks are those of DepthLM's unified model (the paper's "Scale Up to Diverse Tasks"). The words
are our own, to which the method is not sensitive (facebookresearch/DepthLM_Official,
`utils/datasets.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError, SettingsError
from mfh.estimators.depthlm.canonical import CanonicalView
from mfh.estimators.depthlm.marker import with_arrows

Task = Literal["distance", "depth", "speed", "time", "two points", "camera motion"]
Unit = Literal["m", "m/s", "s"]

UNIT_NAMES: Mapping[str, str] = {"m": "meters", "m/s": "meters per second", "s": "seconds"}
"""What the units are called in questions."""

Point = tuple[float, float]
"""x and y in px, of the photo unless said otherwise."""


@dataclass(frozen=True, eq=False)
class Question:
    """One question to a model.

    task: what is asked for.
    images: the canonical views (H', W', 3) uint8 RGB, with their arrows; one, or two for camera
        motion. They come before the text.
    text: the question in words.
    unit: the unit the answer is to be in.
    """

    task: Task
    images: tuple[NDArray[np.uint8], ...]
    text: str
    unit: Unit

    @cached_property
    def images_key(self) -> str:
        """What tells the images from those of other questions."""
        digest = hashlib.blake2b()
        for image in self.images:
            digest.update(repr(image.shape).encode())
            digest.update(image.tobytes())
        return digest.hexdigest()


def distance_question(view: CanonicalView, point_px: Point) -> Question:
    """Ask for the straight distance from the camera to a point, in metres; not for its z.

    point_px: x and y in the photo's px. Raises `InputError` for a point outside the photo.
    """
    return _question(
        "distance",
        (_marked(view, point_px),),
        "How far from the camera, in a straight line, is the point at the tip of the red arrow?",
        "m",
    )


def depth_question(view: CanonicalView, point_px: Point) -> Question:
    """Ask for a point's depth along the principal axis (z), in metres.

    point_px: x and y in the photo's px. Raises `InputError` for a point outside the photo.
    """
    return _question(
        "depth",
        (_marked(view, point_px),),
        "How far from the camera is the point at the tip of the red arrow, measured only along the "
        "direction in which the camera looks, straight ahead, and not sideways or up and down?",
        "m",
    )


def speed_question(view: CanonicalView, point_px: Point, seconds: float) -> Question:
    """Ask how fast the camera has to move to reach a point after `seconds`, in m/s.

    point_px: x and y in the photo's px. Raises `InputError` for a point outside the photo, and
    `SettingsError` for a time that is not positive.
    """
    _require_positive("seconds", seconds)
    return _question(
        "speed",
        (_marked(view, point_px),),
        "The camera moves in a straight line to the point at the tip of the red arrow. At what "
        f"constant speed does it arrive after exactly {_plain(seconds)} seconds?",
        "m/s",
    )


def time_question(view: CanonicalView, point_px: Point, metres_per_second: float) -> Question:
    """Ask how long the camera needs to reach a point at a speed, in seconds.

    point_px: x and y in the photo's px. Raises `InputError` for a point outside the photo, and
    `SettingsError` for a speed that is not positive.
    """
    _require_positive("metres_per_second", metres_per_second)
    return _question(
        "time",
        (_marked(view, point_px),),
        "The camera moves in a straight line to the point at the tip of the red arrow, at "
        f"{_plain(metres_per_second)} meters per second. After how many seconds does it arrive?",
        "s",
    )


def two_points_question(view: CanonicalView, a_px: Point, b_px: Point) -> Question:
    """Ask for the distance between two points of the scene, in metres.

    a_px, b_px: x and y in the photo's px. Raises `InputError` for points outside the photo, and for
    two that lie in one pixel of the view.
    """
    a, b = view.point(*a_px), view.point(*b_px)
    if [math.floor(side) for side in a] == [math.floor(side) for side in b]:
        raise InputError(
            f"two points: ({a_px[0]:g}, {a_px[1]:g}) and ({b_px[0]:g}, {b_px[1]:g}) px lie in one "
            "pixel of the image that the model sees; choose points further apart"
        )
    return _question(
        "two points",
        (with_arrows(view.image, (a, b)),),
        "What is the distance in the scene between the point at the tip of the red arrow and the "
        "point at the tip of the blue arrow?",
        "m",
    )


def camera_motion_question(view_a: CanonicalView, view_b: CanonicalView) -> Question:
    """Ask how far the camera moved between two photos of one scene, in metres."""
    return _question(
        "camera motion",
        (view_a.image, view_b.image),
        "One camera took both images of the same scene. How far did the camera move between them?",
        "m",
    )


def _question(task: Task, images: tuple[NDArray[np.uint8], ...], text: str, unit: Unit) -> Question:
    return Question(
        task,
        images,
        f"{text} Reason briefly inside <think> </think>, then give only the number of "
        f"{UNIT_NAMES[unit]}, as a decimal without its unit, inside <answer> </answer>.",
        unit,
    )


def _marked(view: CanonicalView, point_px: Point) -> NDArray[np.uint8]:
    return with_arrows(view.image, (view.point(*point_px),))


def _require_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(f"{name} is {value}; it must be a positive number")


def _plain(value: float) -> str:
    return np.format_float_positional(value, trim="-")

"""Asking about points of a photo, and what the answers mean in metres.

A point's distance d and its depth z along the principal axis differ by the length of its ray:
d = z * |((x - cx) / fx, (y - cy) / fy, 1)|. Importing this loads no model library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mfh.errors import InputError, SettingsError
from mfh.estimators.depthlm.answers import Answer
from mfh.estimators.depthlm.asker import Asker
from mfh.estimators.depthlm.questions import (
    Point,
    Question,
    Task,
    camera_motion_question,
    depth_question,
    distance_question,
    speed_question,
    time_question,
    two_points_question,
)
from mfh.estimators.depthlm.vlm import Answerer
from mfh.progress import Progress
from mfh.records import Intrinsics, Photo

PointTask = Literal["distance", "depth", "speed", "time"]


@dataclass(frozen=True)
class Asked:
    """What was said about a point.

    x_px, y_px: the point in the photo's px.
    answer: in metres for a distance or a depth, m/s for a speed, seconds for a time.
    distance_m: straight from the camera; depth_m: along the principal axis. Where distance or
        depth was asked for, each follows from the answer; None otherwise, and without a value.
    """

    x_px: float
    y_px: float
    task: Task
    answer: Answer
    distance_m: float | None = None
    depth_m: float | None = None


@dataclass(frozen=True)
class AskedPair:
    """What was said about two points of a photo: a_px, b_px in its px, and the metres between."""

    a_px: Point
    b_px: Point
    answer: Answer

    @property
    def distance_m(self) -> float | None:
        """How far the points are from each other; None where that was not said."""
        return self.answer.value


@dataclass(frozen=True)
class AskedMotion:
    """What was said about the camera between two photos."""

    answer: Answer

    @property
    def distance_m(self) -> float | None:
        """How far the camera moved; None where that was not said."""
        return self.answer.value


def ray_length(camera: Intrinsics, x_px: float, y_px: float) -> float:
    """How long the ray through a point is up to depth 1: distance is depth times this."""
    return math.hypot(1, (x_px - camera.cx) / camera.fx, (y_px - camera.cy) / camera.fy)


def ask_points(
    photo: Photo,
    points_px: Sequence[Point],
    answerer: Answerer,
    *,
    task: PointTask = "distance",
    seconds: float | None = None,
    metres_per_second: float | None = None,
    progress: Progress | None = None,
) -> tuple[Asked, ...]:
    """Ask one question about each point (x, y), in the photo's px.

    seconds: in which the camera is to reach the point, for task "speed"; metres_per_second: how
        fast it moves there, for task "time".

    Raises what `ask_tasks` does.
    """
    return ask_tasks(
        photo,
        points_px,
        answerer,
        (task,),
        seconds=seconds,
        metres_per_second=metres_per_second,
        progress=progress,
    )


def ask_tasks(
    photo: Photo,
    points_px: Sequence[Point],
    answerer: Answerer,
    tasks: Sequence[PointTask],
    *,
    seconds: float | None = None,
    metres_per_second: float | None = None,
    progress: Progress | None = None,
) -> tuple[Asked, ...]:
    """Ask several questions about each point; those about one point share its marked image.

    Where the answerer takes no image as large as the view, each point is asked about in a window
    of the photo with room around the point, as central as that allows: at the same focal length.

    Gives the first point's answers in the order of the tasks, then the second's, and so on.

    Raises `InputError` for a point outside the photo and for views that the answerer cannot take,
    `SettingsError` for a task without its seconds or speed, and what the answerer raises.
    """
    asker = Asker(photo, answerer)
    for point in points_px:
        require_inside(photo, point)

    def question(item: tuple[Point, PointTask]) -> Question:
        point, task = item
        view, shifted = asker.view([point])
        if task == "distance":
            return distance_question(view, shifted[0])
        if task == "depth":
            return depth_question(view, shifted[0])
        if task == "speed":
            return speed_question(view, shifted[0], _needed(seconds, task, "seconds"))
        if task == "time":
            speed = _needed(metres_per_second, task, "metres_per_second")
            return time_question(view, shifted[0], speed)
        raise SettingsError(
            f"task {task!r} is none of a point; there are distance, depth, speed and time"
        )

    items = [(point, task) for point in points_px for task in tasks]
    answers = asker.answers(items, question, progress)
    return tuple(
        _asked(photo.camera, point, task, answer)
        for (point, task), answer in zip(items, answers, strict=True)
    )


def ask_two_points(
    photo: Photo,
    pairs_px: Sequence[tuple[Point, Point]],
    answerer: Answerer,
    *,
    progress: Progress | None = None,
) -> tuple[AskedPair, ...]:
    """Ask how far the two points of each pair are from each other in the scene.

    Raises `InputError` for a point outside the photo, two in one pixel, and two that no view that
    the answerer takes can hold, and what the answerer raises.
    """
    asker = Asker(photo, answerer)
    for pair in pairs_px:
        for point in pair:
            require_inside(photo, point)

    def question(pair: tuple[Point, Point]) -> Question:
        view, (a_px, b_px) = asker.view(pair)
        return two_points_question(view, a_px, b_px)

    answers = asker.answers(pairs_px, question, progress)
    return tuple(AskedPair(*pair, each) for pair, each in zip(pairs_px, answers, strict=True))


def ask_camera_motion(
    photo_a: Photo, photo_b: Photo, answerer: Answerer, *, progress: Progress | None = None
) -> AskedMotion:
    """Ask how far the camera moved from one photo to the other.

    Raises `InputError` where the answerer cannot take their views, and what the answerer raises.
    """
    asker = Asker(photo_a, answerer)
    view_a, _ = asker.view(())
    view_b, _ = Asker(photo_b, answerer).view(())
    question = camera_motion_question(view_a, view_b)
    (answer,) = asker.answers([None], lambda _: question, progress)
    return AskedMotion(answer)


def _asked(camera: Intrinsics, point: Point, task: Task, answer: Answer) -> Asked:
    distance_m = depth_m = None
    if answer.value is not None:
        length = ray_length(camera, *point)
        if task == "distance":
            distance_m, depth_m = answer.value, answer.value / length
        elif task == "depth":
            distance_m, depth_m = answer.value * length, answer.value
    return Asked(*point, task, answer, distance_m, depth_m)


def require_inside(photo: Photo, point: Point) -> None:
    """Raise `InputError` for a point outside a photo."""
    (height, width), (x_px, y_px) = photo.shape, point
    if not (0 <= x_px < width and 0 <= y_px < height):
        raise InputError(
            f"{photo.name}: point ({x_px:g}, {y_px:g}) px lies outside the photo of {width} x "
            f"{height} px; x must be from 0 up to below {width}, y up to below {height}"
        )


def _needed(value: float | None, task: Task, name: str) -> float:
    if value is None:
        raise SettingsError(f"task {task!r} needs {name}")
    return value

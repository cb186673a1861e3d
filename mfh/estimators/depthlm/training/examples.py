"""What a model is taught: questions about photos with the answers it is to give.

Importing this loads no model library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError, MfhError
from mfh.estimators.depthlm.canonical import CanonicalView, canonical_view
from mfh.estimators.depthlm.marker import LENGTH_PX
from mfh.estimators.depthlm.questions import (
    Question,
    depth_question,
    distance_question,
    speed_question,
    time_question,
    two_points_question,
)
from mfh.estimators.depthlm.training.crops import draw_window
from mfh.estimators.depthlm.training.labelled import LabelledFile, LabelledPhoto, draw_photos
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.records import Intrinsics, Photo

# From which seconds (speed) and metres per second (time) are drawn, evenly in their logarithms.
_SECONDS = (1.0, 30.0)
_SPEEDS_M_S = (0.5, 30.0)

# How many photos are tried for one question.
_MOST_TRIED = 10

_REASONING = {
    "distance": "A straight line from the lens to the arrow's tip measures {} meters.",
    "depth": "Counted along the principal axis alone, it lies {} meters ahead.",
    "speed": "{distance} meters have to be covered, which takes {} meters per second.",
    "time": "{distance} meters have to be covered, which takes {} seconds.",
    "two points": "A straight line from tip to tip measures {} meters.",
}


@dataclass(frozen=True, eq=False)
class Example:
    """A question, the text that answers it, and the photo it is about, by name.

    unreadable: what is wrong with the photos in whose place this one is.
    """

    question: Question
    answer: str
    name: str
    unreadable: tuple[str, ...] = ()


class Examples(Sequence["Example | MfhError"]):
    """All questions of a training in their order; each follows from the seed and its index alone.

    files: the labels. count: how many questions there are.
    focal_px: the focal length of the views. longest_px: as the model's kind has it.

    It holds no pixels and can be pickled, so that the workers of a data loader can have it. In the
    place of a photo that cannot be read there is another of its file, drawn at random. Where ten in
    turn cannot be, or else something is wrong, that is given in the example's place: raised in
    another process, an error would come with that process's traceback as its text.
    """

    def __init__(
        self,
        files: Sequence[LabelledFile],
        count: int,
        settings: TrainingSettings,
        focal_px: float,
        longest_px: int = 0,
    ) -> None:
        self._photos = [each.photos for each in files]
        self._drawn = draw_photos(files, count, settings.seed)
        self._settings = settings
        self._focal_px = focal_px
        self._longest_px = longest_px

    def __len__(self) -> int:
        """How many there are."""
        return len(self._drawn)

    def __getitem__(self, index: int) -> Example | MfhError:  # type: ignore[override]
        """Read the photo and ask."""
        file, photo = self._drawn[index]
        try:
            labelled, read, unreadable = self._read(self._photos[file], photo, index)
            example = self._example(labelled, read, index)
        except MfhError as error:
            return error
        return replace(example, unreadable=unreadable)

    def _read(
        self, photos: Sequence[LabelledPhoto], photo: int, index: int
    ) -> tuple[LabelledPhoto, Photo, tuple[str, ...]]:
        """A photo or another one in its place, and what is wrong with those that are not read."""
        random = np.random.default_rng([self._settings.seed, 3, index])
        tried = [photo, *random.integers(len(photos), size=_MOST_TRIED - 1).tolist()]
        unreadable: list[str] = []
        for number in tried:
            try:
                return photos[number], photos[number].photo(), tuple(unreadable)
            except InputError as error:
                unreadable.append(str(error))
        raise InputError(
            f"{unreadable[0]}; nor can {_MOST_TRIED - 1} others be read that were drawn in its "
            "place; restore the photos, and run the same command again"
        )

    def _example(self, labelled: LabelledPhoto, photo: Photo, index: int) -> Example:
        random = np.random.default_rng([self._settings.seed, 2, index])
        window, label, others = draw_window(
            photo.camera,
            labelled.x_px,
            labelled.y_px,
            self._settings,
            self._focal_px,
            random,
            longest_px=self._longest_px,
        )
        view = canonical_view(window.of(photo), self._focal_px)
        # Pixels' centres, in the window's px.
        points_px = np.stack(
            [labelled.x_px + 0.5 - window.left, labelled.y_px + 0.5 - window.top], axis=-1
        )
        task = self._settings.tasks[int(random.integers(len(self._settings.tasks)))]
        if task == "two points":
            second = _second(points_px, label, others, view, random)
            if second is not None:
                return _pair(labelled, photo.camera, view, points_px, (label, second))
            task = "distance"
        return _of_point(labelled, photo.camera, view, points_px[label], label, task, random)


def answer_text(task: str, value: float, distance_m: float = math.nan) -> str:
    """The text that a model is to answer with: a number in the tags that it is asked for.

    value: in the unit of the task. It has two decimals as DepthLM's; below 0.005 it would be none,
        and is written as 0.01. Speeds and times, of which many are small, have three significant
        digits below 1, and are at least 0.001.
    """
    if task in ("speed", "time") and value < 1:
        value = max(value, 0.001)
        written = f"{value:.{2 - math.floor(math.log10(value))}f}"
    else:
        written = f"{max(value, 0.01):.2f}"
    reasoning = _REASONING[task].format(written, distance=f"{distance_m:.2f}")
    return f"<think> {reasoning} </think> <answer> {written} </answer>"


def _of_point(
    labelled: LabelledPhoto,
    camera: Intrinsics,
    view: CanonicalView,
    point_px: NDArray[np.float64],
    label: int,
    task: str,
    random: np.random.Generator,
) -> Example:
    depth_m = float(labelled.depth_m[label])
    distance_m = float(np.linalg.norm(_place_m(labelled, camera, label)))
    point = (float(point_px[0]), float(point_px[1]))
    if task == "distance":
        question, value = distance_question(view, point), distance_m
    elif task == "depth":
        question, value = depth_question(view, point), depth_m
    elif task == "speed":
        seconds = _drawn(_SECONDS, random)
        question, value = speed_question(view, point, seconds), distance_m / seconds
    else:
        speed = _drawn(_SPEEDS_M_S, random)
        question, value = time_question(view, point, speed), distance_m / speed
    return Example(question, answer_text(task, value, distance_m), labelled.sample.name)


def _pair(
    labelled: LabelledPhoto,
    camera: Intrinsics,
    view: CanonicalView,
    points_px: NDArray[np.float64],
    labels: tuple[int, int],
) -> Example:
    a, b = (_place_m(labelled, camera, label) for label in labels)
    (ax, ay), (bx, by) = (points_px[label].tolist() for label in labels)
    question = two_points_question(view, (ax, ay), (bx, by))
    value = float(np.linalg.norm(a - b))
    return Example(question, answer_text("two points", value), labelled.sample.name)


def _place_m(labelled: LabelledPhoto, camera: Intrinsics, label: int) -> NDArray[np.float64]:
    """Where a label is in the camera's frame, (3,), metres; its px are whole, as in the files."""
    x = (labelled.x_px[label] - camera.cx) / camera.fx
    y = (labelled.y_px[label] - camera.cy) / camera.fy
    return np.array([x, y, 1.0]) * float(labelled.depth_m[label])


def _second(
    points_px: NDArray[np.float64],
    first: int,
    usable: NDArray[np.int64],
    view: CanonicalView,
    random: np.random.Generator,
) -> int | None:
    """Another label of the window whose arrow is clear of the first; None where there is none."""
    apart = np.abs(points_px[usable] - points_px[first]) * view.scale
    clear = usable[(apart > 2 * LENGTH_PX).any(axis=1)]
    return int(random.choice(clear)) if clear.size else None


def _drawn(between: tuple[float, float], random: np.random.Generator) -> float:
    low, high = (math.log(value) for value in between)
    return round(math.exp(random.uniform(low, high)), 1)

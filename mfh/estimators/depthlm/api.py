"""`mfh.ask`: asking a vision language model about points of a photo, in one call."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, overload

from mfh.camera import (
    IntrinsicsLike,
    assumption_warning,
    is_off_centre,
    off_centre_warning,
    same_aspect,
)
from mfh.errors import InputError
from mfh.estimators.depthlm.asked_files import PointsLike, load_points
from mfh.estimators.depthlm.asking import (
    Asked,
    AskedMotion,
    AskedPair,
    PointTask,
    ask_camera_motion,
    ask_points,
    ask_two_points,
    require_inside,
)
from mfh.estimators.depthlm.loading import DEFAULT_MODEL, model_text, open_model
from mfh.estimators.depthlm.questions import Point, Task
from mfh.estimators.depthlm.vlm import Answerer, VisionLanguageModel
from mfh.estimators.spec import model_identity
from mfh.models import ModelStore
from mfh.photos import PhotoLike, load_photo
from mfh.progress import Progress
from mfh.records import Photo
from mfh.settings import Device, Precision, Settings


@overload
def ask(
    image: PhotoLike,
    points: PointsLike,
    intrinsics: IntrinsicsLike | None = None,
    *,
    model: str | Path | Answerer = ...,
    task: PointTask = ...,
    seconds: float | None = ...,
    metres_per_second: float | None = ...,
    fov_deg: float | None = ...,
    device: Device = ...,
    precision: Precision = ...,
    progress: Progress | None = ...,
) -> tuple[Asked, ...]: ...


@overload
def ask(
    image: PhotoLike,
    points: PointsLike,
    intrinsics: IntrinsicsLike | None = None,
    *,
    model: str | Path | Answerer = ...,
    task: Literal["two points"],
    fov_deg: float | None = ...,
    device: Device = ...,
    precision: Precision = ...,
    progress: Progress | None = ...,
) -> tuple[AskedPair, ...]: ...


@overload
def ask(
    image: PhotoLike,
    points: PointsLike = ...,
    intrinsics: IntrinsicsLike | None = None,
    *,
    model: str | Path | Answerer = ...,
    task: Literal["camera motion"],
    second_photo: PhotoLike,
    fov_deg: float | None = ...,
    device: Device = ...,
    precision: Precision = ...,
    progress: Progress | None = ...,
) -> AskedMotion: ...


def ask(
    image: PhotoLike,
    points: PointsLike = (),
    intrinsics: IntrinsicsLike | None = None,
    *,
    model: str | Path | Answerer = DEFAULT_MODEL,
    task: Task = "distance",
    seconds: float | None = None,
    metres_per_second: float | None = None,
    second_photo: PhotoLike | None = None,
    fov_deg: float | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    progress: Progress | None = None,
) -> tuple[Asked, ...] | tuple[AskedPair, ...] | AskedMotion:
    """Ask a vision language model about points of a photo (DepthLM, arXiv 2509.25413).

    image, intrinsics, fov_deg: the photo and its camera, as `mfh.metric_depth` takes them.
    points: (x, y) in px of the photo, one or several, also as an array (P, 2), as texts "x,y", or a
        .csv or .json file of them.
    model: a name in `mfh models list`, an id of the model hub, a folder, or the run of a training;
        or an answerer of your own. It has to be on this machine already. A folder that is called as
        a model of that list is "./NAME", or a `Path`.
    task: "distance" from the camera, "depth" along the principal axis, "speed" to reach the point
        in `seconds`, "time" to reach it at `metres_per_second`; "two points", of which each
        following two are a pair; or "camera motion", from the photo to `second_photo`, which was
        taken with the same camera.
    device, precision: as in `mfh.Settings`, but that "auto" is bfloat16 on a GPU.

    Returns what was said of each point, of each pair, or of the motion. A model stays loaded for
    the next call, if that uses the same. What the user should know is issued through Python's
    `warnings`. Raises errors of `mfh.errors`: points outside the photo, a task without what it
    needs, and a model that is not here (`MissingPartError`, with the command that gets it).
    """
    given = load_points(points)
    photo = load_photo(image, intrinsics, fov_deg=fov_deg)
    other = None
    if second_photo is not None:
        other = load_photo(second_photo, intrinsics, fov_deg=fov_deg)
    check_points(task, given, photo, other)
    answerer = _loaded(model, device, precision) if isinstance(model, str | Path) else model
    for message in camera_warnings(photo, other):
        warnings.warn(message, stacklevel=2)
    if task == "two points":
        return ask_two_points(photo, pairs(given), answerer, progress=progress)
    if task == "camera motion" and other is not None:
        return ask_camera_motion(photo, other, answerer, progress=progress)
    return ask_points(
        photo,
        given,
        answerer,
        task=task,  # type: ignore[arg-type]  # `check_points` has seen to the motion's photo
        seconds=seconds,
        metres_per_second=metres_per_second,
        progress=progress,
    )


def check_points(task: Task, points: Sequence[Point], photo: Photo, other: Photo | None) -> None:
    """Raise `InputError` where a task lacks points or the second photo, or does without them.

    Also where a point lies outside the photo: all of it can be told before a model is loaded.
    """
    for point in points:
        require_inside(photo, point)
    if task == "camera motion":
        if points or other is None:
            raise InputError(
                "camera motion: is asked of two photos and no points; give a second photo with "
                "--second-photo (in Python second_photo=), and leave out the points"
            )
        return
    if other is not None:
        raise InputError(f"task {task!r}: takes no second photo, which is for camera motion")
    if not points:
        raise InputError(f"task {task!r}: no point is given; give points as x,y in px")
    if task == "two points" and len(points) % 2:
        x_px, y_px = points[-1]
        raise InputError(
            f"two points: ({x_px:g}, {y_px:g}) px has no second point; each two that follow each "
            "other are a pair, so give an even number of points"
        )


def camera_warnings(photo: Photo, other: Photo | None = None) -> tuple[str, ...]:
    """What there is to warn of about the camera of a photo, and of a second one by the same."""
    found = []
    for camera in (each.camera for each in (photo, other) if each is not None):
        if camera.source == "assumed":
            found.append(assumption_warning(camera))
        if is_off_centre(camera):
            found.append(off_centre_warning(camera))
    if other is not None and not same_aspect(photo.shape, other.shape):
        (height, width), (other_height, other_width) = photo.shape, other.shape
        found.append(
            f"The photos have {width} x {height} and {other_width} x {other_height} px, which are "
            "hardly by the same camera: what is said of its motion may be far off. Give two photos "
            "of one size, neither of them cropped."
        )
    return tuple(dict.fromkeys(found))


def pairs(points: Sequence[Point]) -> tuple[tuple[Point, Point], ...]:
    """Each two points that follow each other."""
    return tuple(zip(points[::2], points[1::2], strict=True))


def _loaded(model: str | Path, device: Device, precision: Precision) -> VisionLanguageModel:
    text, store = model_text(model), ModelStore()
    # Where a folder's files have changed, the model is another.
    identity = json.dumps(model_identity(text), sort_keys=True)
    return _opened(text, identity, device, precision, store.folder)


@lru_cache(maxsize=1)
def _opened(
    model: str, identity: str, device: Device, precision: Precision, folder: Path
) -> VisionLanguageModel:
    """The model of the last call."""
    return open_model(model, Settings(device=device, precision=precision), ModelStore(folder))

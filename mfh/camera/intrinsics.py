"""Where a photo's intrinsics come from, and what resizing and cropping does to them.

All conventions are those of `mfh.records.Intrinsics`: pixel (0, 0) covers [0, 1) x [0, 1), so its
centre is (0.5, 0.5). In it an image that is resized by a factor resizes its intrinsics by that same
factor, and one that is cropped moves the principal point by whole pixels; nothing is approximate.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from mfh.camera.calibration import Calibration, calibration_from_matrix
from mfh.camera.files import read_calibration
from mfh.errors import CameraError
from mfh.records import Intrinsics

IntrinsicsLike = Intrinsics | str | os.PathLike[str] | ArrayLike
"""What `intrinsics_from` understands."""

# Of the image's width or height; lenses are centred to a few per cent.
_OFF_CENTRE_SHARE = 0.15

FOV_RANGE_DEG = (1.0, 179.0)
"""Fields of view a pinhole photo can have: 1 degree is a 2000 mm lens on 35 mm film."""

ASPECT_TOLERANCE = 0.01
"""How far two image sizes may differ in aspect and still be the same picture at another size.

Rounding to whole pixels stays below it (6048 x 4032 as 640 x 427 differs by 0.1 %), so do sizes of
480 px and more rounded to a multiple of 8; the closest aspects that cameras offer (5:4 and 4:3,
16:9 and 17:9) are 6 % apart.
"""

# Where principal points lie, as fractions of the photo's width and height.
_PRINCIPAL_POINT_RANGE = (0.1, 0.9)

FILM_DIAGONAL_MM = float(np.hypot(36, 24))
"""Diagonal of a 35 mm film frame, which "35 mm equivalent" focal lengths refer to."""

ASSUMED_FOCAL_LENGTH_35MM = 28.0
"""The lens assumed when nothing is known: 28 mm equivalent, a horizontal view of 65 degrees at 3:2.

Main cameras of phones, which most photos come from, are 24 to 29 mm equivalent, and 28 mm is the
wide end of standard zooms.
"""


def resize_intrinsics(intrinsics: Intrinsics, height: int, width: int) -> Intrinsics:
    """Return the intrinsics after the image is resized to `height` x `width` px.

    Each axis has its own factor, so sizes rounded to whole pixels are right as well. Source and
    note are kept.
    """
    x_ratio = width / intrinsics.width
    y_ratio = height / intrinsics.height
    return replace(
        intrinsics,
        fx=intrinsics.fx * x_ratio,
        fy=intrinsics.fy * y_ratio,
        cx=intrinsics.cx * x_ratio,
        cy=intrinsics.cy * y_ratio,
        height=height,
        width=width,
    )


def crop_intrinsics(
    intrinsics: Intrinsics, top: int, left: int, height: int, width: int
) -> Intrinsics:
    """Return the intrinsics of a crop of the image.

    top, left: row and column of the crop's first pixel; height, width: its size in px. It may reach
        beyond the image, as when it is padded.

    Source and note are kept.
    """
    return replace(
        intrinsics, cx=intrinsics.cx - left, cy=intrinsics.cy - top, height=height, width=width
    )


def intrinsics_from(
    value: IntrinsicsLike, height: int, width: int, *, image_name: str | None = None
) -> Intrinsics:
    """Read the intrinsics a user gave, for a photo of `height` x `width` px.

    value: `Intrinsics`; a 3 x 3 matrix (array, nested lists, torch tensor); or the path of a file
        as `mfh.camera.files` describes them.
    image_name: the photo's file name or path; picks the photo's entry in files that hold many.

    Intrinsics that state their image size are scaled to the photo's when the aspects agree within
    `ASPECT_TOLERANCE`. Those that state none are taken for the photo's own size, unless their
    principal point says otherwise.

    Raises `CameraError` for a file that cannot be read or understood, a matrix that is not a
    pinhole's, intrinsics of another aspect or evidently of another image size, and a field of view
    outside `FOV_RANGE_DEG`.
    """
    if isinstance(value, Intrinsics):
        return _for_size(value, "intrinsics", height, width)
    if isinstance(value, str | os.PathLike):
        path = Path(value)
        calibration = read_calibration(path, height, width, image_name)
        note = _joined(path.name, calibration.note)
    else:
        calibration = calibration_from_matrix(value)
        note = calibration.note
    if calibration.size is None:
        _require_same_size(calibration, height, width)
    size_height, size_width = calibration.size or (height, width)
    camera = Intrinsics(
        fx=calibration.fx,
        fy=calibration.fy,
        cx=calibration.cx,
        cy=calibration.cy,
        height=size_height,
        width=size_width,
        source="given",
        note=note,
    )
    return _for_size(camera, calibration.where, height, width)


def intrinsics_from_fov(fov_deg: float, height: int, width: int) -> Intrinsics:
    """Make a centred camera of square pixels of a horizontal field of view.

    fov_deg: the field of view in degrees; height, width: the photo's size in px.

    Raises `CameraError` for a field of view outside `FOV_RANGE_DEG`.
    """
    low, high = FOV_RANGE_DEG
    if not low <= fov_deg <= high:
        raise CameraError(
            f"field of view is {fov_deg:g} degrees; accepted: {low:g} to {high:g}, "
            "the horizontal one"
        )
    f_px = width / 2 / np.tan(np.radians(fov_deg) / 2)
    return Intrinsics(
        f_px, f_px, width / 2, height / 2, height, width, "field of view", f"{fov_deg:g} degrees"
    )


def focal_length_px(focal_length_35mm: float, height: int, width: int) -> float:
    """Convert a 35 mm equivalent focal length in mm to px.

    The equivalence is that of the diagonals (CIPA DCG-001); for an aspect of 3:2 this is the same
    as taking the longer side for 36 mm.
    """
    return focal_length_35mm * float(np.hypot(height, width)) / FILM_DIAGONAL_MM


def assumed_intrinsics(height: int, width: int, reason: str = "") -> Intrinsics:
    """Make a centred camera of `ASSUMED_FOCAL_LENGTH_35MM`, for want of anything better.

    reason: why nothing is known; it goes into the note, after the field of view assumed.
    """
    f_px = focal_length_px(ASSUMED_FOCAL_LENGTH_35MM, height, width)
    camera = Intrinsics(f_px, f_px, width / 2, height / 2, height, width, "assumed")
    note = (
        f"horizontal field of view of {camera.horizontal_fov_deg:.0f} degrees "
        f"({ASSUMED_FOCAL_LENGTH_35MM:g} mm lens)"
    )
    return replace(camera, note=_joined(note, reason))


def assumption_warning(camera: Intrinsics) -> str:
    """Say what was assumed and what to do about it; "" where nothing was."""
    if camera.source != "assumed":
        return ""
    return (
        "The photo's focal length is not known: a horizontal field of view of "
        f"{camera.horizontal_fov_deg:.0f} degrees is assumed, and every depth is proportional to "
        "the focal length. Give the camera with --intrinsics FILE (in Python intrinsics=), or its "
        "horizontal field of view with --fov DEGREES (fov_deg=)."
    )


def is_off_centre(camera: Intrinsics) -> bool:
    """Whether the principal point lies so far from the image's centre that it may be another's."""
    off_x = abs(camera.cx - camera.width / 2) / camera.width
    off_y = abs(camera.cy - camera.height / 2) / camera.height
    return max(off_x, off_y) > _OFF_CENTRE_SHARE


def off_centre_warning(camera: Intrinsics) -> str:
    """Say that the principal point is not where it is expected, and what to do about it."""
    return (
        f"The camera's principal point is ({camera.cx:.0f}, {camera.cy:.0f}), far from the photo's "
        f"centre ({camera.width / 2:.0f}, {camera.height / 2:.0f}). That is right for a photo that "
        "was cropped to one side; else the intrinsics are another camera's, or for another size: "
        "give them with width and height."
    )


def require_plausible(camera: Intrinsics, where: str) -> Intrinsics:
    """Return the camera if both its fields of view are within `FOV_RANGE_DEG`.

    Raises `CameraError`, opening with `where`, where they are not.
    """
    low, high = FOV_RANGE_DEG
    for axis, fov_deg in (
        ("horizontal", camera.horizontal_fov_deg),
        ("vertical", camera.vertical_fov_deg),
    ):
        if not low <= fov_deg <= high:
            raise CameraError(
                f"{where}: fx = {camera.fx:g}, fy = {camera.fy:g} px give a {axis} field of view "
                f"of {fov_deg:.3g} degrees on {camera.width} x {camera.height} px; "
                f"plausible: {low:g} to {high:g}"
            )
    return camera


def same_aspect(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two (H, W) can be the same picture at two sizes."""
    ratio = (size[1] * other[0]) / (size[0] * other[1])
    return abs(ratio - 1) <= ASPECT_TOLERANCE


def _for_size(camera: Intrinsics, where: str, height: int, width: int) -> Intrinsics:
    """Scale the camera to the photo's size, if it can be the photo's."""
    size = (camera.height, camera.width)
    if size != (height, width):
        if not same_aspect(size, (height, width)):
            raise CameraError(
                f"{where}: the intrinsics are for {camera.width} x {camera.height} px, which "
                f"differs in aspect from the photo's {width} x {height} px"
                + (
                    "; they look like those of the photo before its EXIF orientation was applied: "
                    "give those of the turned photo"
                    if same_aspect(size, (width, height))
                    else "; if the photo was cropped, shift cx and cy by the crop and state its "
                    "width and height"
                )
            )
        note = _joined(camera.note, f"scaled from {camera.width} x {camera.height} px")
        camera = replace(resize_intrinsics(camera, height, width), note=note)
    return require_plausible(camera, where)


def _require_same_size(calibration: Calibration, height: int, width: int) -> None:
    """Refuse intrinsics without an image size whose principal point tells of another one.

    Lenses sit in front of the middle of the sensor. A principal point near the photo's edge or
    outside, or off its middle by the same factor in x and in y, is that of a smaller or larger one.
    """
    cx, cy = calibration.cx, calibration.cy
    x, y = cx / width, cy / height
    low, high = _PRINCIPAL_POINT_RANGE
    inside = low <= x <= high and low <= y <= high
    factor = abs(x - y) <= 0.1 * max(x, y) and (max(x, y) < 0.4 or min(x, y) > 0.6)
    if inside and not factor:
        return
    if 0 < cx <= 1 and 0 < cy <= 1:
        advice = "they look normalised: multiply fx, cx by the width and fy, cy by the height in px"
    else:
        looks = f"they look like those of about {2 * cx:.0f} x {2 * cy:.0f} px: "
        advice = (
            f"{looks if min(cx, cy) > 0 else ''}state the size they are for, in a JSON file "
            "{fx, fy, cx, cy, width, height} or as mfh.Intrinsics"
        )
    raise CameraError(
        f"{calibration.where}: the principal point ({cx:g}, {cy:g}) is far off the middle of the "
        f"photo of {width} x {height} px, and the intrinsics state no image size; {advice}"
    )


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)

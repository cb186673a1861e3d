"""The camera as the page has it: what the photo says, or one number of the user's."""

from __future__ import annotations

from typing import Literal, get_args

from mfh.camera import intrinsics_from_fov
from mfh.camera.intrinsics import focal_length_px, require_plausible
from mfh.errors import CameraError
from mfh.records import Intrinsics

CameraChoice = Literal["photo", "f_px", "f_35mm", "fov"]

QUESTIONS: dict[CameraChoice, str] = {
    "photo": "What the photo says",
    "f_px": "Focal length in px",
    "f_35mm": "35 mm equivalent in mm",
    "fov": "Horizontal field of view in degrees",
}


def chosen_camera(choice: str, value: float | None, of_photo: Intrinsics) -> Intrinsics:
    """The camera that a choice and its number make, for a photo.

    choice: one of `CameraChoice`; value: the number it asks for, which "photo" does without.
    of_photo: the intrinsics that the photo was loaded with.

    Raises `CameraError` for a number that is missing, not positive or implausible.
    """
    if choice not in get_args(CameraChoice):
        raise CameraError(f"camera: {choice!r}; expected one of {', '.join(QUESTIONS)}")
    if choice == "photo":
        return of_photo
    height, width = of_photo.height, of_photo.width
    question = QUESTIONS[choice].lower()  # type: ignore[index] # just checked
    if value is None or not value > 0:
        given = "nothing is given" if value is None else f"{value:g} is given"
        raise CameraError(f"camera: {given} as {question}; give a positive number")
    if choice == "fov":
        return intrinsics_from_fov(value, height, width)
    f_px, note = value, f"focal length {value:g} px, as set"
    if choice == "f_35mm":
        f_px, note = focal_length_px(value, height, width), f"{value:g} mm equivalent, as set"
    camera = Intrinsics(f_px, f_px, width / 2, height / 2, height, width, "given", note)
    return require_plausible(camera, "camera")

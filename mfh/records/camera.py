"""A pinhole camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mfh.errors import CameraError
from mfh.records.checks import one_of

IntrinsicsSource = Literal["given", "exif", "field of view", "assumed"]


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera.

    fx, fy: focal lengths in px, positive.
    cx, cy: principal point in px, in the convention where the first pixel's centre is (0.5, 0.5).
    height, width: the image size in px these numbers hold for.
    source: where they come from.
    note: the details of that source in words, e.g. the EXIF tags used.

    Raises `CameraError` for a number that is not finite or a focal length that is not positive.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    height: int
    width: int
    source: IntrinsicsSource = "given"
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("fx", "fy", "cx", "cy"):
            value = float(getattr(self, name))
            object.__setattr__(self, name, value)
            if not np.isfinite(value):
                raise CameraError(
                    f"intrinsics: {name} is {value}; it must be a finite number of px"
                )
        for name in ("height", "width"):
            object.__setattr__(self, name, int(getattr(self, name)))
        if self.fx <= 0 or self.fy <= 0:
            raise CameraError(
                f"intrinsics: focal lengths fx = {self.fx:g}, fy = {self.fy:g} px; "
                "both must be positive"
            )
        if self.height < 1 or self.width < 1:
            raise CameraError(
                f"intrinsics: image size {self.width} x {self.height} px; both must be at least 1"
            )
        one_of("intrinsics: source", self.source, get_args(IntrinsicsSource))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """K, (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    @property
    def horizontal_fov_deg(self) -> float:
        """Horizontal field of view in degrees, exact for an off-centre principal point too."""
        return _fov_deg(self.fx, self.cx, self.width)

    @property
    def vertical_fov_deg(self) -> float:
        """Vertical field of view in degrees, exact for an off-centre principal point too."""
        return _fov_deg(self.fy, self.cy, self.height)


def size_agrees(what: str, shape: tuple[int, ...], camera: Intrinsics) -> None:
    """Refuse an array of another size (H, W) than its camera's."""
    if shape != (camera.height, camera.width):
        raise CameraError(
            f"{what}: {shape[1]} x {shape[0]} px, but its intrinsics are for "
            f"{camera.width} x {camera.height} px"
        )


def _fov_deg(f_px: float, centre_px: float, length_px: int) -> float:
    return float(np.degrees(np.arctan2(centre_px, f_px) + np.arctan2(length_px - centre_px, f_px)))

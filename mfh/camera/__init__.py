"""The camera: its intrinsics, what resizing and cropping does to them, and projection.

Intrinsics come from a matrix, a calibration file of the usual tools, EXIF, a field of view, or an
assumption.
"""

from mfh.camera.exif import intrinsics_from_exif
from mfh.camera.intrinsics import (
    IntrinsicsLike,
    assumed_intrinsics,
    assumption_warning,
    crop_intrinsics,
    intrinsics_from,
    intrinsics_from_fov,
    is_off_centre,
    off_centre_warning,
    resize_intrinsics,
    same_aspect,
)
from mfh.camera.projection import backproject, project

__all__ = [
    "IntrinsicsLike",
    "assumed_intrinsics",
    "assumption_warning",
    "backproject",
    "crop_intrinsics",
    "intrinsics_from",
    "intrinsics_from_exif",
    "intrinsics_from_fov",
    "is_off_centre",
    "off_centre_warning",
    "project",
    "resize_intrinsics",
    "same_aspect",
]

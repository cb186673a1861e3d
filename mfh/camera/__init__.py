"""The camera: where intrinsics come from, and what resizing and cropping does to them.

From a matrix, a calibration file of the usual tools, EXIF, a field of view, or an assumption.
"""

from mfh.camera.exif import intrinsics_from_exif, read_exif
from mfh.camera.intrinsics import (
    IntrinsicsLike,
    assumed_intrinsics,
    assumption_warning,
    crop_intrinsics,
    intrinsics_from,
    intrinsics_from_fov,
    resize_intrinsics,
    same_aspect,
)

__all__ = [
    "IntrinsicsLike",
    "assumed_intrinsics",
    "assumption_warning",
    "crop_intrinsics",
    "intrinsics_from",
    "intrinsics_from_exif",
    "intrinsics_from_fov",
    "read_exif",
    "resize_intrinsics",
    "same_aspect",
]

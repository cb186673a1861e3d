"""The records that stages hand to each other: frozen dataclasses of NumPy arrays.

Every record is checked once, when it is made, and its arrays are read-only from then on. Shapes use
H, W for the photo's height and width, N for painted photos and P for people. The frame is
OpenCV's: x right, y down, z forward, in metres; depth is z. Pixel (0, 0) covers [0, 1) x [0, 1), so
its centre is (0.5, 0.5).
"""

from mfh.records.camera import Intrinsics, IntrinsicsSource
from mfh.records.depth import Counts, MetricDepth
from mfh.records.disparity import AlignedDisparity, Disparity, Space
from mfh.records.head import FitStatus, MetricHead
from mfh.records.people import POINT_KINDS, LandmarkKind, Landmarks, People
from mfh.records.photos import PHOTO_NAME, PaintedPhotos, PaintingPlan, Photo, PlanT

__all__ = [
    "PHOTO_NAME",
    "POINT_KINDS",
    "AlignedDisparity",
    "Counts",
    "Disparity",
    "FitStatus",
    "Intrinsics",
    "IntrinsicsSource",
    "LandmarkKind",
    "Landmarks",
    "MetricDepth",
    "MetricHead",
    "PaintedPhotos",
    "PaintingPlan",
    "People",
    "Photo",
    "PlanT",
    "Space",
]

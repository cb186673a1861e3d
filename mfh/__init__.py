"""Depth in metres of every pixel of one photo, with people as the ruler (Metric from Human).

    depth = mfh.metric_depth("photo.jpg", K)
    depth.depth_m                # (H, W) float32, metres

Importing this package loads no model library; each part loads its own when it is used.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mfh.errors import MfhError
from mfh.records import (
    AlignedDisparity,
    Disparity,
    Intrinsics,
    Landmarks,
    MetricDepth,
    MetricHead,
    PaintedPhotos,
    People,
    Photo,
)
from mfh.settings import Settings, settings_from

if TYPE_CHECKING:
    from mfh.api import metric_depth
    from mfh.estimators.depthlm.api import ask
    from mfh.photos import load_photo
    from mfh.pipeline import MetricFromHuman

__version__ = version("mfh")

__all__ = [
    "AlignedDisparity",
    "Disparity",
    "Intrinsics",
    "Landmarks",
    "MetricDepth",
    "MetricFromHuman",
    "MetricHead",
    "MfhError",
    "PaintedPhotos",
    "People",
    "Photo",
    "Settings",
    "ask",
    "load_photo",
    "metric_depth",
    "settings_from",
]

_LAZY = {
    "MetricFromHuman": "mfh.pipeline",
    "ask": "mfh.estimators.depthlm.api",
    "load_photo": "mfh.photos",
    "metric_depth": "mfh.api",
}
_SUBPACKAGES = (
    "camera",
    "datasets",
    "disparity",
    "estimators",
    "evaluation",
    "head",
    "known_distances",
    "models",
    "painting",
    "people",
    "rendering",
    "results",
    "simulation",
)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"mfh.{name}")
    raise AttributeError(f"module 'mfh' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBPACKAGES})

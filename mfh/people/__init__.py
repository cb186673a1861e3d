"""The people of painted photos, measured in metres: by a network, or by any other tool, from files.

What loads a model library is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mfh.people.detectors.keypoint_detector import KeypointDetector
from mfh.people.from_files import PeopleFiles
from mfh.people.measurer import DetectedPeople

if TYPE_CHECKING:
    from mfh.people.detectors import KeypointRCNN, MaskRCNN, ViTDet

__all__ = [
    "DetectedPeople",
    "KeypointDetector",
    "KeypointRCNN",
    "MaskRCNN",
    "PeopleFiles",
    "ViTDet",
]

_LAZY = {"KeypointRCNN": "detectors", "MaskRCNN": "detectors", "ViTDet": "detectors"}
_SUBPACKAGES = ("anny", "detectors", "hmr2", "smpl")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBPACKAGES})

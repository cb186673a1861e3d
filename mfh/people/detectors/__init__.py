"""Detectors of people: torchvision's Mask R-CNN, and detectron2's ViTDet; keypoints on top of them.

The networks import torch, so each is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mfh.people.detectors.keypoint_detector import KeypointDetector

if TYPE_CHECKING:
    from mfh.people.detectors.keypoint_rcnn import KeypointRCNN
    from mfh.people.detectors.mask_rcnn import MaskRCNN
    from mfh.people.detectors.vitdet import ViTDet

__all__ = ["KeypointDetector", "KeypointRCNN", "MaskRCNN", "ViTDet"]

_LAZY = {"KeypointRCNN": "keypoint_rcnn", "MaskRCNN": "mask_rcnn", "ViTDet": "vitdet"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Detectors of people: torchvision's Mask R-CNN, and detectron2's ViTDet.

They import torch, so each is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mfh.people.detectors.mask_rcnn import MaskRCNN
    from mfh.people.detectors.vitdet import ViTDet

__all__ = ["MaskRCNN", "ViTDet"]

_LAZY = {"MaskRCNN": "mask_rcnn", "ViTDet": "vitdet"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

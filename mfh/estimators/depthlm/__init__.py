"""DepthLM: a vision language model that is asked how far a marked pixel is.

Each name is imported when it is first asked for; none imports a model library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mfh.estimators.depthlm.answers import Answer, parse_answer
    from mfh.estimators.depthlm.api import ask
    from mfh.estimators.depthlm.asked_files import MarkedViews, load_points, write_asked
    from mfh.estimators.depthlm.asking import (
        Asked,
        AskedMotion,
        AskedPair,
        ask_camera_motion,
        ask_points,
        ask_two_points,
    )
    from mfh.estimators.depthlm.estimator import DepthLM
    from mfh.estimators.depthlm.loading import open_model
    from mfh.estimators.depthlm.vlm import Answerer, VisionLanguageModel

__all__ = [
    "Answer",
    "Answerer",
    "Asked",
    "AskedMotion",
    "AskedPair",
    "DepthLM",
    "MarkedViews",
    "VisionLanguageModel",
    "ask",
    "ask_camera_motion",
    "ask_points",
    "ask_two_points",
    "load_points",
    "open_model",
    "parse_answer",
    "write_asked",
]

_LAZY = {
    "Answer": "answers",
    "Answerer": "vlm",
    "Asked": "asking",
    "AskedMotion": "asking",
    "AskedPair": "asking",
    "DepthLM": "estimator",
    "MarkedViews": "asked_files",
    "VisionLanguageModel": "vlm",
    "ask": "api",
    "ask_camera_motion": "asking",
    "ask_points": "asking",
    "ask_two_points": "asking",
    "load_points": "asked_files",
    "open_model": "loading",
    "parse_answer": "answers",
    "write_asked": "asked_files",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Other methods of metric depth behind the same call.

Any metric model of transformers, Metric3D v2 and UniDepthV2 where they are installed, a CLIP2Depth
that was trained here, and DepthLM, a vision language model that is asked. A text such as
"hub:apple/DepthPro-hf" names one (`estimator_spec`), and `PhotoEstimator` uses it as Metric from
Human is used. Importing this imports no model library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mfh.estimators.clip2depth import CLIP2Depth
from mfh.estimators.estimator import Estimator, EstimatorPrediction, RecordingEstimator
from mfh.estimators.hub import HubEstimator
from mfh.estimators.metric3d import Metric3D
from mfh.estimators.spec import EstimatorSpec
from mfh.estimators.specs import estimator_spec
from mfh.estimators.unidepth import UniDepth

if TYPE_CHECKING:
    from mfh.estimators.depthlm import DepthLM
    from mfh.estimators.photo_estimator import Estimate, PhotoEstimator

__all__ = [
    "CLIP2Depth",
    "DepthLM",
    "Estimate",
    "Estimator",
    "EstimatorPrediction",
    "EstimatorSpec",
    "HubEstimator",
    "Metric3D",
    "PhotoEstimator",
    "RecordingEstimator",
    "UniDepth",
    "estimator_spec",
]

# They bring Metric from Human's own stages along, and so scipy.
_LAZY = {
    "DepthLM": "depthlm.estimator",
    "Estimate": "photo_estimator",
    "PhotoEstimator": "photo_estimator",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

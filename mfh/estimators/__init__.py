"""Other methods of metric depth behind the same call.

Any metric model of transformers, Metric3D v2 and UniDepthV2 where they are installed, and a
CLIP2Depth that was trained here. A text such as "hub:apple/DepthPro-hf" names one
(`estimator_spec`). Importing this imports no model library.
"""

from mfh.estimators.clip2depth import CLIP2Depth
from mfh.estimators.estimator import Estimator
from mfh.estimators.hub import HubEstimator
from mfh.estimators.metric3d import Metric3D
from mfh.estimators.spec import EstimatorSpec
from mfh.estimators.specs import estimator_spec
from mfh.estimators.unidepth import UniDepth

__all__ = [
    "CLIP2Depth",
    "Estimator",
    "EstimatorSpec",
    "HubEstimator",
    "Metric3D",
    "UniDepth",
    "estimator_spec",
]

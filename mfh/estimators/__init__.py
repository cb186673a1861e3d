"""Other methods of metric depth behind the same call.

Any metric model of transformers, and Metric3D v2 and UniDepthV2 where they are installed. Importing
this imports no model library.
"""

from mfh.estimators.estimator import Estimator
from mfh.estimators.hub import HubEstimator
from mfh.estimators.metric3d import Metric3D
from mfh.estimators.unidepth import UniDepth

__all__ = ["Estimator", "HubEstimator", "Metric3D", "UniDepth"]

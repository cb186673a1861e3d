"""CLIP2Depth: depth by a frozen CLIP, told what to look for in no human words.

arXiv 2402.03251, on transformers' CLIPSeg. Importing this imports no model library; `network` does.
"""

from mfh.estimators.clip2depth.config import Clip2DepthConfig
from mfh.estimators.clip2depth.estimator import CLIP2Depth
from mfh.estimators.clip2depth.files import SavedModel, load_config, load_network, save_model

__all__ = [
    "CLIP2Depth",
    "Clip2DepthConfig",
    "SavedModel",
    "load_config",
    "load_network",
    "save_model",
]

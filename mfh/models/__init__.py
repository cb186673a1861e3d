"""Which learned models each stage needs, where they are, how to get and check them."""

from mfh.models.catalogue import Model, catalogue, default_model, find_model
from mfh.models.needs import needed
from mfh.models.progress import DownloadProgress
from mfh.models.states import ModelState
from mfh.models.store import ModelStore
from mfh.models.weights import Weights

__all__ = [
    "DownloadProgress",
    "Model",
    "ModelState",
    "ModelStore",
    "Weights",
    "catalogue",
    "default_model",
    "find_model",
    "needed",
]

"""Training DepthLM: supervised fine-tuning of a vision language model on labelled pixels.

Each name is imported when it is first asked for; `train` imports the model libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mfh.estimators.depthlm.training.curation import Curated, curate
    from mfh.estimators.depthlm.training.labelled import (
        LabelledFile,
        LabelledPhoto,
        labelled_files,
    )
    from mfh.estimators.depthlm.training.settings import TrainingSettings
    from mfh.estimators.depthlm.training.training import Trained, train

__all__ = [
    "Curated",
    "LabelledFile",
    "LabelledPhoto",
    "Trained",
    "TrainingSettings",
    "curate",
    "labelled_files",
    "train",
]

_LAZY = {
    "Curated": "curation",
    "LabelledFile": "labelled",
    "LabelledPhoto": "labelled",
    "Trained": "training",
    "TrainingSettings": "settings",
    "curate": "curation",
    "labelled_files": "labelled",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

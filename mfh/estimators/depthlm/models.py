"""What an image-text model's files say of how it has to be asked; importing this loads no library.

Canonical focal lengths: 750 px for facebook/DepthLM, the Pixtral that its authors released, and
1000 px for those on Qwen2.5-VL (the evaluation and training code of DepthLM, and Sec. 3.2 of arXiv
2509.25413). A folder that `mfh train depthlm` wrote says its own in mfh.json.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mfh.errors import ModelError, SettingsError
from mfh.files.reading import read_json
from mfh.models.weights import Weights

OWN_FILE = "mfh.json"
"""What `mfh train depthlm` says of a model beside its weights: {"focal_px": ...}."""

PIXTRAL_FOCAL_PX = 750.0
FOCAL_PX = 1000.0
"""The canonical focal length of Qwen2.5-VL, and of any model of which no other is known."""


@dataclass(frozen=True)
class ModelKind:
    """How a model takes images.

    model_type: its type in config.json.
    focal_px: the focal length, in px, that photos are resized to.
    patch_px: the sides of images are rounded to multiples of this; 0: it resizes them as it likes.
    longest_px: the longest side of an image it has positions for, in px; 0: no such limit.
    """

    model_type: str
    focal_px: float
    patch_px: int = 0
    longest_px: int = 0

    @property
    def keeps_size(self) -> bool:
        """Whether images reach the vision tower at their size, but for rounding to its patches."""
        return self.patch_px > 0


def model_kind(weights: Weights, focal_px: float | None = None) -> ModelKind:
    """How the model in a folder takes images.

    focal_px: the focal length to resize photos to, where it is not the one known of the model.

    Raises `ModelError` where a file is missing or is none of a model's, and `SettingsError` for a
    focal length that is not positive.
    """
    path = weights.folder / "config.json"
    if not path.is_file():
        raise ModelError(
            f"{weights.name}: {path} is missing, so this is no model; give the folder or the id of "
            "an image-text model"
        )
    config = read_json(path)
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(model_type, str):
        raise ModelError(
            f"{weights.name}: {path} is no model's configuration, it has no model_type; give the "
            "folder or the id of an image-text model"
        )
    if focal_px is not None and not (math.isfinite(focal_px) and focal_px > 0):
        raise SettingsError(f"a canonical focal length of {focal_px} px; it must be positive")
    given_px = focal_px or _own_focal_px(weights)
    vision = config.get("vision_config")
    vision = vision if isinstance(vision, dict) else {}
    if model_type == "qwen2_5_vl":
        patch_px = _number(vision, "patch_size", 14) * _number(vision, "spatial_merge_size", 2)
        return ModelKind(model_type, given_px or FOCAL_PX, patch_px=patch_px)
    if model_type == "llava" and vision.get("model_type") == "pixtral":
        return ModelKind(
            model_type,
            given_px or PIXTRAL_FOCAL_PX,
            patch_px=_number(vision, "patch_size", 16),
            longest_px=_number(vision, "image_size", 1024),
        )
    return ModelKind(model_type, given_px or FOCAL_PX)


def _own_focal_px(weights: Weights) -> float | None:
    """The focal length that a model trained here was trained at."""
    path = weights.folder / OWN_FILE
    if not path.is_file():
        return None
    said = read_json(path)
    focal_px = said.get("focal_px") if isinstance(said, dict) else None
    if not isinstance(focal_px, int | float) or not (math.isfinite(focal_px) and focal_px > 0):
        raise ModelError(
            f"{weights.name}: {path} has no positive focal_px, which the model was trained at; "
            "get the folder again"
        )
    return float(focal_px)


def _number(values: Mapping[str, Any], key: str, usual: int) -> int:
    """A positive whole number of a configuration, which may leave out what is usual."""
    value = values.get(key, usual)
    if not isinstance(value, int) or value < 1:
        raise ModelError(f"config.json: vision_config has {key} = {value!r}; get the files again")
    return value

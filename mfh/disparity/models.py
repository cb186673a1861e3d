"""Which part runs the model that lies in a folder."""

from __future__ import annotations

import json

from mfh.disparity.marigold import MarigoldDisparity
from mfh.disparity.model_disparity import TransformersDisparity
from mfh.errors import InputError
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.settings import Device, Precision
from mfh.stages import DisparityEstimator

_MARIGOLD = "MarigoldDepthPipeline"


def disparity_model(
    weights: Weights,
    settings: DisparitySettings = DisparitySettings(),
    *,
    device: Device = "auto",
    precision: Precision = "auto",
) -> DisparityEstimator:
    """The part for a relative depth model: diffusers' Marigold, or one of transformers.

    Raises `InputError` for a folder that holds neither.
    """
    index = weights.folder / "model_index.json"
    if index.is_file():
        found = _pipeline(weights)
        if found != _MARIGOLD:
            raise InputError(
                f"{weights.name}: {index} tells of a {found}; of diffusers' pipelines "
                f"{_MARIGOLD} gives relative depth"
            )
        return MarigoldDisparity(weights, settings, device=device, precision=precision)
    if (weights.folder / "config.json").is_file():
        return TransformersDisparity(weights, settings, device=device, precision=precision)
    raise InputError(
        f"{weights.name}: {weights.folder} holds {_listing(weights)}, but neither config.json (a "
        "depth model of transformers; Depth Anything's ids end in -hf) nor model_index.json "
        "(Marigold); download the whole folder, or see `mfh models list`"
    )


def _pipeline(weights: Weights) -> str:
    path = weights.file("model_index.json")
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["_class_name"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{weights.name}: {path} is no pipeline's index ({error})") from error


def _listing(weights: Weights) -> str:
    names = sorted(each.name for each in weights.folder.iterdir())
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more or "nothing"

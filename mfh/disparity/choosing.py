"""Which part runs the model that lies in a folder."""

from __future__ import annotations

from mfh.disparity.marigold import MARIGOLD, OTHER_MODEL, MarigoldDisparity
from mfh.disparity.transformers_disparity import TransformersDisparity
from mfh.errors import ModelError
from mfh.loading.diffusers_folder import INDEX, read_folder
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.settings import Device, Precision
from mfh.stages import DisparityEstimator


def disparity_model(
    weights: Weights,
    settings: DisparitySettings = DisparitySettings(),
    *,
    device: Device = "auto",
    precision: Precision = "auto",
) -> DisparityEstimator:
    """The part for a relative depth model: diffusers' Marigold, or one of transformers.

    Raises `ModelError` for a folder that holds neither, or that brings code.
    """
    if (weights.folder / INDEX).is_file():
        found = read_folder(weights, OTHER_MODEL).pipeline
        if found != MARIGOLD:
            raise ModelError(
                f"{weights.name}: {weights.folder / INDEX} tells of a {found}; of diffusers' "
                f"pipelines {MARIGOLD} gives relative depth"
            )
        return MarigoldDisparity(weights, settings, device=device, precision=precision)
    if (weights.folder / "config.json").is_file():
        return TransformersDisparity(weights, settings, device=device, precision=precision)
    raise ModelError(
        f"{weights.name}: {weights.folder} holds {_listing(weights)}, but neither config.json (a "
        "depth model of transformers; Depth Anything's ids end in -hf) nor model_index.json "
        "(Marigold); download the whole folder, or see `mfh models list`"
    )


def _listing(weights: Weights) -> str:
    names = sorted(each.name for each in weights.folder.iterdir())
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more or "nothing"

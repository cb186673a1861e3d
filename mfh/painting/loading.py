"""Loading an inpainting model from a folder of diffusers; imports torch and diffusers."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from mfh.errors import MissingPartError, ModelError, SettingsError
from mfh.loading import diffusers_pipeline
from mfh.loading.diffusers_folder import read_folder
from mfh.models.weights import Weights
from mfh.part_settings import Scheduler

_SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "pndm": "PNDMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
}
# What diffusers' defaults get wrong for latents, where a model's own scheduler does not say: they
# are not confined to [-1, 1], and PNDM goes without Runge-Kutta steps.
_LATENT = {"ddim": {"clip_sample": False}, "pndm": {"skip_prk_steps": True}}
_OTHER_MODEL = (
    "give an inpainting model of diffusers with --set painter.model=..., e.g. sd2-inpainting"
)
_NO_CHECKER = {
    "safety_checker": None,
    "feature_extractor": None,
    "requires_safety_checker": False,
}


def load_pipeline(weights: Weights, dtype: torch.dtype) -> Any:
    """The inpainting pipeline in a folder, on the CPU, without its safety checker.

    A text-to-image model becomes an inpainting one where diffusers has a pipeline for that. The
    folder holds data: components that bring code of their own are refused.

    Raises `MissingPartError` where the folder or a package is not there, and `ModelError` for a
    folder that is no such model, or is incomplete or damaged.
    """
    if not weights.folder.is_dir():
        raise MissingPartError(
            f"{weights.name}: there is no folder {weights.folder}; get the model with "
            "`mfh models get`, or give a folder with --set painter.model=FOLDER"
        )
    folder = read_folder(weights, _OTHER_MODEL)
    if "vae" not in folder.components:
        raise ModelError(
            f"{weights.name}: {weights.folder} holds a {folder.pipeline}, which does not paint in "
            f"latents (it has no vae); {_OTHER_MODEL}"
        )
    checked = "safety_checker" in {*folder.components, *folder.absent}
    try:
        return diffusers_pipeline.load_pipeline(
            folder,
            diffusers.AutoPipelineForInpainting,
            dtype,
            without=_NO_CHECKER if checked else {},
        )
    except diffusers_pipeline.NoSuchPipelineError as error:
        raise ModelError(
            f"{weights.name}: {weights.folder} holds a {folder.pipeline}, which does not paint; "
            + _OTHER_MODEL
        ) from error


def set_scheduler(pipeline: Any, name: Scheduler) -> None:
    """Replace the pipeline's scheduler, keeping the noise schedule its model was trained with.

    Raises `SettingsError` where the model is of a kind that scheduler is not for.
    """
    if name == "model":
        return
    kind = getattr(diffusers, _SCHEDULERS[name])
    present = pipeline.scheduler
    if kind not in present.compatibles:
        raise SettingsError(
            f"painter.scheduler is {name!r}, which is not for a model with a "
            f"{type(present).__name__}; use painter.scheduler=model"
        )
    pipeline.scheduler = kind.from_config({**_LATENT.get(name, {}), **present.config})

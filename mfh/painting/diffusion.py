"""The generative painter: inpainting diffusion models of diffusers.

Imports no model library until something is painted.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.compute import LearnedPart, in_batches
from mfh.errors import InputError, NumericsError
from mfh.files.user_files import resize_mask
from mfh.loading.quiet import quiet_painting
from mfh.models.weights import Weights
from mfh.painting.pasting import painting_size, paste_back, resize_image
from mfh.part_settings import PainterSettings
from mfh.records import PaintingPlan, Photo
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    from mfh.painting.prompts import Prompts

# As many as the reference paints at once (`paint_batch_size`).
_BATCH = 8
_REMEDY = "use --low-memory, a smaller --set painter.short_side_px=..., or --device cpu"


class DiffusionPainter(LearnedPart):
    """Paints people into a photo with an inpainting diffusion model (`mfh.stages.Painter`).

    weights: a folder of diffusers: Stable Diffusion 2, 1.5 or XL for inpainting, or another model
        that `AutoPipelineForInpainting` loads.
    settings: see `PainterSettings`.
    device, precision: see `mfh.settings.Settings`.
    low_memory: on a CUDA GPU the parts of the model wait on the CPU for their turn; large images
        are decoded in tiles. Meant for 8 GB, on which it has not been tried.

    A painting starts from pure noise (strength 1: nothing of what the strip showed is left) drawn
    on the CPU from its seed alone, and each image is encoded and decoded by itself. The batch size
    changes a painting by no more than the rounding of a sum; in float32 that is one grey level in
    under a thousandth of the values.

    A safety checker that comes with a model (Stable Diffusion 1.5) is not loaded: it hands out
    black images in place of those it doubts, which here would be a silent failure.

    The model is loaded when first used, and kept.
    """

    part = "diffusion"

    def __init__(
        self,
        weights: Weights,
        settings: PainterSettings = PainterSettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        low_memory: bool = False,
    ) -> None:
        super().__init__(weights, device, precision)
        self._settings = settings
        self._low_memory = low_memory

    def _depends_on(self) -> Mapping[str, Any]:
        return {
            "scheduler": self._settings.scheduler,
            "steps": self._settings.steps,
            "guidance_scale": self._settings.guidance_scale,
            "short_side_px": self._settings.short_side_px,
            "paste_back": self._settings.paste_back,
            "tiled": self._low_memory,
        }

    @property
    def at_once(self) -> int:
        """How many are painted at once, where memory suffices."""
        return self._placement.batch(self._settings.batch, on_gpu=_BATCH)

    def paint(self, photo: Photo, plan: PaintingPlan) -> Iterator[NDArray[np.uint8]]:
        """Give the painted photos (H, W, 3) one by one, in the plan's order.

        Raises `InputError` or `MissingPartError` where the model cannot be loaded,
        `NotEnoughMemoryError` where memory does not suffice for one painting, and `NumericsError`
        where a painting is black or not a number, as happens in float16.
        """
        if not len(plan):
            return
        height, width = painting_size(*photo.shape, self._short_side_px, self._multiple)
        image = Image.fromarray(resize_image(photo.image, height, width))

        def run(indices: Sequence[int]) -> list[NDArray[np.uint8]]:
            masks = [resize_mask(plan.repainted[index], height, width) for index in indices]
            painted = self._run(
                image,
                [Image.fromarray(mask.astype(np.uint8) * 255) for mask in masks],
                prompts=[plan.prompts[index] for index in indices],
                seeds=[plan.seeds[index] for index in indices],
            )
            for index, each in zip(indices, painted, strict=True):
                self._require_sound(each, plan.names[index])
            return [np.rint(each * 255).astype(np.uint8) for each in painted]

        done = in_batches(range(len(plan)), self.at_once, run, remedy=_REMEDY)
        for repainted, painted in zip(plan.repainted, done, strict=True):
            whole = resize_image(painted, *photo.shape)
            pasted = self._settings.paste_back
            yield paste_back(whole, photo.image, repainted) if pasted else whole

    def _run(
        self,
        image: Image.Image,
        masks: list[Image.Image],
        *,
        prompts: list[str],
        seeds: list[int],
    ) -> NDArray[np.float32]:
        """Paintings (B, h, w, 3) in [0, 1] of one image of w x h px."""
        import torch  # noqa: PLC0415 - heavy

        arguments = {
            # One for each, though they are the same: what is drawn from the seeds must be too.
            "image": [image] * len(masks),
            "mask_image": masks,
            "height": image.height,
            "width": image.width,
            "strength": 1.0,
            "num_inference_steps": self._settings.steps,
            "guidance_scale": self._settings.guidance_scale,
            "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            "output_type": "np",
            **self._prompts.arguments(prompts),
        }
        taken = inspect.signature(self._pipeline.__call__).parameters
        try:
            with quiet_painting():
                result = self._pipeline(**{k: v for k, v in arguments.items() if k in taken})
        except ValueError as error:
            raise InputError(
                f"{self.name}: {type(self._pipeline).__name__} cannot paint with this model: "
                f"{error}; give another with --set painter.model=..."
            ) from error
        images: NDArray[np.float32] = result.images
        return images

    def _require_sound(self, painted: NDArray[np.float32], name: str) -> None:
        finite = np.isfinite(painted).all()
        if finite and painted.any():
            return
        what = "black" if finite else "not a number (NaN)"
        raise NumericsError(
            f"{self.name}: painting {name} came out {what} in {self._placement.dtype_name}; "
            f"{self._placement.remedy}"
        )

    @property
    def _short_side_px(self) -> int:
        """The short side to paint at; by default what the model was made for."""
        if self._settings.short_side_px:
            return self._settings.short_side_px
        pipeline = self._pipeline
        size = getattr(pipeline, "default_sample_size", None)
        if size is None:
            size = (getattr(pipeline, "unet", None) or pipeline.transformer).config.sample_size
        smallest = size if isinstance(size, int) else min(size)
        return int(smallest * pipeline.vae_scale_factor)

    @property
    def _multiple(self) -> int:
        """What both sides must be multiples of, in px."""
        pipeline = self._pipeline
        return int(
            max(
                pipeline.image_processor.config.vae_scale_factor,
                pipeline.vae_scale_factor * getattr(pipeline, "patch_size", 1),
            )
        )

    @cached_property
    def _prompts(self) -> Prompts:
        from mfh.painting.prompts import Prompts  # noqa: PLC0415 - heavy

        guided = self._settings.guidance_scale > 1
        return Prompts(self._pipeline, self._placement.device, guided=guided)

    @cached_property
    def _pipeline(self) -> Any:
        from mfh.painting.loading import load_pipeline, set_scheduler  # noqa: PLC0415 - heavy

        device = self._placement.device
        with self._placement.loading(self.name, _REMEDY):
            pipeline = load_pipeline(self._weights, self._placement.dtype)
            set_scheduler(pipeline, self._settings.scheduler)
            # One image at a time: the memory of one, and the same result whatever is beside it.
            pipeline.vae.enable_slicing()
            if self._low_memory:
                pipeline.vae.enable_tiling()
                if device.type == "cuda":
                    pipeline.enable_model_cpu_offload(device=device)
                    return pipeline
                if device.type == "mps":
                    pipeline.enable_attention_slicing()
            # float16 on the CPU is slow, but it works.
            return pipeline.to(device, silence_dtype_warnings=True)

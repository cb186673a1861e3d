"""What a model is asked to paint: prompts, embedded once each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

# What `encode_prompt` gives and the pipeline takes, in this order; others take the text itself.
_EMBEDDINGS = {
    "StableDiffusionInpaintPipeline": ("prompt_embeds", "negative_prompt_embeds"),
    "StableDiffusionXLInpaintPipeline": (
        "prompt_embeds",
        "negative_prompt_embeds",
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
    ),
}


class Prompts:
    """The prompts of an inpainting pipeline of diffusers.

    pipeline: the pipeline that is told.
    device: where its text encoders compute.
    guided: whether there is classifier-free guidance, which needs the empty prompt as well.

    Each prompt is embedded when it is first asked for, on its own, so that what it becomes does not
    depend on those beside it, and its embedding is kept. This module imports torch.
    """

    def __init__(self, pipeline: Any, device: torch.device, *, guided: bool) -> None:
        self._pipeline = pipeline
        self._device = device
        self._guided = guided
        self._names = _EMBEDDINGS.get(type(pipeline).__name__)
        self._embedded: dict[str, dict[str, torch.Tensor]] = {}

    def arguments(self, prompts: Sequence[str]) -> dict[str, Any]:
        """The pipeline's arguments for paintings with these prompts."""
        if self._names is None:
            return {"prompt": list(prompts)}
        each = [self._embed(prompt, self._names) for prompt in prompts]
        return {name: torch.cat([one[name] for one in each]) for name in each[0]}

    def _embed(self, prompt: str, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
        if prompt not in self._embedded:
            with torch.no_grad():
                tensors = self._pipeline.encode_prompt(
                    prompt=prompt,
                    device=self._device,
                    num_images_per_prompt=1,
                    do_classifier_free_guidance=self._guided,
                )
            found = zip(names, tensors, strict=True)
            self._embedded[prompt] = {name: each for name, each in found if each is not None}
        return self._embedded[prompt]

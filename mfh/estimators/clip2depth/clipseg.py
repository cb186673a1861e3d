"""CLIPSeg as CLIP2Depth takes it apart. Importing this module imports torch and transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from mfh.errors import ModelError
from mfh.files.reading import read_json
from mfh.loading.pretrained import load_pretrained
from mfh.models.digests import read_digests
from mfh.models.weights import Weights

WEIGHTS_FILE = "model.safetensors"

_GET = "get it with: mfh models get clipseg"


@dataclass(frozen=True)
class CLIPSeg:
    """A CLIPSeg that is loaded.

    network: `CLIPSegForImageSegmentation`, float32, without the layers of the image encoder that
        come after the last one that the decoder sees.
    size_px: the side of the square that photos are resized to; not that of the image encoder's
        own training, whose position embeddings are interpolated.
    mean, std: how photos are normalised.
    sha256: of the weights' file, which tells this CLIPSeg from others wherever it lies.
    """

    network: Any
    size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str


def load_clipseg(weights: Weights) -> CLIPSeg:
    """Load CLIPSeg from files in the layout of the model hub, from safetensors only.

    Raises `ModelError` for another model, and for files that are missing or damaged. Lack of memory
    is passed on as it is.
    """
    config_path = weights.file("config.json")
    read = read_json(config_path)
    kind = read.get("model_type") if isinstance(read, dict) else None
    if kind != "clipseg":
        raise ModelError(
            f"{weights.name}: {config_path} tells of a model of type {kind!r}, and CLIP2Depth is "
            f"built on CLIPSeg: {_GET}"
        )
    weights_path = weights.file(WEIGHTS_FILE)
    # Versions of transformers draw all weights at random before they load them.
    with torch.random.fork_rng(devices=[]):
        network, processor = load_pretrained(
            weights, "CLIPSegForImageSegmentation", "ViTImageProcessor", use_safetensors=True
        )
    encoder = network.clip.vision_model.encoder
    encoder.layers = encoder.layers[: max(network.config.extract_layers) + 1]
    sides_px = (processor.size["height"], processor.size["width"])
    patch_px = network.config.vision_config.patch_size
    if sides_px[0] != sides_px[1] or sides_px[0] % patch_px:
        raise ModelError(
            f"{weights.name}: {weights.folder / 'preprocessor_config.json'} resizes photos to "
            f"{sides_px[1]} x {sides_px[0]} px, and CLIPSeg takes squares of multiples of "
            f"{patch_px} px; {_GET}"
        )
    return CLIPSeg(
        network=network.float().eval(),
        size_px=int(sides_px[0]),
        mean=tuple(float(each) for each in processor.image_mean),
        std=tuple(float(each) for each in processor.image_std),
        sha256=read_digests(weights_path).sha256,
    )


def embed_prompts(network: Any, prompts: torch.Tensor) -> torch.Tensor:
    """What CLIP's text encoder makes of prompts that are given as token embeddings.

    prompts: (P, T, D) in place of what the encoder would look up for T sub-words.

    Position embeddings are added, each token attends to itself and those before it, and the last
    token after the final norm is projected: (P, E). Differentiable in the prompts.
    """
    text = network.clip.text_model
    states = text.embeddings(inputs_embeds=prompts)
    count, tokens = prompts.shape[:2]
    hidden = torch.full((tokens, tokens), -torch.inf, dtype=states.dtype, device=states.device)
    mask = hidden.triu(1).expand(count, 1, tokens, tokens)
    # All versions of transformers add this mask to the attention, however they call the causal one.
    states = text.encoder(inputs_embeds=states, attention_mask=mask).last_hidden_state
    projected: torch.Tensor = network.clip.text_projection(text.final_layer_norm(states)[:, -1])
    return projected


def patch_features(network: Any, pixels: torch.Tensor) -> list[torch.Tensor]:
    """What the image encoder's layers in `extract_layers` give: each (B, 1 + patches, C)."""
    with torch.no_grad():
        encoded = network.clip.vision_model(
            pixels, output_hidden_states=True, interpolate_pos_encoding=True
        )
    # The first of the states is what goes into the first layer.
    return [encoded.hidden_states[layer + 1] for layer in network.config.extract_layers]

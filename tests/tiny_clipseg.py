"""CLIPSeg of a few ten thousand random weights, in the folder the real one comes in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

# Of CIDAS/clipseg-rd64-refined, smaller. As there the photo is resized to another size than the
# encoder's own, so that position embeddings are interpolated.
PROCESSOR: Mapping[str, Any] = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_processor_type": "ViTImageProcessor",
    "image_std": [0.229, 0.224, 0.225],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 64, "width": 64},
}


def tiny_clipseg(folder: Path, seed: int = 0, **config: Any) -> Path:
    """Write a CLIPSeg that takes photos of 64 x 64 px; `config` changes its configuration."""
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "text_config": {
            "vocab_size": 64,
            "hidden_size": 24,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "bos_token_id": 62,
            "eos_token_id": 63,
        },
        "vision_config": {
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 5,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 16,
        },
        "projection_dim": 16,
        "extract_layers": [0, 1, 3],
        "reduce_dim": 64,
        "decoder_num_attention_heads": 4,
        "decoder_intermediate_size": 32,
        "use_complex_transposed_convolution": True,
        **config,
    }
    network = CLIPSegForImageSegmentation(CLIPSegConfig(**settings))
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:  # large enough that photo and prompt show in the output
                parameter.normal_(0, parameter[0].numel() ** -0.5)
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR), encoding="utf-8")
    return folder

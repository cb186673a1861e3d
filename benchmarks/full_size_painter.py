"""Stable Diffusion 2 for inpainting at full size, with random weights: time and memory of painting.

`python benchmarks/full_size_painter.py` writes the model and paints one 512 x 512 photo with it.
What is painted is noise; how long it takes and how much memory is as for the published weights.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mfh.models.weights import Weights
from mfh.painting import DiffusionPainter, plan_paintings
from mfh.part_settings import PainterSettings
from mfh.records import Intrinsics, Photo

# From the configurations of sd2-community/stable-diffusion-2-inpainting.
_UNET: dict[str, Any] = {
    "sample_size": 64,
    "in_channels": 9,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "cross_attention_dim": 1024,
    "attention_head_dim": (5, 10, 20, 20),
    "use_linear_projection": True,
}
_VAE: dict[str, Any] = {
    "sample_size": 512,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
_TEXT_ENCODER: dict[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "max_position_embeddings": 77,
    "hidden_act": "gelu",
    "projection_dim": 512,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 1,
}
_SCHEDULER: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "skip_prk_steps": True,
    "steps_offset": 1,
}
# Millions of parameters of the published weights.
PARAMETERS_M = {"unet": 865.93, "text_encoder": 340.39, "vae": 83.65}


def write_full_size_painter(
    folder: Path, dtype: torch.dtype = torch.float16, *, seed: int = 0
) -> dict[str, float]:
    """Write the model as diffusers publishes it; gives each part's parameters in millions."""
    import diffusers  # noqa: PLC0415 - heavy
    import transformers  # noqa: PLC0415 - heavy

    torch.manual_seed(seed)
    text_config = transformers.CLIPTextConfig(**_TEXT_ENCODER)
    parts: dict[str, Callable[[], Any]] = {
        "unet": lambda: diffusers.UNet2DConditionModel(**_UNET),  # type: ignore[no-untyped-call]
        "vae": lambda: diffusers.AutoencoderKL(**_VAE),  # type: ignore[no-untyped-call]
        "text_encoder": lambda: transformers.CLIPTextModel(text_config),
    }
    counts: dict[str, float] = {}
    # One after the other, so that no more than one is in memory.
    for name, make in parts.items():
        part = make()
        counts[name] = sum(each.numel() for each in part.parameters()) / 1e6
        part.to(dtype).save_pretrained(folder / name)
    scheduler: Any = diffusers.PNDMScheduler(**_SCHEDULER)  # type: ignore[no-untyped-call]
    scheduler.save_pretrained(folder / "scheduler")
    _write_tokenizer(folder / "tokenizer")
    index = {
        "_class_name": "StableDiffusionInpaintPipeline",
        "_diffusers_version": diffusers.__version__,
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return counts


def _write_tokenizer(folder: Path) -> None:
    """A vocabulary of letters: what a prompt means is lost on random weights anyway."""
    folder.mkdir(parents=True)
    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    start, end = "<|startoftext|>", "<|endoftext|>"
    vocabulary = {token: index for index, token in enumerate(tokens)} | {start: 49406, end: 49407}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    special = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end}
    settings = {**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": 77}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def main() -> None:
    """Write the model, paint one photo in two steps, print sizes, seconds and memory."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "painter"
        for name, count in write_full_size_painter(folder).items():
            print(f"{name}: {count:.2f} million parameters, published {PARAMETERS_M[name]:.2f}")
        pixels = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
        photo = Photo(pixels, Intrinsics(500, 500, 256, 256, 512, 512))
        plan = plan_paintings(512, 512, 1, seed=0)
        painter = DiffusionPainter(Weights.local(folder), PainterSettings(steps=2))
        for title in ("first painting, with loading", "second painting"):
            started = time.perf_counter()
            painted = next(iter(painter.paint(photo, plan)))
            seconds = time.perf_counter() - started
            print(f"{painter.device}: {title}: {seconds:.1f} s, spread {painted.std():.0f}")
    if torch.cuda.is_available():
        print(f"peak GPU memory: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(f"peak memory of the process: {peak / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()

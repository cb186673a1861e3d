"""Time and memory of Depth Anything Large, full size, with random weights.

    python benchmarks/full_size_disparity.py [--device DEVICE] [--images N] [--batch B]

Prints a Markdown table for photos of 480x640 px, which go in at 518x686.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from tables import markdown
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation

from mfh.disparity import disparity_model
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Intrinsics, PaintedPhotos, Photo
from mfh.settings import Device

HEIGHT, WIDTH = 480, 640

# https://huggingface.co/LiheYoung/depth-anything-large-hf: config.json. Version 2 takes stages
# 5, 12, 18 and 24 instead; the rest is the same.
_CONFIG = {
    "backbone_config": {
        "model_type": "dinov2",
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "image_size": 518,
        "patch_size": 14,
        "out_indices": [21, 22, 23, 24],
        "reshape_hidden_states": False,
    },
    "reassemble_hidden_size": 1024,
    "neck_hidden_sizes": [256, 512, 1024, 1024],
    "fusion_hidden_size": 256,
    "head_hidden_size": 32,
    "patch_size": 14,
}
_PROCESSOR = {
    "do_normalize": True,
    "do_pad": False,
    "do_rescale": True,
    "do_resize": True,
    "ensure_multiple_of": 14,
    "image_mean": [0.485, 0.456, 0.406],
    "image_processor_type": "DPTImageProcessor",
    "image_std": [0.229, 0.224, 0.225],
    "keep_aspect_ratio": True,
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"height": 518, "width": 518},
    "size_divisor": None,
}


def write_full_size_disparity(folder: Path, dtype: torch.dtype = torch.float32) -> int:
    """Write a Depth Anything Large of random weights; returns how many they are."""
    torch.manual_seed(0)
    network = DepthAnythingForDepthEstimation(DepthAnythingConfig(**_CONFIG))
    with torch.no_grad():
        # Its last ReLU would otherwise leave nothing of about every second such model.
        network.head.conv3.weight.abs_()
        network.head.conv3.bias.fill_(0.1)
    network.to(dtype).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(_PROCESSOR), encoding="utf-8")
    return int(sum(parameter.numel() for parameter in network.parameters()))


def measure(folder: Path, images: int, batch: int, device: Device) -> dict[str, str]:
    """Estimate the disparity of so many photos, once to load and warm up and once for the time."""
    rng = np.random.default_rng(0)
    painted = PaintedPhotos(
        repainted=np.zeros((images, HEIGHT, WIDTH), bool),
        prompts=("",) * images,
        seeds=range(images),
        images=rng.integers(0, 256, (images, HEIGHT, WIDTH, 3), dtype=np.uint8),
    )
    photo = Photo(painted.images[0], Intrinsics(500, 500, WIDTH / 2, HEIGHT / 2, HEIGHT, WIDTH))
    part = disparity_model(Weights.local(folder), DisparitySettings(batch=batch), device=device)
    seconds = []
    for count in (min(images, batch), images):
        started = time.perf_counter()
        maps = list(part.estimate(photo, painted.rest(images - count)))
        seconds.append(time.perf_counter() - started)
    on_gpu = torch.cuda.is_available() and device != "cpu"
    unit = 1 if sys.platform == "darwin" else 1024
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {
        "device": str(getattr(part, "device", "")),
        "images": f"{len(maps)} in batches of {batch}",
        "first batch, loading included": f"{seconds[0]:.2f} s",
        "an image": f"{seconds[1] / images:.3f} s",
        "peak memory": f"{host / 2**30:.2f} GiB",
        "on the GPU": f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB" if on_gpu else "-",
    }


def main() -> None:
    """Write the model, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--images", type=int, default=33)
    parser.add_argument("--batch", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        count = write_full_size_disparity(Path(folder))
        print(f"{count / 1e6:.1f} million parameters\n")
        print(markdown([measure(Path(folder), asked.images, asked.batch, asked.device)]))


if __name__ == "__main__":
    main()

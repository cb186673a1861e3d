"""Size, time and memory of CLIP2Depth at full size, with random weights.

    python benchmarks/clip2depth.py [--device DEVICE] [--write]

With `--write` the tables go into docs/benchmarks_clip2depth.md. A training step is forward, loss,
backward and AdamW on photos of 352x352 px that are there already: batches of 1 to 4 in float32 on
the CPU, of 32 in half precision on a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from tables import markdown
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation
from transformers.utils.logging import disable_progress_bar

from mfh.compute import Placement
from mfh.estimators.clip2depth import Clip2DepthConfig
from mfh.estimators.clip2depth.network import Clip2DepthNetwork
from mfh.estimators.clip2depth.training.loss import scale_invariant_loss
from mfh.models.weights import Weights

_DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks_clip2depth.md"
_GIB = 2**30
_REPEATS = 5

# What config.json of https://huggingface.co/CIDAS/clipseg-rd64-refined says besides the defaults of
# transformers, and its preprocessor_config.json.
_CONFIG = {
    "vision_config": {"patch_size": 16},
    "extract_layers": [3, 6, 9],
    "reduce_dim": 64,
    "use_complex_transposed_convolution": True,
}
_PROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 2,
    "size": {"height": 352, "width": 352},
}
_GROUPS = {
    "mirror": "mirror",
    "clipseg.decoder.reduces": "decoder: reduction of CLIP's features",
    "clipseg.decoder.layers": "decoder: transformer layers",
    "clipseg.decoder.transposed": "decoder: (transposed) convolutions",
    "clipseg.decoder.film": "decoder: FiLM",
    "clipseg.clip.vision": "CLIP, image encoder up to the last layer needed",
    "clipseg.clip": "CLIP, text encoder and projections",
}


def write_clipseg(folder: Path) -> None:
    """Write a CLIPSeg of full size and random weights."""
    disable_progress_bar()
    torch.manual_seed(0)
    CLIPSegForImageSegmentation(CLIPSegConfig(**_CONFIG)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(_PROCESSOR), encoding="utf-8")


def load(folder: Path, config: Clip2DepthConfig | None = None) -> Clip2DepthNetwork:
    """The network to train."""
    return Clip2DepthNetwork.from_clipseg(Weights.local(folder), config or Clip2DepthConfig())


def count(folder: Path) -> tuple[int, list[dict[str, str]]]:
    """How many parameters train, and all of them by group and conditioning."""
    columns = {}
    for kind in ("modulation", "similarity"):
        counts: Counter[tuple[str, bool]] = Counter()
        network = load(folder, Clip2DepthConfig(kind))
        for name, each in network.named_parameters():
            group = next(words for prefix, words in _GROUPS.items() if name.startswith(prefix))
            counts[group, each.requires_grad] += each.numel()
        columns[kind] = counts
    rows = [
        {"group": group, "trains": "yes" if trains else "no"}
        | {kind: f"{counts[group, trains]:,}" for kind, counts in columns.items()}
        for group, trains in columns["modulation"]
    ]
    totals = {kind: sum(n for (_, t), n in each.items() if t) for kind, each in columns.items()}
    rows.append(
        {"group": "all that trains", "trains": "yes"}
        | {kind: f"**{total:,}**" for kind, total in totals.items()}
    )
    return totals["modulation"], rows


def step_time(folder: Path, device: str, batch: int) -> dict[str, str]:
    """Time and peak memory of a training step; run in a process of its own."""
    placement = Placement(device)
    network = load(folder).to(placement.device)
    optimizer = torch.optim.AdamW(network.trained_parameters().values(), 0.003, weight_decay=0.01)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn((batch, 3, 352, 352), generator=generator).to(placement.device)
    true_m = (1 + 9 * torch.rand((batch, 352, 352), generator=generator)).to(placement.device)
    valid = torch.ones_like(true_m, dtype=torch.bool)
    half = placement.device.type == "cuda"

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(placement.device.type, torch.float16, enabled=half):
            predicted_m = network(pixels)
        scale_invariant_loss(predicted_m, true_m, valid).backward()
        optimizer.step()

    seconds = _fastest(step, placement.device)
    if half:
        peak = torch.cuda.max_memory_allocated()
    else:
        # Linux counts in KiB, macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {
        "batch": str(batch),
        "precision": placement.dtype_name,
        "s per step": f"{seconds:.2f}",
        "s per photo": f"{seconds / batch:.3f}",
        "peak memory, GiB": f"{peak / _GIB:.2f}",
    }


def prediction_time(folder: Path, device: str) -> list[dict[str, str]]:
    """Time of a photo of 640x480 px, with the mirror's embedding at hand and without."""
    placement = Placement(device)
    network = load(folder).to(placement.device, placement.dtype).eval()
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    rows = []
    with torch.inference_mode():
        condition = network.condition()

        def predict(known: torch.Tensor | None) -> None:
            network(network.pixels([image]).to(placement.device), known)

        for name, run in (
            ("depth, the embedding cached", lambda: predict(condition)),
            ("depth, the text encoder run again", lambda: predict(None)),
            ("the text encoder alone", network.condition),
        ):
            rows.append({"what": name, "ms": f"{1e3 * _fastest(run, placement.device):.0f}"})
    return rows


def _fastest(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of a few runs after a first one, which others may have slowed."""
    taken = []
    for _ in range(_REPEATS + 1):
        started = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return min(taken[1:])


def main() -> None:
    """Measure, print, and write the document if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--write", action="store_true", help=f"into {_DOCUMENT.name}")
    asked = parser.parse_args()
    where = Placement(asked.device)
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clipseg(folder)
        total, parameters = count(folder)
        steps = []
        for batch in (32,) if where.device.type == "cuda" else (1, 2, 3, 4):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
                steps.append(other.submit(step_time, folder, asked.device, batch).result())
        prediction = prediction_time(folder, asked.device)
    no_gpu = "" if torch.cuda.is_available() else "On a GPU this has not been measured yet."
    text = f"""# CLIP2Depth at full size

Written by `benchmarks/clip2depth.py --write`. CLIPSeg as `CIDAS/clipseg-rd64-refined` configures
it, with random weights. This run: {where.device_name}; {os.cpu_count()} CPU cores
({platform.machine()}), load average {load_average:.1f} before it, PyTorch {version("torch")},
transformers {version("transformers")}. {no_gpu}

## Parameters

{total / 1e6:.2f} M train, where the paper tells of "approx. 1M additional parameters" beyond CLIP.

{markdown(parameters)}

## A training step

Forward, scale-invariant loss, backward and AdamW on photos of 352x352 px, loading them left out;
the fastest of {_REPEATS} steps. The paper's batch is 32.

{markdown(steps)}

## Prediction

A photo of 640x480 px, from its bytes to depth at 352x352 px; the fastest of {_REPEATS}.

{markdown(prediction)}
"""
    print(text)
    if asked.write:
        _DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Time and memory of every stage with full-size learned models of random weights.

    python benchmarks/learned_stages.py                          N = 32, 50 steps: for a GPU
    python benchmarks/learned_stages.py --paintings 2 --steps 2  for a CPU

Photo of 640x480 px. With `--write` the table goes into docs/benchmarks_learned.md. What random
weights paint, find and measure is noise, so one person is planted in each image after the detector
has done its work; how long a stage takes and how much memory is as with the published weights.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import torch
from full_size_disparity import write_full_size_disparity
from full_size_painter import write_full_size_painter
from full_size_people import OneEach, write_body, write_full_size_detector, write_full_size_hmr2
from tables import markdown
from transformers.utils.logging import disable_progress_bar

import mfh
from mfh.compute import Placement
from mfh.models.weights import Weights
from mfh.parts import LearnedParts
from mfh.people import DetectedPeople, MaskRCNN
from mfh.people.hmr2 import HMR2Regressor
from mfh.progress import Progress
from mfh.records import Photo
from mfh.simulation import load_demo_scene

_DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks_learned.md"
_STAGES = {
    "painted": "painting",
    "people": "measuring people",
    "landmarks": "rendering",
    "disparity": "disparity",
    "aligned": "aligning",
    "head": "metric head",
    "depth": "depth at full size",
    "results": "writing results",
}
_GIB = 2**30
_NO_GPU = "" if torch.cuda.is_available() else "On a GPU this has not been measured yet."


@dataclass
class Stage:
    """What one stage took."""

    seconds: float
    gpu_bytes: int
    host_bytes: int


class Meter(Progress):
    """Takes the time and the peak memory of each stage."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}
        self._started = 0.0

    def start(self, stage: str, total: int) -> None:
        """Begin to measure."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        self._started = time.perf_counter()

    def finish(self, stage: str, note: str) -> None:
        """Keep what was measured."""
        gpu = 0
        if torch.cuda.is_available():
            torch.cuda.synchronize()
            gpu = torch.cuda.max_memory_allocated()
        # Linux counts in KiB, macOS in bytes; it is the peak of the process so far.
        unit = 1 if sys.platform == "darwin" else 1024
        host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        self.stages[stage] = Stage(time.perf_counter() - self._started, gpu, host)


def write_models(folder: Path) -> dict[str, str]:
    """Write all models; gives the settings that name them."""
    disable_progress_bar()
    dtype = torch.float16 if torch.cuda.is_available() else torch.float32
    counts = {
        **write_full_size_painter(folder / "painter", dtype),
        "detector": write_full_size_detector(folder / "detector") / 1e6,
        "hmr2": write_full_size_hmr2(folder / "hmr2") / 1e6,
        "disparity": write_full_size_disparity(folder / "disparity") / 1e6,
    }
    write_body(folder / "smpl")
    print(", ".join(f"{name} {count:.1f} M" for name, count in counts.items()))
    return {
        "painter.model": str(folder / "painter"),
        "people.detector": str(folder / "detector"),
        "people.model": str(folder / "hmr2"),
        "people.body_model": str(folder / "smpl"),
        "disparity.model": str(folder / "disparity"),
    }


def measure(folder: Path, asked: argparse.Namespace) -> tuple[str, list[dict[str, str]]]:
    """Run the method once to load and warm up, and once more for the figures."""
    # In a process of its own, so that its memory does not count.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        names = other.submit(write_models, folder / "models").result()
    settings = mfh.settings_from(
        "paper",
        paintings=asked.paintings,
        device=asked.device,
        low_memory=asked.low_memory,
        **{**names, "painter.steps": asked.steps},
    )
    learned = LearnedParts(settings)
    regressor = HMR2Regressor(
        Weights.local(settings.people.model),
        Weights.local(settings.people.body_model),
        settings.people,
        device=asked.device,
    )
    detector = MaskRCNN(
        Weights.local(settings.people.detector), settings.people, device=asked.device
    )
    method = mfh.MetricFromHuman(
        painter=learned.painter,
        people=DetectedPeople(OneEach(detector), regressor),
        disparity=learned.disparity,
        settings=settings,
    )
    photo, _ = load_demo_scene()
    run(method, photo, folder / "warm")
    meter = run(method, photo, folder / "run")
    placement = Placement(asked.device)
    where = f"{placement.device_name}, {placement.dtype_name}"
    total = sum(stage.seconds for stage in meter.stages.values())
    rows = [
        {
            "stage": _STAGES[name],
            "seconds": f"{stage.seconds:.2f}",
            "share": f"{100 * stage.seconds / total:.1f} %",
            "peak GPU memory, GiB": f"{stage.gpu_bytes / _GIB:.2f}" if stage.gpu_bytes else "-",
            "peak memory so far, GiB": f"{stage.host_bytes / _GIB:.2f}",
        }
        for name, stage in meter.stages.items()
    ]
    rows.append(dict.fromkeys(rows[0], "") | {"stage": "all", "seconds": f"{total:.2f}"})
    return where, rows


def run(method: mfh.MetricFromHuman, photo: Photo, folder: Path) -> Meter:
    """Predict into an empty folder."""
    meter = Meter()
    prediction = method.run(photo, folder=folder, progress=meter)
    prediction.write(folder, settings=method.settings, progress=meter)
    return meter


def main() -> None:
    """Measure, print, and write the document if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--paintings", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--low-memory", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"into {_DOCUMENT.name}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where, rows = measure(Path(folder), asked)
    text = f"""# Learned stages at full size

Written by `benchmarks/learned_stages.py --write`. One photo of 640x480 px, N = {asked.paintings},
{asked.steps} denoising steps, random weights; a first run has loaded the models.
This run: {where}; {os.cpu_count()} CPU cores ({platform.machine()}), PyTorch {version("torch")},
diffusers {version("diffusers")}, transformers {version("transformers")}. {_NO_GPU}

{markdown(rows)}
"""
    print(text)
    if asked.write:
        _DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Time and peak memory of whole runs with simulated stages.

    python benchmarks/whole_run.py

Each run is the command a user would type, in a process of its own: the demo with an empty kernel
cache and with a filled one, and a photo of 48 megapixels.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from tables import markdown

from mfh.camera import resize_intrinsics
from mfh.simulation import load_demo_scene

LARGE = (6048, 8064)

_MEASURED = """
import json, resource, sys, time
started = time.perf_counter()
from mfh_cli.main import app
app(sys.argv[1:], standalone_mode=False)
unit = 1 if sys.platform == "darwin" else 1024
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([time.perf_counter() - started, usage.ru_maxrss * unit]))
"""


def run_measured(*command: str, cache: Path) -> tuple[float, float]:
    """Run `mfh COMMAND` and return its wall time in s and peak memory in GiB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *command],
        env={**os.environ, "WARP_CACHE_PATH": str(cache)},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak / 2**30


def write_large_photo(folder: Path) -> list[str]:
    """Write the demo scene at 48 megapixels, and return the options that name its files."""
    photo, depth_m = load_demo_scene()
    height, width = LARGE
    image = Image.fromarray(photo.image).resize((width, height), Image.Resampling.BICUBIC)
    image.save(folder / "large.jpg", quality=92)
    camera = asdict(resize_intrinsics(photo.camera, height, width))
    kept = {name: camera[name] for name in ("fx", "fy", "cx", "cy", "width", "height")}
    (folder / "K.json").write_text(json.dumps(kept))
    np.save(folder / "truth.npy", depth_m)
    return [
        str(folder / "large.jpg"),
        *("--depth", str(folder / "truth.npy")),
        *("--intrinsics", str(folder / "K.json")),
    ]


def measure() -> list[dict[str, str]]:
    """One row a run."""
    rows = []

    def add(what: str, measured: tuple[float, float]) -> None:
        seconds, peak = measured
        rows.append({"run": what, "seconds": f"{seconds:.1f}", "peak memory, GiB": f"{peak:.2f}"})

    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        cache = folder / "kernels"
        first = run_measured("demo", "--out", str(folder / "demo"), cache=cache)
        add("`mfh demo`, first time", first)
        add("`mfh demo`, later", run_measured("demo", "--out", str(folder / "again"), cache=cache))
        add("`mfh demo`, reused", run_measured("demo", "--out", str(folder / "again"), cache=cache))
        large = write_large_photo(folder)
        out = ("--out", str(folder / "large"))
        measured = run_measured("simulate", *large, *out, cache=cache)
        add("`mfh simulate`, 48 megapixels", measured)
    return rows


if __name__ == "__main__":
    print(markdown(measure()))

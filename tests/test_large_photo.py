"""A photo of 48 megapixels: its own size back, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
import numpy as np
from PIL import Image
import planted
from peak_memory import peak_bytes
from mfh.camera import resize_intrinsics
from mfh.photos import load_photo
from mfh.pipeline import MetricFromHuman
from mfh.results import write_results
from mfh.settings import Settings

folder = sys.argv[1]
height, width = 6048, 8064
Image.fromarray(planted.photo().image).resize((width, height)).save(folder + "/large.jpg")
photo = load_photo(folder + "/large.jpg", resize_intrinsics(planted.camera(), height, width))
world = planted.World()
run = MetricFromHuman(
    world, world, world, settings=Settings(paintings=4, strip_min_ratio=0.4)
).run(photo, folder=folder + "/out")
paths = write_results(
    folder + "/out", photo, run.depth,
    images=run.images, landmarks=run.landmarks, verdicts=run.verdicts,
)
inner = np.s_[100:-100:7, 100:-100:7]
disparity = planted.SCALE / planted.scene_depth(height, width)[inner] + planted.OFFSET
worst = float(np.abs(run.depth.depth_m[inner] / run.head.apply(disparity) - 1).max())
assert run.depth.relative_error_map.shape == (height, width)
print(json.dumps([run.depth.depth_m.shape, run.working.shape, worst, peak_bytes() / 2**30]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not report peak memory this way")
def test_48_megapixels_come_back_in_full_under_4_gib(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shape, working, worst, peak_gib = json.loads(done.stdout.splitlines()[-1])
    assert shape == [6048, 8064]
    assert working == [480, 640]
    assert worst < 0.005
    assert peak_gib < 4
    assert (tmp_path / "out" / "summary.json").exists()

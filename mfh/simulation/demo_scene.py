"""The example scene that ships with the project: a rendered room whose depth is known exactly.

Its files in `data/` are made by `scripts/make_demo_scene.py`.
"""

from __future__ import annotations

import functools
import json
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.records import Intrinsics, Photo

_STEPS_PER_M = 8000
"""The depth's 16-bit steps are an eighth of a millimetre."""


@functools.cache
def load_demo_scene() -> tuple[Photo, NDArray[np.float32]]:
    """The photo of the demo room with its camera, and its depth (H, W) float32 in metres.

    The depth is that of the rays through the pixels' centres, within 1/16 mm, without holes. It is
    read-only. The camera stands 1.5 m above the floor and looks 8.5 degrees down.
    """
    folder = resources.files("mfh.simulation.data")
    camera = json.loads(folder.joinpath("demo_camera.json").read_text(encoding="utf-8"))
    with folder.joinpath("demo_photo.png").open("rb") as file, Image.open(file) as image:
        photo = np.asarray(image.convert("RGB"), np.uint8)
    with folder.joinpath("demo_depth.png").open("rb") as file, Image.open(file) as image:
        depth_m = np.asarray(image, np.float32) / np.float32(_STEPS_PER_M)
    depth_m.setflags(write=False)
    return Photo(photo, Intrinsics(**camera, source="given"), "demo room"), depth_m

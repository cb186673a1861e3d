"""A small data set of simulated rooms, in the layout of the data set "folder"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from simulated_room import room

from mfh.datasets import DataSet, open_data_set

NAMES = ("rgb/room_0", "rgb/room_1", "rgb/room_2")


def write_rooms(root: Path, count: int = len(NAMES), height: int = 96, width: int = 128) -> Path:
    """Write photos, depth in metres and `index.csv` with their cameras."""
    for folder in ("rgb", "depth"):
        (root / folder).mkdir(parents=True)
    lines = ["photo,depth,fx,fy,cx,cy"]
    for index in range(count):
        photo, depth_m = room(height, width)
        name, k = f"room_{index}", photo.camera
        Image.fromarray(np.roll(photo.image, 7 * index, axis=1)).save(root / f"rgb/{name}.png")
        np.save(root / f"depth/{name}.npy", depth_m * (1 + 0.1 * index))
        lines.append(f"rgb/{name}.png,depth/{name}.npy,{k.fx},{k.fy},{k.cx},{k.cy}")
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    return root


def rooms(root: Path, count: int = len(NAMES)) -> DataSet:
    return open_data_set("folder", write_rooms(root, count))

"""Small trees in the exact layouts of the official data sets, for their tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def colours(height: int, width: int) -> np.ndarray:
    """Pixels (H, W, 3) that tell where they are: red is the row, green the column, modulo 251."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([y % 251, x % 251, np.full_like(x, 7)], axis=-1).astype(np.uint8)


def write_photo(path: Path, height: int, width: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours(height, width)).save(path)


def write_png(path: Path, values: np.ndarray) -> None:
    """Grey values as they are: uint8 or uint16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def planted(height: int, width: int, **at: tuple[int, int, int]) -> np.ndarray:
    """Values (H, W) uint16, 0 but for (row, column, value)."""
    values = np.zeros((height, width), np.uint16)
    for row, column, value in at.values():
        values[row, column] = value
    return values


def write_npy(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_nyu(root: Path, *frames: str, depth_mm: int = 2000) -> None:
    """Frames of NYU Depth V2 as BTS has them ("kitchen_0028b/00045"), at one depth."""
    for frame in frames:
        scene, _, number = frame.rpartition("/")
        write_photo(root / scene / f"rgb_{number}.jpg", 480, 640)
        depth = np.full((480, 640), depth_mm, np.uint16)
        write_png(root / scene / f"sync_depth_{number}.png", depth)


def write_kitti(
    root: Path,
    *frames: tuple[str, int],
    camera: str = "image_02",
    truths: str = "data_depth_annotated/train",
    size: tuple[int, int] = (375, 1242),
) -> None:
    """Frames of KITTI (drive, number) of one camera, at a depth of 10 m."""
    for drive, number in frames:
        name = f"{number:010d}.png"
        write_photo(root / "raw" / drive[:10] / f"{drive}_sync" / camera / "data" / name, *size)
        folder = root / truths / f"{drive}_sync" / "proj_depth" / "groundtruth" / camera
        write_png(folder / name, np.full(size, 2560, np.uint16))

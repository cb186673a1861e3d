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

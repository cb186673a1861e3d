"""KITTI's calibration files: a name and its numbers a line.

Format: readme.txt of KITTI's raw data and object development kits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.errors import CameraError
from mfh.files.reading import read_text_file
from mfh.records import Intrinsics


def read_matrix(path: Path, name: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The matrix (rows, columns) that a calibration file holds under a name.

    Raises `InputError` for a file that cannot be read, `CameraError` where it lacks the matrix.
    """
    lines = read_text_file(path).splitlines()
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    try:
        numbers = np.array([float(word) for word in values[name].split()])
        matrix = numbers.reshape(shape)
    except KeyError:
        raise CameraError(f"{path}: holds no {name}; take KITTI's own calibration file") from None
    except ValueError as error:
        raise CameraError(
            f"{path}: {name} is not {shape[0]} x {shape[1]} numbers ({error}); take KITTI's own "
            "calibration file"
        ) from error
    if not np.isfinite(matrix).all():
        raise CameraError(f"{path}: {name} holds what is no number; take KITTI's own file")
    return matrix


def camera_of(projection: NDArray[np.float64], height: int, width: int, note: str) -> Intrinsics:
    """The rectified camera of a projection matrix (3, 4), for photos of that size."""
    fx, cx, fy, cy = (projection[at] for at in ((0, 0), (0, 2), (1, 1), (1, 2)))
    return Intrinsics(fx, fy, cx, cy, height, width, note=note)


def rigid(rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform (4, 4) of a rotation (3, 3) and a translation (3,)."""
    transform = np.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = translation.ravel()
    return transform

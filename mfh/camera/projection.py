"""From points in the camera frame to pixels, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.records import Intrinsics


def project(points_m: ArrayLike, camera: Intrinsics) -> NDArray[np.float64]:
    """Give the pixel coordinates (..., 2), x and y, of points (..., 3) before the camera."""
    points = np.asarray(as_array(points_m), np.float64)
    focal_px, centre_px = (camera.fx, camera.fy), (camera.cx, camera.cy)
    return np.asarray(points[..., :2] / points[..., 2:] * focal_px + centre_px)


def backproject(depth_m: NDArray[np.float32], camera: Intrinsics) -> NDArray[np.float32]:
    """Give the points (H, W, 3), in metres in the camera frame, that the pixels (H, W) see."""
    height, width = depth_m.shape
    x = (np.arange(width) + 0.5 - camera.cx) / camera.fx
    y = (np.arange(height) + 0.5 - camera.cy) / camera.fy
    points = np.empty((height, width, 3), np.float32)
    # In double precision, but a few pixels at a time.
    np.multiply(depth_m, x, out=points[..., 0], casting="same_kind")
    np.multiply(depth_m, y[:, None], out=points[..., 1], casting="same_kind")
    points[..., 2] = depth_m
    return points

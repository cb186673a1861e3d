"""Photos with a depth that is known in closed form, to write as files and read back."""

from __future__ import annotations

from typing import Any

import numpy as np
from fake_results import metric_depth
from numpy.typing import NDArray

from mfh.records import Intrinsics, MetricDepth

HEIGHT, WIDTH = 30, 40
# Neither square pixels nor a centred principal point, so that no axis stands in for the other.
CAMERA = Intrinsics(52.5, 61.25, 21.3, 13.7, HEIGHT, WIDTH)


def photo(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """No two pixels alike."""
    colours = np.random.default_rng(3).permutation(256**2)[: height * width]
    red_green = np.stack([colours // 256, colours % 256], axis=-1).reshape(height, width, 2)
    return np.concatenate([red_green, 255 - red_green[..., :1]], axis=-1).astype(np.uint8)


def result(depth_m: Any, camera: Intrinsics = CAMERA, **changes: Any) -> MetricDepth:
    return metric_depth(depth_m, camera=camera, **changes)


def random_depth() -> NDArray[np.float32]:
    """Depths from 1 m to 5 m, one of them unknown, one infinite, one too far to be shown."""
    depth_m = np.random.default_rng(0).uniform(1, 5, (HEIGHT, WIDTH)).astype(np.float32)
    depth_m[4, 7], depth_m[20, 33], depth_m[11, 2] = np.nan, np.inf, 900
    return depth_m


def plane(camera: Intrinsics = CAMERA) -> NDArray[np.float32]:
    """A slanted wall, 0.2 x - 0.1 y + z = 3, in the camera frame."""
    x = (np.arange(camera.width) + 0.5 - camera.cx) / camera.fx
    y = (np.arange(camera.height) + 0.5 - camera.cy) / camera.fy
    return (3 / (0.2 * x - 0.1 * y[:, None] + 1)).astype(np.float32)


def box_before_plane() -> NDArray[np.float32]:
    """The wall, with a square of 10 x 10 px at 1.5 m before it."""
    depth_m = plane()
    depth_m[10:20, 15:25] = 1.5
    return depth_m


def seen_px(points_m: NDArray[Any], camera: Intrinsics = CAMERA) -> NDArray[np.float64]:
    """Where points of the camera frame are in the photo, by the pinhole formula alone."""
    x, y, z = np.asarray(points_m, np.float64).T
    return np.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], axis=1)

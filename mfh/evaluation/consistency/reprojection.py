"""Depth seen from where the camera was a frame later, or earlier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.camera import backproject, project
from mfh.records import Intrinsics


def reproject(
    depth_m: NDArray[np.floating], camera: Intrinsics, target_from_source: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The depth (H, W) in metres that a target camera sees of a depth map; NaN where nothing lands.

    depth_m: (H, W) metres of the source; what is not finite and positive is left out.
    camera: of both source and target.
    target_from_source: (4, 4), the motion.

    Each pixel is a point that lands in the pixel which contains its projection; of several the
    nearest counts (a z-buffer). Where the camera comes nearer, pixels between points stay empty.
    """
    known = np.isfinite(depth_m) & (depth_m > 0)
    points = backproject(np.asarray(depth_m, np.float32), camera)[known].astype(np.float64)
    moved = points @ target_from_source[:3, :3].T + target_from_source[:3, 3]
    moved = moved[moved[:, 2] > 0]
    x, y = np.floor(project(moved, camera)).T
    height, width = depth_m.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    pixels = y[inside].astype(np.intp) * width + x[inside].astype(np.intp)
    nearest_m = np.full(height * width, np.inf)
    np.minimum.at(nearest_m, pixels, moved[inside, 2])
    nearest_m[np.isinf(nearest_m)] = np.nan
    return nearest_m.reshape(height, width).astype(np.float32)


def inconsistency(
    reprojected_m: NDArray[np.floating], true_m: NDArray[np.floating]
) -> NDArray[np.float64]:
    """|d' - d| / |d' + d| of each pixel, from 0 to 1; NaN where either is unknown.

    reprojected_m: d', the prediction of a neighbouring frame, seen from the frame of the truth d.
    CLIP2Depth, section 4.2; in form that of Bian et al., NeurIPS 2019.
    """
    reprojected, true = (np.asarray(depth, np.float64) for depth in (reprojected_m, true_m))
    return np.asarray(np.abs(reprojected - true) / np.abs(reprojected + true))

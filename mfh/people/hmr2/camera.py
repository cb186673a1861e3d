"""Where a person stands: from the crop's weak-perspective camera to the photo's pinhole camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.records import Intrinsics


def translation_m(
    crop_camera: ArrayLike, centre_px: ArrayLike, side_px: ArrayLike, camera: Intrinsics
) -> NDArray[np.float64]:
    """Give the translations (P, 3) that take meshes about their own origin to the camera's frame.

    `z = 2 f / (b s)`, `x = (tx + 2 (u - cx) / (b s)) f / fx`, `y` likewise, with f = sqrt(fx fy):
    in the plane of the mesh's origin the pinhole camera sees the mesh where and as large as the
    crop's camera does (Kissos et al., "Beyond Weak Perspective for Monocular 3D Human Pose
    Estimation", ECCVW 2020, for fx = fy and a central principal point). Where fx and fy differ no
    rigid mesh agrees with it in both directions: the size is kept in the geometric mean.

    crop_camera: (P, 3), (s, tx, ty), see `network.BodyEstimate`.
    centre_px: (P, 2), the crop's centre (u, v) in px of the photo.
    side_px: (P,), the crop's side b in px of the photo.
    camera: of the photo, for the size that the crop was cut out of.

    NaN where s is not a finite positive number: such a camera sees nobody.
    """
    s, tx, ty = np.asarray(crop_camera, np.float64).reshape(-1, 3).T
    u, v = np.asarray(centre_px, np.float64).reshape(-1, 2).T
    f = np.sqrt(camera.fx * camera.fy)
    metres_per_px = 2 / (
        np.asarray(side_px, np.float64) * np.where((s > 0) & (s < np.inf), s, np.nan)
    )
    x = (tx + (u - camera.cx) * metres_per_px) * f / camera.fx
    y = (ty + (v - camera.cy) * metres_per_px) * f / camera.fy
    return np.stack([x, y, f * metres_per_px], axis=-1)

"""The floor of a scene whose depth is known: which way is up, how far below the camera it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from mfh.camera import backproject
from mfh.records import Intrinsics

_ASSUMED_HEIGHT_M = 1.5
_PLAUSIBLE_HEIGHT_M = (0.2, 8.0)
_FARTHEST_M = 25.0
"""Nobody is painted farther off, and depth errors there would tilt the floor."""
_MIN_SAMPLES = 200
_SAMPLES_ACROSS = 160
_GRAVITY_TOLERANCES_DEG = (45, 45, 45, 30, 30, 15, 15, 15)
_MAX_TILT_DEG = 50
_CAMERA_VOTES = 0.01
"""How much the camera's own up direction counts, as a share of all normals."""
_LEVEL_TOLERANCE_DEG = 20
_LEVEL_WIDTH_M = 0.1


@dataclass(frozen=True, eq=False)
class Floor:
    """A horizontal plane below the camera: the points p with `up @ p == -camera_height_m`.

    up: (3,) float64, unit vector in the camera frame.
    camera_height_m: distance from the camera to the plane.
    note: how it was found, in a sentence.
    """

    up: NDArray[np.float64]
    camera_height_m: float
    note: str

    @property
    def ground_axes(self) -> NDArray[np.float64]:
        """(2, 3) orthonormal vectors along the floor: to the right, and away from the camera."""
        forward = np.array([0.0, 0.0, 1.0]) - self.up[2] * self.up
        forward /= np.linalg.norm(forward)
        return np.stack([np.cross(forward, self.up), forward])

    def height_m(self, points_m: NDArray[np.floating]) -> NDArray[np.float64]:
        """Height above the floor of points (..., 3)."""
        return np.asarray(points_m @ self.up + self.camera_height_m)


def find_floor(depth_m: NDArray[np.float32], known: NDArray[np.bool_], camera: Intrinsics) -> Floor:
    """Find the floor below a camera that is held roughly upright.

    depth_m: (H, W) dense depth; known: (H, W), where it was measured rather than filled in.

    Up is the direction that surfaces are most nearly level or upright to (Gupta, Arbelaez, Malik,
    "Perceptual organization and recognition of indoor scenes from RGB-D images", CVPR 2013); the
    floor is the lowest level surface, so that tables and seats are not taken for it, or else as
    low as the lowest points. Where that makes no floor, it is assumed 1.5 m below the camera.
    """
    points_m, normals = _surface_samples(depth_m, known, camera)
    if len(points_m) < _MIN_SAMPLES:
        return _assumed_floor("too little depth is known to find the floor")
    up = _up_direction(normals)
    if up is None:
        return _assumed_floor("no level or upright surfaces were found")
    lowest_m = float(np.percentile(-points_m @ up, 99.5))
    level = normals @ up > np.cos(np.radians(_LEVEL_TOLERANCE_DEG))
    camera_height_m = _lowest_level(-points_m[level] @ up, lowest_m, len(points_m))
    if camera_height_m is None:
        camera_height_m, note = lowest_m, "taken from the lowest points of the scene"
    else:
        note = "the lowest level surface of the scene"
        on_floor = level & (np.abs(points_m @ up + camera_height_m) < _LEVEL_WIDTH_M)
        up, camera_height_m = _refined(points_m[on_floor], up, camera_height_m)
    if not _PLAUSIBLE_HEIGHT_M[0] <= camera_height_m <= _PLAUSIBLE_HEIGHT_M[1]:
        return _assumed_floor(
            f"the lowest level is {camera_height_m:.1f} m below the camera, which is no floor"
        )
    return Floor(up, camera_height_m, f"floor {camera_height_m:.2f} m below the camera: {note}")


def _assumed_floor(why: str) -> Floor:
    return Floor(
        np.array([0.0, -1.0, 0.0]),
        _ASSUMED_HEIGHT_M,
        f"{why}; assumed {_ASSUMED_HEIGHT_M:g} m below the camera and parallel to its axis",
    )


def _surface_samples(
    depth_m: NDArray[np.float32], known: NDArray[np.bool_], camera: Intrinsics
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (M, 3) and unit normals (M, 3), facing the camera, on a coarse grid of pixels."""
    height, width = depth_m.shape
    reach = max(1, round(0.0125 * max(height, width)))
    stride = max(1, max(height, width) // _SAMPLES_ACROSS)
    rows, columns = (
        index.ravel()
        for index in np.meshgrid(
            np.arange(reach, height - reach, stride),
            np.arange(reach, width - reach, stride),
            indexing="ij",
        )
    )
    counted = known[rows, columns] & (depth_m[rows, columns] < _FARTHEST_M)
    rows, columns = rows[counted], columns[counted]
    smooth = (1 / uniform_filter(1 / depth_m, size=max(1, reach // 2))).astype(np.float32)
    points = backproject(smooth, camera).astype(np.float64)
    centre = points[rows, columns]
    across = points[rows, columns + reach] - points[rows, columns - reach]
    down = points[rows + reach, columns] - points[rows - reach, columns]
    normals = np.cross(across, down)
    length = np.linalg.norm(normals, axis=1)
    # 1 / depth is linear on a plane, so a bend in it is an edge between two surfaces.
    inverse = 1 / smooth
    bends = [
        inverse[rows + dy, columns + dx]
        + inverse[rows - dy, columns - dx]
        - 2 * inverse[rows, columns]
        for dy, dx in ((reach, 0), (0, reach))
    ]
    flat = (np.abs(bends) < 0.03 * inverse[rows, columns]).all(axis=0) & (length > 0)
    normals = normals[flat] / length[flat, None]
    centre = centre[flat]
    normals *= -np.sign((normals * centre).sum(axis=1, keepdims=True))
    return centre, normals


def _up_direction(normals: NDArray[np.float64]) -> NDArray[np.float64] | None:
    up = np.array([0.0, -1.0, 0.0])
    for tolerance_deg in _GRAVITY_TOLERANCES_DEG:
        cosine = np.abs(normals @ up)
        level = normals[cosine > np.cos(np.radians(tolerance_deg))]
        upright = normals[cosine < np.sin(np.radians(tolerance_deg))]
        if len(level) + len(upright) < _MIN_SAMPLES // 2:
            return None
        # Minimise the sum of sin^2 to level normals and cos^2 to upright ones. A few votes of the
        # camera decide where those leave it open, as a bare wall does.
        camera_up = _CAMERA_VOTES * len(normals) * np.diag([0.0, 1.0, 0.0])
        _, directions = np.linalg.eigh(upright.T @ upright - level.T @ level - camera_up)
        up = -np.sign(directions[1, 0]) * directions[:, 0]
    return up if -up[1] > np.cos(np.radians(_MAX_TILT_DEG)) else None


def _lowest_level(drop_m: NDArray[np.float64], lowest_m: float, sample_count: int) -> float | None:
    """Find the lowest drop below the camera that enough level samples share."""
    near_lowest = drop_m[(drop_m > lowest_m - 0.3) & (drop_m < lowest_m + 0.3)]
    if len(near_lowest) < max(12, 0.002 * sample_count):
        return None
    edges = np.arange(lowest_m - 0.3, lowest_m + 0.3, _LEVEL_WIDTH_M / 4)
    counts = np.array([(np.abs(near_lowest - edge) < _LEVEL_WIDTH_M / 2).sum() for edge in edges])
    fullest = edges[counts.argmax()]
    return float(np.median(near_lowest[np.abs(near_lowest - fullest) < _LEVEL_WIDTH_M / 2]))


def _refined(
    points_m: NDArray[np.float64], up: NDArray[np.float64], camera_height_m: float
) -> tuple[NDArray[np.float64], float]:
    """Fit the plane to its points, unless they are too few or too close together to tilt it."""
    if len(points_m) < _MIN_SAMPLES:
        return up, camera_height_m
    centre = points_m.mean(axis=0)
    spread, directions = np.linalg.eigh(np.cov(points_m.T))
    fitted = -np.sign(directions[1, 0]) * directions[:, 0]
    if spread[1] < 0.05 or fitted @ up < np.cos(np.radians(5)):
        return up, camera_height_m
    return fitted, float(-centre @ fitted)

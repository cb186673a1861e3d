"""From points to pixels and back."""

from __future__ import annotations

import numpy as np

from mfh.camera import backproject, project
from mfh.records import Intrinsics

CAMERA = Intrinsics(500.0, 540.0, 30.0, 26.0, 48, 64)


def test_a_point_projects_as_its_matrix_says():
    point_m = np.array([0.4, -0.3, 2.5])
    x, y, w = CAMERA.matrix @ point_m
    np.testing.assert_allclose(project(point_m, CAMERA), [x / w, y / w], rtol=1e-12)


def test_the_points_that_pixels_see_project_onto_their_centres():
    depth_m = np.random.default_rng(0).uniform(1, 9, (48, 64)).astype(np.float32)
    points_m = backproject(depth_m, CAMERA)
    np.testing.assert_array_equal(points_m[..., 2], depth_m)
    centres = np.stack(np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5), axis=-1)
    np.testing.assert_allclose(project(points_m, CAMERA), centres, atol=1e-4)


def test_unknown_depth_has_no_point():
    assert np.isnan(backproject(np.full((48, 64), np.nan, np.float32), CAMERA)).all()

"""The PyTorch3D backend gives what the default one gives; runs where PyTorch3D is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rendering_cases import CAMERA, CASES, SQUARE_FACES, assert_depth, facing_square, square_px

from mfh.errors import InputError
from mfh.records import Intrinsics
from mfh.rendering import render_depth

pytest.importorskip(
    "pytorch3d.renderer",
    reason="PyTorch3D is not installed: conda install -c conda-forge pytorch3d",
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_depth_known_in_closed_form(case):
    vertices_m, faces, intrinsics, expected_m = case()
    depth_m = render_depth(vertices_m, faces, intrinsics, backend="pytorch3d", device="cpu")
    # PyTorch3D projects before it clips, in float32: where a face of many metres passes by the
    # camera that costs digits.
    assert_depth(depth_m[0], expected_m, rtol=1e-4)


@pytest.mark.slow
def test_equals_reference_and_warp(shared: Path):
    vectors = np.load(shared / "vectors" / "raster.npz")
    fx, fy, cx, cy = vectors["intrinsics"]
    intrinsics = Intrinsics(fx, fy, cx, cy, int(vectors["height"]), int(vectors["width"]))
    z_buffer_m = vectors["zbuf_hard"]
    arguments = (vectors["vertices_m"], vectors["faces"], intrinsics)
    depth_m = render_depth(*arguments, backend="pytorch3d", device="cpu")
    covered = z_buffer_m > 0
    np.testing.assert_array_equal(np.isfinite(depth_m), covered)
    np.testing.assert_allclose(depth_m[covered], z_buffer_m[covered], rtol=0, atol=1e-6)
    warp_m = render_depth(*arguments, backend="warp", device="cpu")
    np.testing.assert_array_equal(np.isfinite(depth_m), np.isfinite(warp_m))
    np.testing.assert_allclose(depth_m, warp_m, rtol=0, atol=1e-4, equal_nan=True)


def test_equals_warp_around_the_camera():
    """A finely meshed sphere that the camera stands in, near its wall."""
    polar, turn = np.mgrid[0 : np.pi : 25j, 0 : 2 * np.pi : 48j]
    sphere_m = np.stack(
        [np.sin(polar) * np.cos(turn), np.cos(polar), np.sin(polar) * np.sin(turn)], axis=-1
    )
    grid = np.arange(25 * 48).reshape(25, 48)
    a, b, c, d = (grid[i : 24 + i, j : 47 + j].ravel() for i in (0, 1) for j in (0, 1))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    centres_m = np.array([[0, 0, 0], [0.3, 0.8, 0.2], [-0.4, 0.1, -0.85]])
    vertices_m = sphere_m.reshape(1, -1, 3) + centres_m[:, None]
    depth_m = render_depth(vertices_m, faces, CAMERA, backend="pytorch3d")
    assert np.isfinite(depth_m).all()
    np.testing.assert_allclose(depth_m, render_depth(vertices_m, faces, CAMERA), rtol=1e-5)


def test_chunks_do_not_show(monkeypatch):
    """Whether the meshes are taken together or one at a time."""
    squares = [square_px(x, x, x + 9, x + 12, 1.0 + x) for x in range(7)]
    squares[3] = squares[3] * np.float32([1, 1, -1])
    vertices_m = np.stack(squares)
    together = render_depth(vertices_m, SQUARE_FACES, CAMERA, backend="pytorch3d")
    monkeypatch.setattr("mfh.rendering.pytorch3d_backend._CHUNK_BYTES", 1)
    one_by_one = render_depth(vertices_m, SQUARE_FACES, CAMERA, backend="pytorch3d")
    np.testing.assert_array_equal(together, one_by_one)
    warp_m = render_depth(vertices_m, SQUARE_FACES, CAMERA, backend="warp")
    np.testing.assert_array_equal(np.isfinite(together), np.isfinite(warp_m))
    np.testing.assert_allclose(together, warp_m, rtol=1e-5, equal_nan=True)


@pytest.mark.parametrize(
    ("vertices_m", "faces", "people"),
    [(np.zeros((0, 5, 3)), SQUARE_FACES, 0), (np.ones((2, 4, 3)), np.zeros((0, 3), int), 2)],
    ids=["nobody", "no faces"],
)
def test_nothing_to_render(vertices_m, faces, people):
    depth_m = render_depth(vertices_m, faces, CAMERA, backend="pytorch3d")
    assert depth_m.shape == (people, 30, 40)
    assert np.isnan(depth_m).all()


def test_leaves_its_input_alone():
    """Vertices at z = 0 are moved for the division, but not the caller's."""
    vertices_m, faces, intrinsics, _ = facing_square()
    vertices_m[0, 0, 2] = 0
    vertices_m.setflags(write=False)
    before = vertices_m.copy()
    render_depth(vertices_m, faces, intrinsics, backend="pytorch3d")
    np.testing.assert_array_equal(vertices_m, before)


def test_refuses_what_warp_refuses():
    with pytest.raises(InputError, match=r"vertices_m has shape \(4, 3\)"):
        render_depth(np.zeros((4, 3)), SQUARE_FACES, CAMERA, backend="pytorch3d")

"""Depth of meshes: known in closed form, and PyTorch3D's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rendering_cases import (
    CAMERA,
    CASES,
    SQUARE_FACES,
    assert_depth,
    facing_square,
    rays,
    room_around_camera,
    square_px,
)

from mfh.errors import InputError, MissingPartError
from mfh.records import Intrinsics
from mfh.rendering import render_depth
from mfh.rendering.meshes import pixel_boxes
from mfh.rendering.warp_backend import cast
from mfh.warp_runtime import wp


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_depth_known_in_closed_form(case):
    vertices_m, faces, intrinsics, expected_m = case()
    assert_depth(render_depth(vertices_m, faces, intrinsics, device="cpu")[0], expected_m)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_winding_does_not_matter(case):
    vertices_m, faces, intrinsics, expected_m = case()
    mixed = faces.copy()
    mixed[::2] = mixed[::2, ::-1]
    assert_depth(render_depth(vertices_m, mixed, intrinsics, device="cpu")[0], expected_m)


def test_equals_pytorch3d(shared: Path):
    vectors = np.load(shared / "vectors" / "raster.npz")
    fx, fy, cx, cy = vectors["intrinsics"]
    intrinsics = Intrinsics(fx, fy, cx, cy, int(vectors["height"]), int(vectors["width"]))
    z_buffer_m = vectors["zbuf_hard"]
    depth_m = render_depth(vectors["vertices_m"], vectors["faces"], intrinsics, device="cpu")
    np.testing.assert_array_equal(np.isfinite(depth_m), z_buffer_m > 0)
    covered = z_buffer_m > 0
    np.testing.assert_allclose(depth_m[covered], z_buffer_m[covered], rtol=0, atol=1e-4)


def test_each_of_many_meshes_is_rendered_alone():
    """Meshes of different size and place in one call, some hidden by others, one not in view."""
    rng = np.random.default_rng(5)
    corners_px = rng.uniform(-10, 50, (12, 2))
    squares = [
        square_px(x, y, x + side, y + side, z_m)
        for (x, y), side, z_m in zip(
            corners_px, rng.uniform(1, 30, 12), rng.uniform(0.5, 9, 12), strict=True
        )
    ]
    squares[4] = square_px(100, 100, 120, 120, 1.0)
    vertices_m = np.stack(squares)
    together = render_depth(vertices_m, SQUARE_FACES, CAMERA)
    assert together.shape == (12, 30, 40)
    assert np.isnan(together[4]).all()
    for square, depth_m in zip(squares, together, strict=True):
        alone = render_depth(square[None], SQUARE_FACES, CAMERA)[0]
        np.testing.assert_array_equal(depth_m, alone)


@pytest.mark.parametrize(
    ("vertices_m", "faces", "people"),
    [
        (np.zeros((0, 0, 3)), np.zeros((0, 3), int), 0),
        (np.zeros((0, 5, 3)), SQUARE_FACES, 0),
        (np.ones((2, 4, 3)), np.zeros((0, 3), int), 2),
        (np.zeros((2, 0, 3)), np.zeros((0, 3), int), 2),
    ],
    ids=["nobody", "nobody, with faces", "no faces", "no vertices"],
)
def test_nothing_to_render(vertices_m, faces, people):
    depth_m = render_depth(vertices_m, faces, CAMERA)
    assert depth_m.shape == (people, 30, 40)
    assert depth_m.dtype == np.float32
    assert np.isnan(depth_m).all()
    assert cast(vertices_m, faces, CAMERA).barycentric.shape == (people, 30, 40, 2)


def test_degenerate_faces_are_not_seen():
    vertices_m, faces, intrinsics, expected_m = facing_square()
    faces = np.concatenate([[[0, 0, 0], [1, 1, 2]], faces])
    assert_depth(render_depth(vertices_m, faces, intrinsics)[0], expected_m)


def test_takes_what_converts_to_arrays():
    vertices_m, faces, intrinsics, expected_m = facing_square()
    reversed_view = np.ascontiguousarray(vertices_m[:, ::-1])[:, ::-1].astype(np.float64)
    reversed_view.setflags(write=False)
    depth_m = render_depth(reversed_view, faces.astype(np.uint16).tolist(), intrinsics)
    assert_depth(depth_m[0], expected_m)


def test_cast_tells_face_and_place_on_it():
    """The vertices weighted by the barycentric coordinates give the point the ray met."""
    vertices_m, faces, intrinsics, expected_m = room_around_camera()
    hits = cast(vertices_m, faces, intrinsics)
    np.testing.assert_array_equal(hits.depth_m, render_depth(vertices_m, faces, intrinsics))
    assert (hits.face.dtype, hits.barycentric.dtype) == (np.int32, np.float32)
    weights = np.concatenate(
        [hits.barycentric, 1 - hits.barycentric.sum(axis=-1, keepdims=True)], axis=-1
    )
    points_m = np.einsum("hwk,hwkc->hwc", weights[0], vertices_m[0][faces[hits.face[0]]])
    np.testing.assert_allclose(points_m, rays(intrinsics) * expected_m[..., None], atol=1e-5)


def test_cast_off_the_mesh():
    vertices_m, faces, intrinsics, expected_m = facing_square()
    hits = cast(vertices_m, faces, intrinsics)
    off = np.isnan(expected_m)
    assert (hits.face[0][off] == -1).all()
    assert (hits.barycentric[0][off] == 0).all()
    assert set(hits.face[0][~off]) == {0, 1}


def test_boxes_hold_every_pixel_a_mesh_covers_and_few_more():
    vertices_m, _, intrinsics, _ = facing_square()
    ((x0, y0, x1, y1),) = pixel_boxes(vertices_m, intrinsics)
    assert 3 <= x0 <= 5 and 18 <= y0 <= 20 and 12 <= x1 <= 14 and 28 <= y1 <= 30
    behind = vertices_m * np.float32([1, 1, -1])
    np.testing.assert_array_equal(pixel_boxes(behind, intrinsics), [[0, 0, 0, 0]])
    vertices_m[0, 0, 2] = 0
    np.testing.assert_array_equal(pixel_boxes(vertices_m, intrinsics), [[0, 0, 40, 30]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices_m": np.zeros((4, 3))}, r"vertices_m has shape \(4, 3\); expected \(P, V, 3\)"),
        ({"vertices_m": np.zeros((1, 4, 2))}, r"vertices_m has shape \(1, 4, 2\)"),
        ({"vertices_m": np.ones((1, 4, 3), complex)}, "vertices_m is complex128"),
        (
            {"vertices_m": np.full((3, 4, 3), [[[1.0]], [[np.nan]], [[1.0]]])},
            "vertices_m of mesh 1 holds NaN or infinite",
        ),
        ({"vertices_m": np.full((1, 4, 3), np.inf)}, "mesh 0 holds NaN or infinite"),
        ({"faces": np.zeros((2, 4), int)}, r"faces has shape \(2, 4\); expected \(F, 3\)"),
        ({"faces": np.zeros((2, 3))}, "faces is float64; expected integers"),
        ({"faces": [[0, 1, 4]]}, "faces refer to vertices 0..4, but each mesh has 4 vertices"),
        ({"faces": [[-1, 1, 2]]}, "faces refer to vertices -1..2"),
        ({"backend": "opengl"}, "backend 'opengl' is unknown; there are warp, pytorch3d"),
        ({"device": "tpu"}, "device 'tpu' is unknown; there are auto, cpu, cuda"),
    ],
)
def test_refuses(change, message):
    vertices_m, faces, intrinsics, _ = facing_square()
    arguments = {"vertices_m": vertices_m, "faces": faces, "intrinsics": intrinsics, **change}
    with pytest.raises(InputError, match=message):
        render_depth(**arguments)


def test_cuda_that_is_not_there():
    if wp.is_cuda_available():
        pytest.skip("there is a CUDA device")
    vertices_m, faces, intrinsics, _ = facing_square()
    with pytest.raises(InputError, match=r'device "cuda" .* use device "cpu" or "auto"'):
        render_depth(vertices_m, faces, intrinsics, device="cuda")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_cuda(case):
    if not wp.is_cuda_available():
        pytest.skip("no CUDA device")
    vertices_m, faces, intrinsics, expected_m = case()
    assert_depth(render_depth(vertices_m, faces, intrinsics, device="cuda")[0], expected_m)


def test_missing_pytorch3d_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch3d", None)
    monkeypatch.setitem(sys.modules, "pytorch3d.renderer", None)
    monkeypatch.delitem(sys.modules, "mfh.rendering.pytorch3d_backend", raising=False)
    vertices_m, faces, intrinsics, _ = facing_square()
    with pytest.raises(MissingPartError, match="conda install -c conda-forge pytorch3d"):
        render_depth(vertices_m, faces, intrinsics, backend="pytorch3d")


def test_missing_warp_says_how_to_get_it():
    said = _python(
        "import sys; sys.modules['warp'] = None\n"
        "from mfh.errors import MissingPartError\n"
        "from mfh.rendering import render_depth\n"
        "from mfh.records import Intrinsics\n"
        "try: render_depth([[[0, 0, 1]]], [[0, 0, 0]], Intrinsics(1, 1, 1, 1, 2, 2))\n"
        "except MissingPartError as error: print(error)"
    )
    assert "pip install warp-lang" in said.stdout


def test_importing_loads_no_backend():
    said = _python("import sys, mfh.rendering; print(*sys.modules)")
    assert "mfh.rendering" in said.stdout.split()
    assert not {"warp", "torch", "pytorch3d"} & set(said.stdout.split())


def test_renders_quietly():
    """Warp's banner, its lines about kernels and its warning about a missing driver stay away."""
    said = _python(
        "from mfh.rendering import render_depth\n"
        "from mfh.records import Intrinsics\n"
        "camera = Intrinsics(1, 1, 1, 1, 2, 2)\n"
        "render_depth([[[0, 0, 1], [1, 0, 1], [0, 1, 1]]], [[0, 1, 2]], camera)"
    )
    assert (said.stdout, said.stderr) == ("", "")


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )

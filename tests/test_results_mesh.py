from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from depth_scenes import (
    CAMERA,
    HEIGHT,
    WIDTH,
    box_before_plane,
    photo,
    plane,
    random_depth,
    result,
    seen_px,
)
from numpy.typing import NDArray
from PIL import Image

from mfh.errors import InputError, OutputError
from mfh.records import Intrinsics
from mfh.rendering import render_depth
from mfh.results.mesh import write_mesh
from mfh.results.surface import surface_of


def read(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], Any]:
    """Points in the camera frame, faces, and pixels, by trimesh; and the texture."""
    mesh = trimesh.load(path, force="mesh", process=False)
    uv = np.array(mesh.visual.uv)
    uv[:, 1] = 1 - uv[:, 1]  # trimesh has v upwards, glTF downwards
    points = np.array(mesh.vertices) * [1, -1, -1]
    texture = mesh.visual.material.baseColorTexture
    return points, np.array(mesh.faces), uv * [WIDTH, HEIGHT], texture


def chunks(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    found, at = {}, 12
    while at < length:
        size, kind = struct.unpack_from("<I4s", content, at)
        assert size % 4 == 0
        found[kind] = content[at + 8 : at + 8 + size]
        at += 8 + size
    return json.loads(found[b"JSON"]), found.get(b"BIN\0", b"")


def test_every_vertex_lies_behind_its_pixel(tmp_path: Path) -> None:
    depth_m = plane()
    assert write_mesh(tmp_path / "m.glb", result(depth_m), photo()) == tmp_path / "m.glb"
    points, faces, at_px, _ = read(tmp_path / "m.glb")
    assert len(points) == HEIGHT * WIDTH
    assert len(faces) == 2 * (HEIGHT - 1) * (WIDTH - 1)
    np.testing.assert_allclose(seen_px(points), at_px, atol=1e-4)
    column, row = np.floor(at_px).astype(int).T
    np.testing.assert_allclose(at_px, np.stack([column, row], axis=1) + 0.5, atol=1e-4)
    assert np.array_equal(points[:, 2].astype(np.float32), depth_m[row, column])
    np.testing.assert_allclose(points @ [0.2, -0.1, 1], 3, rtol=1e-6)


def test_the_texture_is_the_photo(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2] = 200, 30, 30
    image[: HEIGHT // 2, WIDTH // 2 :] = 30, 30, 200
    write_mesh(tmp_path / "m.glb", result(plane()), image)
    texture = read(tmp_path / "m.glb")[3]
    assert texture.size == (WIDTH, HEIGHT)
    stored = np.asarray(texture.convert("RGB")).astype(int)
    for row, column in ((2, 2), (27, 2), (2, 37), (27, 37)):
        assert np.abs(stored[row, column] - image[row, column]).max() < 8
    scene, binary = chunks(tmp_path / "m.glb")
    view = scene["bufferViews"][scene["images"][0]["bufferView"]]
    content = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    assert Image.open(io.BytesIO(content)).format == "JPEG"
    assert scene["materials"][0]["extensions"] == {"KHR_materials_unlit": {}}


def test_faces_are_turned_to_the_camera(tmp_path: Path) -> None:
    write_mesh(tmp_path / "m.glb", result(box_before_plane()), photo())
    stored = trimesh.load(tmp_path / "m.glb", force="mesh", process=False)
    a, b, c = (np.array(stored.vertices)[stored.faces[:, corner]] for corner in range(3))
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) < 0).all()


def test_nothing_joins_a_near_thing_to_what_is_behind_it(tmp_path: Path) -> None:
    write_mesh(tmp_path / "m.glb", result(box_before_plane()), photo())
    points, faces, _, _ = read(tmp_path / "m.glb")
    is_box = np.isclose(points[:, 2], 1.5)
    assert np.count_nonzero(is_box) == 100
    of_box = is_box[faces].sum(axis=1)
    assert set(of_box.tolist()) == {0, 3}
    assert np.count_nonzero(of_box == 3) == 2 * 9 * 9
    # Every quad of pixels beside the box is there, those across its border are not; at its corners
    # three pixels of the wall keep their triangle.
    assert len(faces) == 2 * ((HEIGHT - 1) * (WIDTH - 1) - 11 * 11 + 9 * 9) + 4
    assert len(trimesh.Trimesh(points, faces, process=False).split(only_watertight=False)) == 2


def test_the_ground_is_whole_up_to_where_it_is_seen_at_two_degrees() -> None:
    camera = Intrinsics(500, 500, 20, 0.25, 200, 40)
    y = (np.arange(200) + 0.5 - camera.cy) / camera.fy
    depth_m = np.repeat((1.5 / y)[:, None], 40, axis=1).astype(np.float32)
    surface = surface_of(depth_m, camera, 100_000)
    farthest_m = surface.points_m[:, 2].max()
    assert 0.9 * 43 < farthest_m < 1.05 * 43
    near = np.count_nonzero(depth_m[:, 0] < 38)
    middles = surface.points_m[surface.faces].mean(axis=1)
    assert np.count_nonzero(middles[:, 2] < 38) >= 2 * 39 * (near - 1)


def test_the_mesh_seen_from_the_camera_is_the_depth_map(tmp_path: Path) -> None:
    depth_m = box_before_plane()
    write_mesh(tmp_path / "m.glb", result(depth_m), photo())
    points, faces, _, _ = read(tmp_path / "m.glb")
    seen = render_depth(points[None], faces, CAMERA, device="cpu")[0]
    inside = np.isfinite(seen)
    assert inside.mean() > 0.85
    np.testing.assert_allclose(seen[inside], depth_m[inside], rtol=1e-4)


def test_what_is_unknown_infinite_or_too_far_leaves_a_hole(tmp_path: Path) -> None:
    depth_m = plane()
    depth_m[5, 5], depth_m[15, 15], depth_m[25, 30] = np.nan, np.inf, 900
    write_mesh(tmp_path / "m.glb", result(depth_m), photo())
    points, faces, at_px, _ = read(tmp_path / "m.glb")
    assert np.isfinite(points).all()
    assert len(points) == HEIGHT * WIDTH - 3
    # Each hole takes its four quads, of which the corners opposite to it keep a triangle each.
    assert len(faces) == 2 * (HEIGHT - 1) * (WIDTH - 1) - 3 * (8 - 4)
    there = {(int(y), int(x)) for x, y in at_px}
    assert there.isdisjoint({(5, 5), (15, 15), (25, 30)})


def test_where_nothing_is_known_the_scene_is_empty(tmp_path: Path) -> None:
    write_mesh(tmp_path / "m.glb", result(np.full((HEIGHT, WIDTH), np.inf)), photo())
    scene, binary = chunks(tmp_path / "m.glb")
    assert scene["asset"]["version"] == "2.0"
    assert "meshes" not in scene
    assert binary == b""


def test_large_photos_have_an_even_grid_of_vertices(tmp_path: Path) -> None:
    write_mesh(tmp_path / "m.glb", result(plane()), photo(), max_vertices=300)
    points, _, at_px, texture = read(tmp_path / "m.glb")
    assert 250 <= len(points) <= 300
    np.testing.assert_allclose(seen_px(points), at_px, atol=1e-4)
    assert {*np.diff(np.unique(np.rint(at_px[:, 0] - 0.5)))} == {2}
    assert texture.size == (WIDTH, HEIGHT)


def test_a_texture_is_no_larger_than_viewers_take(tmp_path: Path) -> None:
    camera = Intrinsics(4000, 4000, 2500, 2, 4, 5000)
    image = np.zeros((4, 5000, 3), np.uint8)
    write_mesh(tmp_path / "m.glb", result(plane(camera), camera), image)
    assert max(read(tmp_path / "m.glb")[3].size) == 4096


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    simulated = {"painter": "simulated: rendered bodies"}
    write_mesh(tmp_path / "m.glb", result(random_depth(), parts=simulated), photo())
    said = chunks(tmp_path / "m.glb")[0]["asset"]["extras"]["description"]
    assert said.startswith("Simulated. Metric depth of one photo as a mesh; x right, y up")
    assert "fx 52.5 px, fy 61.2 px" in said


def test_accessors_tell_the_true_bounds(tmp_path: Path) -> None:
    write_mesh(tmp_path / "m.glb", result(box_before_plane()), photo())
    scene, binary = chunks(tmp_path / "m.glb")
    assert scene["buffers"] == [{"byteLength": len(binary)}]
    accessor = scene["accessors"][0]
    view = scene["bufferViews"][accessor["bufferView"]]
    assert all(v["byteOffset"] % 4 == 0 for v in scene["bufferViews"])
    stored = np.frombuffer(binary, "<f4", 3 * accessor["count"], view["byteOffset"]).reshape(-1, 3)
    assert accessor["min"] == stored.min(axis=0).tolist()
    assert accessor["max"] == stored.max(axis=0).tolist()


def test_what_cannot_be_written(tmp_path: Path) -> None:
    depth = result(plane())
    with pytest.raises(InputError, match=r"mesh: image is \(29, 40, 3\) uint8, but depth is 40 x"):
        write_mesh(tmp_path / "m.glb", depth, photo()[1:])
    with pytest.raises(InputError, match="at least 1"):
        write_mesh(tmp_path / "m.glb", depth, photo(), max_vertices=0)
    with pytest.raises(OutputError, match="make its folder first"):
        write_mesh(tmp_path / "missing" / "m.glb", depth, photo())
    assert list(tmp_path.iterdir()) == []

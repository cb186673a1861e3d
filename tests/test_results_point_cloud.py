from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from mfh.errors import InputError, OutputError
from mfh.records import Intrinsics
from mfh.results import write_point_cloud

POINT = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)])
POINT_AND_ERROR = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), ("relative_error", "<f4")])


def read(path: Path) -> tuple[list[str], NDArray[np.void]]:
    header, body = path.read_bytes().split(b"end_header\n", 1)
    lines = header.decode("ascii").splitlines()
    with_error = "property float relative_error" in lines
    points = np.frombuffer(body, POINT_AND_ERROR if with_error else POINT)
    assert f"element vertex {len(points)}" in lines
    return lines, points


def scene(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.float32], Intrinsics]:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    depth_m = rng.uniform(1, 5, (height, width)).astype(np.float32)
    return image, depth_m, Intrinsics(90, 100, 21.5, 13.25, height, width)


def test_every_point_projects_onto_its_pixel(tmp_path: Path) -> None:
    image, depth_m, camera = scene(30, 40)
    depth_m[0, 0], depth_m[0, 1], depth_m[0, 2] = np.nan, np.inf, 1000
    count = write_point_cloud(tmp_path / "points.ply", image, depth_m, camera)
    lines, points = read(tmp_path / "points.ply")
    assert count == len(points) == 30 * 40 - 3
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert any("x right, y down, z forward, in metres" in line for line in lines)
    assert not any("Simulated" in line or "Thinned" in line for line in lines)
    x, y, z = points["xyz"].astype(np.float64).T
    u = camera.fx * x / z + camera.cx
    v = camera.fy * y / z + camera.cy
    column, row = np.floor(u).astype(int), np.floor(v).astype(int)
    assert np.abs(u - column - 0.5).max() < 1e-4
    assert np.abs(v - row - 0.5).max() < 1e-4
    assert np.array_equal(np.ravel_multi_index((row, column), (30, 40)), np.arange(3, 1200))
    assert np.array_equal(points["xyz"][:, 2], depth_m[row, column])
    assert np.array_equal(points["rgb"], image[row, column])


@pytest.mark.parametrize("max_points", [1, 7, 100, 1199])
def test_an_even_grid_within_the_limit(tmp_path: Path, max_points: int) -> None:
    image, depth_m, camera = scene(30, 40)
    for name in ("a.ply", "b.ply"):
        write_point_cloud(tmp_path / name, image, depth_m, camera, max_points=max_points)
    assert (tmp_path / "a.ply").read_bytes() == (tmp_path / "b.ply").read_bytes()
    lines, points = read(tmp_path / "a.ply")
    said = [line for line in lines if line.startswith("comment Thinned: every ")]
    assert len(said) == 1
    assert said[0].endswith(f" in both directions (on average); {len(points)} of 1200 pixels.")
    assert 0.5 * max_points <= len(points) <= max_points
    if max_points == 100:
        x, y, z = points["xyz"].T
        columns = np.unique(np.floor(camera.fx * x / z + camera.cx))
        rows = np.unique(np.floor(camera.fy * y / z + camera.cy))
        assert set(np.diff(columns)) <= {3, 4}
        assert set(np.diff(rows)) <= {3, 4}


def test_each_point_has_its_error(tmp_path: Path) -> None:
    image, depth_m, camera = scene(30, 40)
    depth_m[0, :3] = np.nan
    error = np.linspace(0.05, 0.2, depth_m.size, dtype=np.float32).reshape(depth_m.shape)
    path = tmp_path / "points.ply"
    write_point_cloud(
        path, image, depth_m, camera, relative_error=error, error="± 9 % (1 sigma)", max_points=500
    )
    lines, points = read(path)
    assert "comment Error: +/- 9 % (1 sigma)." in lines
    assert any(line.startswith("comment relative_error: 1 sigma") for line in lines)
    column = np.floor(camera.fx * points["xyz"][:, 0] / points["xyz"][:, 2] + camera.cx)
    row = np.floor(camera.fy * points["xyz"][:, 1] / points["xyz"][:, 2] + camera.cy)
    assert np.array_equal(points["relative_error"], error[row.astype(int), column.astype(int)])

    loaded = trimesh.load(path)
    assert np.array_equal(loaded.vertices.astype(np.float32), points["xyz"])
    assert np.array_equal(loaded.colors[:, :3], points["rgb"])
    stored = loaded.metadata["_ply_raw"]["vertex"]["data"]
    assert np.array_equal(stored["relative_error"], points["relative_error"])


def test_without_errors_there_is_no_word_of_them(tmp_path: Path) -> None:
    image, depth_m, camera = scene(30, 40)
    write_point_cloud(tmp_path / "points.ply", image, depth_m, camera)
    lines, _ = read(tmp_path / "points.ply")
    assert not any("rror" in line for line in lines)


def test_chunks_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, depth_m, camera = scene(30, 40)
    write_point_cloud(tmp_path / "whole.ply", image, depth_m, camera)
    monkeypatch.setattr("mfh.results.point_cloud._CHUNK_POINTS", 90)
    write_point_cloud(tmp_path / "chunks.ply", image, depth_m, camera)
    assert (tmp_path / "chunks.ply").read_bytes() == (tmp_path / "whole.ply").read_bytes()


def test_nothing_known_makes_an_empty_cloud(tmp_path: Path) -> None:
    image, depth_m, camera = scene(30, 40)
    depth_m[:] = np.inf
    path = tmp_path / "points.ply"
    assert write_point_cloud(path, image, depth_m, camera, simulated=True) == 0
    lines, points = read(path)
    assert len(points) == 0
    assert any("Simulated" in line for line in lines)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    image, depth_m, camera = scene(30, 40)
    with pytest.raises(InputError, match="differ in size"):
        write_point_cloud(tmp_path / "a.ply", image[1:], depth_m, camera)
    with pytest.raises(InputError, match=r"relative error \(29, 40\) differ in size"):
        write_point_cloud(
            tmp_path / "a.ply", image, depth_m, camera, relative_error=np.ones((29, 40), np.float32)
        )
    with pytest.raises(InputError, match="at least 1"):
        write_point_cloud(tmp_path / "a.ply", image, depth_m, camera, max_points=0)
    with pytest.raises(OutputError, match="make its folder first"):
        write_point_cloud(tmp_path / "missing" / "a.ply", image, depth_m, camera)
    assert list(tmp_path.iterdir()) == []

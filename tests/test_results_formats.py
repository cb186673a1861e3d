from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from commands import files_under, run_here
from depth_scenes import CAMERA, box_before_plane, photo, random_depth, result, seen_px
from fake_results import SIMULATED, robust_depth
from PIL import Image

from mfh.errors import InputError, OutputError
from mfh.records import Photo
from mfh.results import write_results
from mfh.results.formats import DEFAULT_FORMATS, FORMATS, format_names


def write(folder: Path, *formats: str, **changes: Any) -> dict[str, Path]:
    depth = result(random_depth(), **changes)
    return write_results(folder, Photo(photo(), CAMERA, "room"), depth, formats=formats)


def expected(*formats: str) -> list[str]:
    names = ["report.html", "summary.json"]
    for name in formats:
        each = FORMATS[name]
        names += [f"{each.filename}/{file}" for file in each.files] or [each.filename]
    return sorted(str(Path(name)) for name in names)


def test_names_keys_and_files_are_their_own() -> None:
    assert set(FORMATS) == {"npz", "png", "png16", "ply", "glb", "exr", "colmap", "nerfstudio"}
    assert all(name == each.name for name, each in FORMATS.items())
    assert len({each.key for each in FORMATS.values()}) == len(FORMATS)
    assert len({each.filename for each in FORMATS.values()}) == len(FORMATS)
    assert set(DEFAULT_FORMATS) <= set(FORMATS)
    assert FORMATS["ply"].suffix == ".ply"
    assert FORMATS["colmap"].suffix == ""


def test_names_are_read_as_they_come() -> None:
    assert format_names("npz") == ("npz",)
    assert format_names(["glb, NPZ", "exr", "npz"]) == ("glb", "npz", "exr")
    with pytest.raises(InputError, match="format 'obj' is unknown; there are npz, png, png16, ply"):
        format_names("npz,obj")
    with pytest.raises(InputError, match="no format is given; there are npz"):
        format_names([])


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_alone(tmp_path: Path, name: str) -> None:
    paths = write(tmp_path, name)
    assert files_under(tmp_path) == expected(name)
    assert paths[FORMATS[name].key] == tmp_path / FORMATS[name].filename
    summary = json.loads(paths["summary"].read_text(encoding="utf-8"))
    assert summary["files"][FORMATS[name].key] == FORMATS[name].filename
    assert ("too_far_for_png_px" in summary) == (name == "png16")


@pytest.mark.parametrize("name", FORMATS)
def test_equal_results_give_equal_files(tmp_path: Path, name: str) -> None:
    for folder in ("a", "b"):
        target = tmp_path / folder / FORMATS[name].filename
        target.parent.mkdir()
        assert FORMATS[name].write(target, result(random_depth()), photo()) == target
    files = files_under(tmp_path / "a")
    assert files == files_under(tmp_path / "b")
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_summary_states_the_unit_of_the_png(tmp_path: Path) -> None:
    paths = write(tmp_path, "png16")
    summary = json.loads(paths["summary"].read_text(encoding="utf-8"))
    assert summary["depth_mm_png"] == {"metres_per_unit": 0.001, "unknown": 0, "too_far": 65535}
    assert summary["too_far_for_png_px"] == 2
    with Image.open(paths["depth_mm"]) as picture:
        assert picture.info["metres_per_unit"] == "0.001"
        assert "0: unknown; 65535: 65.535 m or farther." in picture.info["Description"]


def test_what_an_earlier_result_left_in_other_formats_goes(tmp_path: Path) -> None:
    write(tmp_path, *FORMATS)
    own = tmp_path / "colmap" / "sparse" / "0" / "notes.txt"
    own.write_text("the user's")
    write(tmp_path, "glb")
    assert files_under(tmp_path) == sorted([*expected("glb"), str(own.relative_to(tmp_path))])
    assert not (tmp_path / "nerfstudio").exists()


def test_the_picture_of_the_error_comes_with_that_of_the_depth(tmp_path: Path) -> None:
    depth = robust_depth(random_depth(), camera=CAMERA)
    given = Photo(photo(), CAMERA, "room")
    assert "error_picture" in write_results(tmp_path, given, depth, formats=["png"])
    assert (tmp_path / "error.png").exists()
    assert "error_picture" not in write_results(tmp_path, given, depth, formats=["npz"])
    assert not (tmp_path / "error.png").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_the_earlier_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / FORMATS[name].filename
    FORMATS[name].write(target, result(random_depth()), photo())
    before = {file: (tmp_path / file).read_bytes() for file in files_under(tmp_path)}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="no space left on device; free some space"):
        FORMATS[name].write(target, result(box_before_plane()), photo())
    assert {file: (tmp_path / file).read_bytes() for file in files_under(tmp_path)} == before


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].has_colours])
def test_an_image_of_another_size_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="image"):
        FORMATS[name].write(tmp_path / "x", result(random_depth()), photo()[1:])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("depth", [np.nan, np.inf])
def test_without_any_depth_every_format_is_still_one(
    tmp_path: Path, name: str, depth: float
) -> None:
    target = tmp_path / FORMATS[name].filename
    FORMATS[name].write(target, result(np.full((30, 40), depth)), photo())
    assert target.exists()


def test_open3d_reads_points_and_mesh(tmp_path: Path) -> None:
    try:
        import open3d
    except ImportError as error:  # also where the system lacks libraries it draws with
        pytest.skip(f"Open3D cannot be imported: {error}")
    depth_m, image = random_depth(), photo()
    points_path = FORMATS["ply"].write(tmp_path / "p.ply", result(depth_m), image)
    cloud = open3d.io.read_point_cloud(str(points_path))
    points = np.asarray(cloud.points)
    assert len(points) == depth_m.size - 3
    at_px = seen_px(points)
    column, row = np.floor(at_px).astype(int).T
    np.testing.assert_allclose(at_px % 1, 0.5, atol=1e-4)
    assert np.array_equal(points[:, 2].astype(np.float32), depth_m[row, column])
    assert np.array_equal(np.rint(np.asarray(cloud.colors) * 255), image[row, column])

    mesh_path = FORMATS["glb"].write(tmp_path / "m.glb", result(box_before_plane()), image)
    mesh = open3d.io.read_triangle_mesh(str(mesh_path))
    stored = trimesh.load(mesh_path, force="mesh", process=False)
    corners = np.asarray(mesh.vertices)[np.asarray(mesh.triangles)]  # it renumbers the vertices
    np.testing.assert_allclose(corners, stored.vertices[stored.faces], atol=1e-6)
    assert len(mesh.triangle_uvs) == 3 * len(stored.faces)


def test_opencv_reads_the_depth_in_millimetres(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    depth_m = random_depth()
    path = FORMATS["png16"].write(tmp_path / "d.png", result(depth_m), photo())
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert read.dtype == np.uint16
    assert (read[4, 7], read[20, 33], read[11, 2]) == (0, 65535, 65535)
    near = depth_m < 65
    assert np.abs(read[near] * 0.001 - depth_m[near]).max() < 0.00051


def test_the_demo_in_formats_that_are_chosen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, printed = run_here(
        capsys, "demo", "-n", 2, "--out", tmp_path, "-f", "glb,exr", "--format", "colmap"
    )
    assert status == 0, printed
    present = set(files_under(tmp_path))
    assert present.issuperset(expected("glb", "exr", "colmap"))
    assert present.isdisjoint({"depth.npz", "depth.png", "depth_mm.png", "points.ply", "error.png"})


def test_a_format_that_is_unknown_is_named_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for command in (["demo"], ["predict", "photo.jpg"], ["simulate", "photo.jpg", "-d", "d.png"]):
        status, printed = run_here(capsys, *command, "--out", tmp_path / "out", "-f", "npz,stl")
        assert status == 1
        assert "--format npz,stl: format 'stl' is unknown; there are npz" in " ".join(
            printed.split()
        )
    assert not (tmp_path / "out").exists()


def test_the_help_names_every_format() -> None:
    from mfh_cli.options import FormatOption

    told = FormatOption.__metadata__[0].help
    assert all(name in told.split(";")[0] for name in FORMATS)
    assert told.split(";")[1].split()[0] == ",".join(DEFAULT_FORMATS)


def test_simulated_results_say_so_in_every_format(tmp_path: Path) -> None:
    write(tmp_path, *FORMATS, parts=SIMULATED)
    silent = {str(Path(folder, "images", "photo.png")) for folder in ("colmap", "nerfstudio")}
    for file in files_under(tmp_path):
        content = (tmp_path / file).read_bytes()
        if file == "depth.npz":
            with np.load(tmp_path / file) as stored:
                content = str(stored["provenance"]).encode()
        assert (b"imulated" in content) == (file not in silent), file

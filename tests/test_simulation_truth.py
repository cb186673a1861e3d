"""Truth files: scales, holes, sizes, refusals; and the filling of holes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mfh.errors import InputError, SettingsError
from mfh.simulation import load_truth
from mfh.simulation.truth import densify, resize_truth

SHAPE = (6, 8)
NYU_SHAPE, KITTI_SHAPE = (480, 640), (375, 1242)


def _png(path: Path, units: NDArray[np.uint16]) -> Path:
    Image.fromarray(units).save(path)
    return path


def _units(value: int, shape: tuple[int, int] = SHAPE) -> NDArray[np.uint16]:
    return np.full(shape, value, np.uint16)


@pytest.mark.parametrize(
    ("scale", "units", "depth_m"),
    [
        (None, 2500, 2.5),
        ("mm", 2500, 2.5),
        ("kitti", 640, 2.5),
        (0.01, 250, 2.5),
        ("0.01", 250, 2.5),
    ],
)
def test_png_in_every_scale(
    tmp_path: Path, scale: str | float | None, units: int, depth_m: float
) -> None:
    truth = load_truth(_png(tmp_path / "d.png", _units(units)), SHAPE, scale=scale)
    assert truth.depth_m.dtype == np.float32
    np.testing.assert_allclose(truth.depth_m, depth_m)


def test_a_png_of_kittis_size_is_taken_for_kittis_and_says_so(tmp_path: Path) -> None:
    truth = load_truth(_png(tmp_path / "d.png", _units(2560, KITTI_SHAPE)), KITTI_SHAPE)
    np.testing.assert_allclose(truth.depth_m, 10)
    assert "1/256" in truth.note


def test_unknown_depth_is_nan_whatever_it_is_in_the_file(tmp_path: Path) -> None:
    depth_m = np.full(SHAPE, 3.0)
    depth_m[0, :4] = 0, np.nan, np.inf, -1
    np.save(tmp_path / "d.npy", depth_m)
    truth = load_truth(tmp_path / "d.npy", SHAPE)
    assert np.isnan(truth.depth_m[0, :4]).all()
    assert (truth.depth_m[1:] == 3).all()
    assert truth.note == "truth d.npy: taken as metres"


def test_npz_by_name_or_as_the_only_array(tmp_path: Path) -> None:
    depth_m = np.full((*SHAPE, 1), 2.0, np.float32)
    for name, arrays in {
        "a": {"depth_m": depth_m, "other": np.zeros(3)},
        "b": {"depth": depth_m, "other": np.zeros(3)},
        "c": {"anything": depth_m},
    }.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        assert (load_truth(tmp_path / f"{name}.npz", SHAPE).depth_m == 2).all()


def test_integers_in_a_numpy_file_need_a_scale(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", _units(2500))
    with pytest.raises(InputError, match="uint16 values, whose unit is unknown"):
        load_truth(tmp_path / "d.npy", SHAPE)
    assert load_truth(tmp_path / "d.npy", SHAPE, scale="mm").depth_m[0, 0] == np.float32(2.5)


def test_another_size_of_the_same_aspect_is_resized_without_mixing(tmp_path: Path) -> None:
    depth_m = np.where(np.arange(16) < 8, 1.0, 5.0) * np.ones((12, 1))
    np.save(tmp_path / "d.npy", depth_m)
    truth = load_truth(tmp_path / "d.npy", SHAPE)
    assert truth.depth_m.shape == SHAPE
    assert set(np.unique(truth.depth_m)) == {1.0, 5.0}
    assert "resized from 16 x 12 px" in truth.note


def test_sparse_truth_survives_being_reduced() -> None:
    sparse = np.full((40, 40), np.nan, np.float32)
    sparse[3::10, 1::10] = 7
    assert (resize_truth(sparse, (4, 4)) == 7).all()
    assert np.isfinite(resize_truth(sparse, (80, 80))).sum() == 64


def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path: Path) -> None:
    Image.fromarray(np.full(SHAPE, 9, np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.zeros((*SHAPE, 3), np.uint8)).save(tmp_path / "colour.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04nothing")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.save(tmp_path / "metres.npy", np.full(SHAPE, 2500.0))
    np.save(tmp_path / "tiny.npy", np.full(SHAPE, 0.001))
    np.save(tmp_path / "empty.npy", np.zeros(SHAPE))
    np.save(tmp_path / "flat.npy", np.ones(5))
    np.save(tmp_path / "square.npy", np.ones((9, 9)))
    np.save(tmp_path / "truth.npy", np.array([["a"]]))
    np.savez(tmp_path / "many.npz", a=np.ones(SHAPE), b=np.ones(SHAPE))
    np.savez(tmp_path / "nothing.npz")
    for name, message in {
        "none.png": "there is no such file",
        "none.npy": "there is no such file",
        "depth.tif": r"type \.tif; expected \.npy, \.npz, \.png",
        "grey.png": "8-bit grey",
        "colour.png": "the PNG is in colours",
        "broken.png": "not an image of a known format",
        "broken.npz": r"not a readable \.npz file",
        "objects.npy": r"not a readable \.npy file",
        "metres.npy": "looks like millimetres",
        "tiny.npy": "too near",
        "empty.npy": "no pixel holds a positive, finite depth",
        "flat.npy": r"shape \(5,\); expected \(H, W\)",
        "square.npy": "9 x 9 px, but the photo is 8 x 6 px",
        "truth.npy": "must be real numbers",
        "many.npz": "holds a, b; expected one array, or one named depth_m or depth",
        "nothing.npz": "holds nothing; expected one array",
    }.items():
        with pytest.raises(InputError, match=message):
            load_truth(tmp_path / name, SHAPE)
    for scale in ("feet", -1, float("nan"), "inf"):
        with pytest.raises(SettingsError, match="accepted: mm, kitti, or a positive number"):
            load_truth(_png(tmp_path / "d.png", _units(1)), SHAPE, scale=scale)


def test_holes_in_a_plane_are_filled_with_the_plane() -> None:
    rows, columns = np.mgrid[:60, :80]
    plane_m = (1 / (0.2 + 0.002 * rows + 0.001 * columns)).astype(np.float32)
    sparse = np.full_like(plane_m, np.nan)
    sparse[::4, ::3] = plane_m[::4, ::3]
    dense = densify(sparse)
    assert (dense[::4, ::3] == plane_m[::4, ::3]).all()
    inside = np.s_[1:56, 1:78]
    np.testing.assert_allclose(dense[inside], plane_m[inside], rtol=1e-5)
    assert np.isfinite(dense).all()


def test_a_wide_gap_takes_the_nearest_depth_and_bridges_nothing() -> None:
    depth_m = np.full((100, 100), 2.0, np.float32)
    depth_m[:, 50:] = 20
    depth_m[20:80, 20:80] = np.nan
    dense = densify(depth_m)
    assert set(np.unique(dense[45:55, 45:55])) <= {2.0, 20.0}


@pytest.mark.parametrize("known", [[(5, 5)], [(5, 2), (5, 7)], [(i, i) for i in range(9)]])
def test_too_little_for_a_triangle_takes_the_nearest(known: list[tuple[int, int]]) -> None:
    sparse = np.full((10, 12), np.nan, np.float32)
    for index, pixel in enumerate(known):
        sparse[pixel] = index + 1
    dense = densify(sparse)
    assert np.isfinite(dense).all()
    assert dense[known[-1]] == len(known)


def test_nothing_known_is_refused() -> None:
    with pytest.raises(InputError, match="no pixel has a known depth"):
        densify(np.full((4, 4), np.nan, np.float32))


def test_real_files_are_read_as_their_data_sets_say(shared: Path) -> None:
    nyu = load_truth(shared / "data" / "nyu" / "sync_depth_00000.png", NYU_SHAPE)
    assert 1 < np.nanmin(nyu.depth_m) < np.nanmax(nyu.depth_m) < 10
    kitti = load_truth(shared / "data" / "kitti" / "depth_0000000005.png", KITTI_SHAPE)
    assert 5 < np.nanmin(kitti.depth_m) < np.nanmax(kitti.depth_m) < 90
    for truth in (nyu, kitti):
        known = np.isfinite(truth.depth_m)
        dense = densify(truth.depth_m)
        assert (dense[known] == truth.depth_m[known]).all()
        assert dense.min() == np.nanmin(truth.depth_m)
        assert dense.max() == pytest.approx(np.nanmax(truth.depth_m))

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake_results import SIMULATED, metric_depth, robust_depth
from PIL import Image

from mfh.errors import InputError, OutputError
from mfh.files import write_npz
from mfh.records import MetricHead
from mfh.results import read_depth_npz, write_depth_npz, write_depth_png_mm


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    depth_m = np.array([[1.5, np.inf, 2], [np.nan, 80, 0.25]], np.float32)
    result = metric_depth(
        depth_m, parts=SIMULATED, relative_error=np.nan, painting="8 of at most 32"
    )
    write_depth_npz(tmp_path / "depth.npz", result)
    back = read_depth_npz(tmp_path / "depth.npz")
    assert np.array_equal(back.depth_m, depth_m, equal_nan=True)
    assert back.depth_m.dtype == np.float32
    assert back.camera == result.camera
    assert back.counts == result.counts
    assert back.parts == result.parts
    assert back.painting == "8 of at most 32"
    assert back.warnings == result.warnings
    assert back.simulated
    assert np.isnan(back.relative_error)
    assert same_head(result.head, back.head)
    assert back.relative_error_map is None


def same_head(one: MetricHead, other: MetricHead) -> bool:
    return all(
        np.array_equal(value, getattr(other, name), equal_nan=True)
        if isinstance(value, np.ndarray | float)
        else value == getattr(other, name)
        for name, value in vars(one).items()
    )


def test_the_error_of_each_pixel_comes_back_too(tmp_path: Path) -> None:
    depth_m = np.array([[1.5, np.inf, 2], [np.nan, 80, 0.25]], np.float32)
    result = robust_depth(depth_m)
    assert result.relative_error_map is not None
    write_depth_npz(tmp_path / "depth.npz", result)
    back = read_depth_npz(tmp_path / "depth.npz")
    assert same_head(result.head, back.head)
    assert back.counts == result.counts
    assert back.relative_error_map is not None
    assert back.relative_error_map.dtype == np.float32
    assert np.array_equal(np.isinf(back.relative_error_map), np.isinf(depth_m))
    np.testing.assert_allclose(back.relative_error_map, result.relative_error_map, rtol=2**-11)
    # The stored covariance gives the same error for any disparity.
    with np.load(tmp_path / "depth.npz") as stored:
        (ss, so), (_, oo) = stored["covariance"]
        d = 1.2
        metric = stored["scale"] * d + stored["offset"]
        variance = (ss * d**2 + 2 * so * d + oo) / metric**2 + stored["disparity_error"] ** 2
    assert np.sqrt(variance) == pytest.approx(float(result.head.relative_error_of(d)), rel=1e-6)


def test_an_error_beyond_half_precision_is_infinite(tmp_path: Path) -> None:
    error = np.array([[0.1, 1e6]], np.float32)
    write_depth_npz(tmp_path / "depth.npz", robust_depth([[1, 2]], relative_error_map=error))
    back = read_depth_npz(tmp_path / "depth.npz").relative_error_map
    assert back is not None
    assert back[0, 0] == pytest.approx(0.1, rel=2**-11)
    assert back[0, 1] == np.inf


def test_the_npz_is_plain_arrays_with_everything_in_it(tmp_path: Path) -> None:
    write_depth_npz(tmp_path / "depth.npz", metric_depth(np.ones((4, 6))))
    with np.load(tmp_path / "depth.npz", allow_pickle=False) as stored:
        assert set(stored.files) == {
            "depth_m", "intrinsics", "width", "height", "scale", "offset", "space",
            "covariance", "disparity_error", "relative_error", "provenance",
        }  # fmt: skip
        assert np.array_equal(stored["intrinsics"], [[500.5, 0, 6], [0, 501.25, 0], [0, 0, 1]])
        assert (int(stored["width"]), int(stored["height"])) == (6, 4)
        assert (float(stored["scale"]), float(stored["offset"])) == (0.4, 0.01)
        assert str(stored["space"]) == "disparity"
        assert float(stored["relative_error"]) == 0.09
        assert np.isnan(stored["covariance"]).all()
        provenance = json.loads(str(stored["provenance"]))
    assert provenance["simulated"] is False
    assert provenance["camera"]["source"] == "exif"
    assert provenance["parts"] == {"painter": "sd2", "people": "hmr2"}
    assert provenance["warnings"] == ["The camera was assumed."]
    assert provenance["mfh"]


def test_other_files_are_not_taken_for_a_result(tmp_path: Path) -> None:
    write_npz(tmp_path / "other.npz", depth_m=np.ones((2, 2)))
    with pytest.raises(InputError, match="not a depth file of mfh"):
        read_depth_npz(tmp_path / "other.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"text\.npz"):
        read_depth_npz(tmp_path / "text.npz")


def test_millimetres_with_what_is_unknown_and_what_is_too_far(tmp_path: Path) -> None:
    depth_m = np.array(
        [[np.nan, 0.0001, 1.2344, 1.2346], [65.5344, 65.5346, 200, np.inf]], np.float32
    )
    path = tmp_path / "depth.png"
    too_far = write_depth_png_mm(path, depth_m, error="± 9 % (1 sigma)", simulated=True)
    assert too_far == 3
    with Image.open(path) as picture:
        assert picture.mode == "I;16"
        assert np.array_equal(
            np.asarray(picture), [[0, 1, 1234, 1235], [65534, 65535, 65535, 65535]]
        )
        assert (
            "65.535 m or farther. Error: ± 9 % (1 sigma). Simulated." in picture.info["Description"]
        )


def test_tall_maps_are_written_in_strips(tmp_path: Path) -> None:
    depth_m = np.linspace(0.5, 60, 700 * 3, dtype=np.float32).reshape(700, 3)
    assert write_depth_png_mm(tmp_path / "depth.png", depth_m) == 0
    stored = np.asarray(Image.open(tmp_path / "depth.png"))
    assert np.abs(stored / 1000 - depth_m).max() < 0.00051


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="make its folder first"):
        write_depth_png_mm(tmp_path / "missing" / "depth.png", np.ones((2, 2), np.float32))
    with pytest.raises(OutputError, match="make its folder first"):
        write_depth_npz(tmp_path / "missing" / "depth.npz", metric_depth(np.ones((2, 2))))

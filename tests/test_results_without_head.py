"""Results of methods that fit no head: everything is written, and says what is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_results import metric_depth, painted_photos

from mfh.records import Intrinsics, MetricDepth, Photo
from mfh.results import (
    one_line,
    read_depth_npz,
    summary_dict,
    summary_lines,
    write_depth_npz,
    write_results,
)

CAMERA = Intrinsics(100, 100, 60, 45, 90, 120)
PARTS = {"estimator": "ZoeDepth (Intel/zoedepth-nyu)", "camera": "camera not used"}


def estimate(**changes: Any) -> MetricDepth:
    depth_m = np.repeat(np.linspace(8, 2, 90, dtype=np.float32)[:, None], 120, 1)
    fields = {"depth_m": depth_m, "camera": CAMERA, "parts": PARTS, "device": "CPU"}
    return MetricDepth(**{**fields, **changes})


def test_what_is_not_given_is_unknown() -> None:
    result = estimate()
    assert result.head is None and result.counts is None
    assert np.isnan(result.relative_error)
    assert not result.knows_error and not result.simulated


def test_without_a_head_an_error_that_is_given_is_what_to_expect() -> None:
    assert estimate(relative_error=0.1).knows_error
    # The paper's losses tell how far the landmarks disagree, and no more.
    assert not metric_depth(np.ones((4, 4))).knows_error


def test_a_simulated_part_is_told_without_a_head_too() -> None:
    assert estimate(parts={"estimator": "simulated: truth"}).simulated


def test_lines_name_the_method_and_no_people() -> None:
    lines = dict(summary_lines(estimate(), errors={"abs_rel": 0.05}))
    assert list(lines) == [
        "Depth", "Scale", "Estimated by", "Against truth", "Camera", "Computed on",
    ]  # fmt: skip
    assert lines["Scale"] == "as the model gives it; error unknown"
    assert lines["Estimated by"] == "ZoeDepth (Intel/zoedepth-nyu); camera not used"
    assert "±" not in lines["Depth"]
    revised = dict(summary_lines(estimate(parts={**PARTS, "revision": "1a2b"})))
    assert revised["Estimated by"].endswith("; camera not used; revision 1a2b")


def test_lines_with_an_error() -> None:
    lines = dict(summary_lines(estimate(relative_error=0.1)))
    assert lines["Scale"] == "as the model gives it"
    assert "± 10 % (1 sigma)" in lines["Depth"]


def test_a_head_without_counts() -> None:
    fitted = metric_depth(np.full((4, 4), 2.0), counts=None)
    assert dict(summary_lines(fitted))["Scale"] == "as fitted; error unknown"


@pytest.mark.parametrize(
    ("error", "words"), [(np.nan, "2.3 m to 7.7 m (3 s)"), (0.1, "2.3 m to 7.7 m, ± 10 % (3 s)")]
)
def test_one_line(error: float, words: str) -> None:
    assert one_line(estimate(relative_error=error), 3.2) == words


def test_the_summary_has_null_where_nothing_was_fitted() -> None:
    summary = json.loads(json.dumps(summary_dict(estimate()), allow_nan=False))
    assert summary["head"] is None and summary["counts"] is None
    assert summary["relative_error"] is None
    assert summary["parts"] == PARTS


def test_depth_npz_comes_back(tmp_path: Path) -> None:
    result = estimate(warnings=("a sentence",), relative_error_map=np.full((90, 120), 0.25))
    write_depth_npz(tmp_path / "depth.npz", result)
    with np.load(tmp_path / "depth.npz", allow_pickle=False) as stored:
        assert "scale" not in stored.files
        assert json.loads(str(stored["provenance"]))["head"] is None
    back = read_depth_npz(tmp_path / "depth.npz")
    assert back.head is None and back.counts is None
    assert np.isnan(back.relative_error)
    np.testing.assert_array_equal(back.depth_m, result.depth_m)
    np.testing.assert_array_equal(back.relative_error_map, result.relative_error_map)
    assert back.camera == CAMERA and back.parts == PARTS and back.warnings == ("a sentence",)


def test_all_files_but_the_contact_sheet_are_written(tmp_path: Path) -> None:
    photo = Photo(np.full((90, 120, 3), 100, np.uint8), CAMERA, "street")
    painted, landmarks = painted_photos(1)
    earlier = metric_depth(estimate().depth_m)
    sheet = {"images": painted, "landmarks": landmarks, "verdicts": [""]}
    write_results(tmp_path, Photo(photo.image, earlier.camera), earlier, **sheet)
    error_map = np.full((90, 120), 0.25)
    paths = write_results(tmp_path, photo, estimate(relative_error_map=error_map))
    names = {
        "depth.npz", "depth_mm.png", "depth.png", "error.png", "points.ply", "report.html",
        "summary.json",
    }  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == names
    assert {path.name for path in paths.values()} == names
    assert b"Error: error unknown" in (tmp_path / "points.ply").read_bytes()[:600]

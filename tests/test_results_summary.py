from __future__ import annotations

import json

import numpy as np
import pytest
from fake_results import SIMULATED, metric_depth

from mfh.records import Counts
from mfh.results import summary_dict, summary_lines
from mfh.results.depth_range import depth_percentiles_m
from mfh.settings import Settings

DEPTH_M = np.linspace(1, 11, 10_000, dtype=np.float32).reshape(100, 100)


def test_the_summary_is_json_with_null_for_what_is_unknown() -> None:
    depth_m = DEPTH_M.copy()
    depth_m[:10] = np.inf
    depth_m[10:15] = np.nan
    result = metric_depth(depth_m, relative_error=np.nan, parts=SIMULATED)
    summary = json.loads(
        json.dumps(
            summary_dict(
                result,
                name="street",
                errors={"abs_rel": 0.1, "delta1": float("nan")},
                timings={"painted": 1.23456},
                settings=Settings(),
                too_far_for_png_px=12,
            ),
            allow_nan=False,
        )
    )
    assert summary["simulated"] is True
    assert summary["photo"] == {"name": "street", "width": 100, "height": 100}
    assert summary["relative_error"] is None
    assert summary["depth_m"]["infinite_share"] == pytest.approx(0.1)
    assert summary["depth_m"]["unknown_share"] == pytest.approx(0.05)
    assert summary["camera"]["source"] == "exif"
    assert summary["camera"]["note"] == "35 mm film: 28 mm"
    assert summary["camera"]["horizontal_fov_deg"] == pytest.approx(11.4, abs=0.1)
    assert summary["head"]["owners"] == 3
    assert summary["head"]["owners_used"] == 2
    assert summary["counts"]["in_photo"] == 0
    assert summary["counts"]["rejected"] == {"nobody found": 2, "alignment scale not positive": 1}
    assert summary["errors"] == {"abs_rel": 0.1, "delta1": None}
    assert summary["seconds"] == {"painted": 1.235}
    assert summary["settings"]["paintings"] == 32
    assert summary["too_far_for_png_px"] == 12
    assert summary["warnings"] == ["The camera was assumed."]


def test_lines_say_the_same_in_words() -> None:
    lines = dict(
        summary_lines(
            metric_depth(DEPTH_M),
            errors={"abs_rel": 0.0123, "delta1": 0.987, "rmse": 0.4567},
            timings={"painted": 8.0, "people": 2.04, "aligned": 0.02},
        )
    )
    assert lines == {
        "Depth": "1.5 m to 10.5 m, median 6.0 m (5th to 95th percentile)",
        "Scale": "the people agree to ± 9.0 % (1 sigma of their mean); an error they share comes "
        "on top",
        "Against truth": "AbsRel 1.23 %, delta1 98.7 %, RMSE 0.457 m",
        "People": "7 people used, in 5 of 8 painted photos",
        "Dropped": "nobody found (2), alignment scale not positive (1)",
        "Camera": "fx 500.5 px, fy 501.2 px, 11.4° wide, 100 x 100 px (exif: 35 mm film: 28 mm)",
        "Time": "10.1 s (painted 8.0, people 2.0)",
    }


def test_lines_of_other_results() -> None:
    depth_m = DEPTH_M.copy()
    depth_m[:25] = np.inf
    result = metric_depth(
        depth_m, parts=SIMULATED, relative_error=np.nan, counts=Counts(4, 4, 4, 1)
    )
    lines = dict(summary_lines(result))
    assert lines["Simulated"] == "painter: stand-ins that know the truth"
    assert lines["Scale"] == "rests on one person; error unknown"
    assert lines["Depth"].endswith("25.0 % farther than the fit can tell")
    assert lines["People"] == "1 person used, in 4 of 4 painted photos"
    assert "Dropped" not in lines
    assert "Against truth" not in lines
    nothing = metric_depth(np.full((2, 2), np.inf))
    assert dict(summary_lines(nothing))["Depth"] == "no finite depth"


def test_percentiles_of_a_large_map_are_sampled() -> None:
    depth_m = np.repeat(np.linspace(0, 10, 3000, dtype=np.float32)[:, None], 3000, 1)
    depth_m[:, 1000:2000] = np.nan
    assert depth_percentiles_m(depth_m, (5, 50, 95)) == pytest.approx((0.5, 5, 9.5), abs=0.01)
    assert np.isnan(depth_percentiles_m(np.full((3, 3), np.inf, np.float32), (50,))).all()

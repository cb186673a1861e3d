from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_results import SIMULATED, metric_depth, robust_depth

from mfh.records import Counts
from mfh.results import one_line, summary_dict, summary_lines
from mfh.results.percentiles import finite_percentiles
from mfh.results.uncertainty import error_in_words, percent_in_words
from mfh.settings import Settings

DEPTH_M = np.linspace(1, 11, 10_000, dtype=np.float32).reshape(100, 100)


def test_the_summary_is_json_with_null_for_what_is_unknown() -> None:
    depth_m = DEPTH_M.copy()
    depth_m[:10] = np.inf
    depth_m[10:15] = np.nan
    result = metric_depth(
        depth_m, relative_error=np.nan, parts=SIMULATED, painting="8 of at most 32"
    )
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
    assert summary["relative_error_map"] is None
    assert summary["painting"] == "8 of at most 32"
    assert summary["head"]["covariance"] == [[None, None], [None, None]]
    assert summary["head"]["shared_error"] is None
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


def test_the_summary_of_a_known_error() -> None:
    depth_m = DEPTH_M.copy()
    depth_m[:10] = np.inf
    result = robust_depth(depth_m)
    summary = json.loads(json.dumps(summary_dict(result), allow_nan=False))
    assert summary["relative_error"] == 0.09
    assert result.relative_error_map is not None
    finite = result.relative_error_map[10:]
    for percent in (5, 50, 95):
        expected = pytest.approx(np.percentile(finite, percent), rel=1e-5)
        assert summary["relative_error_map"][f"percentile_{percent}"] == expected
    assert summary["head"]["covariance"] == [[pytest.approx(0.024**2), 0], [0, pytest.approx(4e-4)]]
    assert summary["head"]["shared_error"] == 0.07
    assert summary["head"]["disparity_error"] == 0.05
    assert summary["counts"]["set_aside"] == 1
    assert summary["counts"]["points"] == 0


def test_a_known_error_in_words() -> None:
    lines = dict(summary_lines(robust_depth(DEPTH_M)))
    assert lines["Depth"] == (
        "1.5 m to 10.5 m (5th to 95th percentile), median 6.0 m, "
        "± 9 % (1 sigma; single points from ± 8 % near to ± 22 % far)"
    )
    assert lines["Scale"] == (
        "3 people agree, 1 set aside; more painted people would bring the error to ± 7 % at best"
    )
    assert lines["People"] == "3 of 4 people used, in 5 of 8 painted photos"
    assert one_line(metric_depth(DEPTH_M), 12) == (
        "1.5 m to 10.5 m, people agree to ± 9 % (7 people, 12 s)"
    )
    assert one_line(robust_depth(DEPTH_M), 12) == "1.5 m to 10.5 m, ± 9 % (3 people, 12 s)"


def test_near_and_far_are_told_where_they_differ() -> None:
    for near, far, words in [
        (0.0851, 0.094, "± 9 % (1 sigma)"),
        (0.084, 0.094, "± 9 % (1 sigma; single points from ± 8 % near to ± 9 % far)"),
        (0.12, 0.08, "± 9 % (1 sigma; single points from ± 12 % near to ± 8 % far)"),
        (np.nan, np.nan, "± 9 % (1 sigma)"),
    ]:
        error = np.where(DEPTH_M < 6, near, far).astype(np.float32)
        assert error_in_words(robust_depth(DEPTH_M, relative_error_map=error)) == words
    assert error_in_words(robust_depth(DEPTH_M, relative_error_map=None)) == "± 9 % (1 sigma)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.0, "less than ± 0.1 %"),
        (0.0009, "less than ± 0.1 %"),
        (0.0014, "± 0.1 %"),
        (0.0094, "± 0.9 %"),
        (0.0096, "± 1 %"),
        (0.0141, "± 1 %"),
        (0.094, "± 9 %"),
        (0.996, "± 100 %"),
        (1.2, "more than ± 100 %"),
        (np.inf, "more than ± 100 %"),
    ],
)
def test_per_cent(error: float, words: str) -> None:
    assert percent_in_words(error) == words


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (
            Counts(0, 0, 0, 0, points=1),
            {
                "Scale": "rests on one known distance; more known distances, nearer and farther, "
                "lessen the error",
                "Known distances": "one used; nothing painted",
            },
        ),
        (
            Counts(0, 0, 0, 1, in_photo=1, points=2),
            {
                "Scale": "one person and 2 known distances agree; more known distances, nearer "
                "and farther, lessen the error",
                "People": "1 person used, in the photo itself",
                "Known distances": "2 used; nothing painted",
            },
        ),
        (
            Counts(0, 0, 0, 3, in_photo=3, set_aside=1),
            {
                "Scale": "3 people agree",
                "People": "3 of 4 people used, in the photo itself; nothing painted",
            },
        ),
        (
            Counts(4, 0, 0, 3, {"nobody found": 4}, in_photo=3),
            {
                "Scale": "3 people agree",
                "People": "3 people used, in the photo itself; 0 of 4 painted photos kept",
                "Dropped": "nobody found (4)",
            },
        ),
        (
            Counts(8, 6, 5, 7, in_photo=2),
            {
                "Scale": "7 people agree; more painted people would bring the error to ± 7 % "
                "at best",
                "People": "7 people used, 2 in the photo and the others in 5 of 8 painted photos",
            },
        ),
        (
            Counts(4, 1, 0, 0, points=3),
            {
                "Scale": "3 known distances agree; more known distances, nearer and farther, "
                "lessen the error",
                "People": "nobody used; 0 of 4 painted photos kept",
                "Known distances": "3 used",
            },
        ),
    ],
)
def test_what_was_measured_by(counts: Counts, expected: dict[str, str]) -> None:
    head = replace(robust_depth(DEPTH_M).head, used=np.ones(counts.people, np.bool_))
    lines = dict(summary_lines(robust_depth(DEPTH_M, counts=counts, head=head)))
    named = ("Scale", "People", "Known distances", "Dropped")
    assert {label: lines[label] for label in named if label in lines} == expected


def test_how_much_was_painted() -> None:
    nothing = robust_depth(DEPTH_M, counts=Counts(0, 0, 0, 0, points=2))
    assert ("Known distances", "2 used; nothing painted") in summary_lines(nothing)
    assert summary_dict(nothing)["painting"] is None
    said = replace(nothing, painting="none: known distances are given")
    assert summary_lines(said)[-3:-1] == [
        ("Known distances", "2 used"),
        ("Painted", "none: known distances are given"),
    ]
    assert summary_dict(said)["painting"] == "none: known distances are given"


@pytest.mark.parametrize(
    ("shared_error", "words"),
    [
        (np.nan, "3 people agree, 1 set aside"),
        (0.0899, "3 people agree, 1 set aside; more painted people would not lessen the error"),
        (0.0, "3 people agree, 1 set aside; more painted people would bring the error to less than "
         "± 0.1 % at best"),
    ],
)  # fmt: skip
def test_what_more_people_would_bring(shared_error: float, words: str) -> None:
    head = replace(robust_depth(DEPTH_M).head, shared_error=shared_error)
    assert dict(summary_lines(robust_depth(DEPTH_M, head=head)))["Scale"] == words


@pytest.mark.parametrize(
    ("counts", "relative_error", "words"),
    [
        (Counts(4, 4, 4, 5, points=2), 0.031, "the people and known distances agree to ± 3 % "),
        (Counts(0, 0, 0, 0, points=4), 0.004, "the known distances agree to ± 0.4 % "),
        (Counts(0, 0, 0, 0, points=2), np.nan, "rests on 2 known distances; error unknown"),
    ],
)
def test_agreement_where_the_error_is_unknown(
    counts: Counts, relative_error: float, words: str
) -> None:
    result = metric_depth(DEPTH_M, counts=counts, relative_error=relative_error)
    assert dict(summary_lines(result))["Scale"].startswith(words)


def test_lines_say_the_same_in_words() -> None:
    lines = dict(
        summary_lines(
            metric_depth(DEPTH_M),
            errors={"abs_rel": 0.0123, "delta1": 0.987, "rmse": 0.4567},
            timings={"painted": 8.0, "people": 2.04, "aligned": 0.02},
        )
    )
    assert lines == {
        "Depth": "1.5 m to 10.5 m (5th to 95th percentile), median 6.0 m",
        "Scale": "the people agree to ± 9 % (1 sigma of their mean); an error they share comes "
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
    assert finite_percentiles(depth_m, (5, 50, 95)) == pytest.approx((0.5, 5, 9.5), abs=0.01)
    assert np.isnan(finite_percentiles(np.full((3, 3), np.inf, np.float32), (50,))).all()

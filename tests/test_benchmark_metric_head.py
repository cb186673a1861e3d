"""The comparison of metric heads: the same data for all, and figures that mean what they say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfh.errors import NoLandmarksError
from mfh.records import AlignedDisparity, Landmarks

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from metric_heads import cases, scores
from metric_heads.cases import Case
from metric_heads.cells import ONE_SIGMA, Cells
from metric_heads.scores import LEVELS, Score


def test_the_first_paintings_of_a_long_run_are_those_of_a_short_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = Case("room", "default", cases.FIRST_SEED + 2, 120)
    monkeypatch.setattr(cases, "PAINTINGS", (8,))
    aligned, landmarks = cases.run_stages(case).first(4)
    monkeypatch.setattr(cases, "PAINTINGS", (4,))
    short_aligned, short = cases.run_stages(case).first(4)
    np.testing.assert_array_equal(aligned.values, short_aligned.values)
    assert len(landmarks) == len(short) == 5
    for one, other in zip(landmarks, short, strict=True):
        np.testing.assert_array_equal(one.depth_m, other.depth_m)
    assert all((each.owner >= 0).any() for each in landmarks[1:])


def test_a_scene_without_room_for_so_many_is_left_out() -> None:
    stages = cases.run_stages(Case("room", "default", cases.FIRST_SEED + 2, 120))
    with pytest.raises(NoLandmarksError, match="painted photos only"):
        stages.first(len(stages.with_people) + 1)


def test_every_method_is_scored_on_the_same_scene() -> None:
    case = Case("room", "clean people", cases.FIRST_SEED + 2, 120)
    found = scores.score_case(case, ["SILog (paper)", "median ratio"])
    assert [(s.paintings, s.method) for s in found[:2]] == [
        (1, "SILog (paper)"),
        (1, "median ratio"),
    ]
    assert {s.paintings for s in found} == set(cases.PAINTINGS)
    paper = next(s for s in found if s.paintings == 32 and s.method == "SILog (paper)")
    assert 0 < paper.floor < 0.1
    assert paper.floor * 0.9 < paper.abs_rel < 0.3
    assert Score.from_json(paper.as_json()) == paper


def test_median_ratio_finds_a_planted_scale_among_outliers() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(5, 20, (6, 10, 12)).astype(np.float32)
    owner = np.full((10, 12), -1, np.int16)
    owner[2:8, 3:6] = 0
    landmarks = []
    for index in range(6):
        wrong = 3.0 if index in (1, 4) else 1.0
        depth_m = np.where(owner >= 0, wrong / (0.04 * values[index]), np.nan).astype(np.float32)
        landmarks.append(Landmarks(depth_m, owner, np.ones(1, np.float32)))
    kept = np.array([True, True, True, True, True, False])
    aligned = AlignedDisparity(values, np.ones(6), np.zeros(6), kept, ("",) * 6)
    head = scores.fit_median_ratio(aligned, landmarks)
    assert head.scale == pytest.approx(0.04, rel=1e-6)
    assert head.offset == 0
    assert len(head.used) == 5


def _score(seed: int, method: str = "robust", **figures: Any) -> Score:
    return Score(group="room", errors="default", seed=seed, paintings=4, method=method, **figures)


def test_cells_count_what_they_say() -> None:
    rng = np.random.default_rng(0)
    bias = 0.1 * rng.standard_normal(400)
    shares = tuple(np.array(LEVELS) / 2)
    ours = [
        _score(i, abs_rel=0.6 if i < 10 else 0.1, log_bias=b, relative_error=0.1, covered=shares)
        for i, b in enumerate(bias)
    ]
    cell = Cells(ours).cell("room", "default", 4, "robust")
    assert cell.mean("abs_rel") == pytest.approx((10 * 0.6 + 390 * 0.1) / 400)
    assert cell.catastrophes == 10
    assert cell.worst == pytest.approx((10 * 0.6 + 10 * 0.1) / 20)
    assert cell.map_coverage(1) == pytest.approx(0.683, abs=0.05)
    assert cell.map_coverage(1.645) == pytest.approx(0.9, abs=0.04)
    assert cell.pixel_coverage[ONE_SIGMA] == pytest.approx(0.6827 / 2)


def test_methods_are_compared_on_scenes_that_all_answered() -> None:
    ours = [_score(seed, abs_rel=0.1) for seed in range(10)]
    theirs = [
        _score(seed, "log L2", abs_rel=0.2, refused="swapped" if seed == 3 else "")
        for seed in range(9)
    ]
    theirs[5] = _score(5, "log L2", refused="nobody")
    cells = Cells([*ours, *theirs])
    assert [s.seed for s in cells.cell("room", "default", 4, "robust").scores] == [
        0, 1, 2, 4, 6, 7, 8
    ]  # fmt: skip
    other = cells.cell("room", "default", 4, "log L2")
    assert (other.nobody, other.refused) == (1, 1)

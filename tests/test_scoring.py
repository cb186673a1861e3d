"""Scores of planted predictions."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_run import plant_run

from mfh.datasets.protocol import Protocol
from mfh.errors import InputError, SettingsError
from mfh.evaluation import depth_errors
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.scoring.score import at_size, score, score_run
from mfh.evaluation.scoring.scores import METRICS, NOT_PREDICTED, VALUES
from mfh.progress import Progress

_PROTOCOL = Protocol(max_m=10.0)


def _truth(seed: int = 0, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, 9.9, shape).astype(np.float32)


def _score(depth_m: np.ndarray, true_m: np.ndarray, **about: float) -> dict[str, float]:
    prediction = StoredPrediction(np.asarray(depth_m, np.float32), **about)
    return score(prediction, true_m, _PROTOCOL)


def test_ten_per_cent_too_far_is_all_scale_and_no_shape() -> None:
    true_m = _truth()
    values = _score(1.1 * true_m, true_m)
    assert values["scale_error"] == pytest.approx(0.1, abs=1e-6)
    # The part beyond 9.09 m is clipped to the cap, but not before its scale is found.
    capped = np.minimum(1.1 * true_m.astype(np.float64), 10)
    assert values["abs_rel"] == pytest.approx(np.mean(capped / true_m - 1), rel=1e-6)
    assert values["scaled_abs_rel"] == pytest.approx(0, abs=1e-6)
    assert values["scaled_silog"] == pytest.approx(0, abs=1e-4)
    assert values["scaled_delta1"] == 1
    assert values["pixels"] == true_m.size
    assert set(values) == set(VALUES)
    assert {type(value) for value in values.values()} == {float}


def test_a_scale_far_beyond_the_cap_leaves_the_shape_right() -> None:
    true_m = _truth()
    values = _score(40 * true_m, true_m)
    assert values["delta1"] < 0.3
    assert values["scaled_abs_rel"] == pytest.approx(0, abs=1e-6)
    assert values["affine_abs_rel"] == pytest.approx(0, abs=1e-5)


def test_planted_scale_and_offset_are_found() -> None:
    true_m = _truth()
    values = _score(3 * true_m + 2, true_m)
    assert values["affine_rmse"] == pytest.approx(0, abs=1e-5)
    assert values["scaled_rmse"] > 0.1


def test_the_line_is_the_least_squares_one() -> None:
    true_m = _truth()
    noise = np.random.default_rng(5).normal(0, 0.4, true_m.shape)
    depth_m = (0.7 * true_m + 1 + noise).astype(np.float32)
    slope, offset = np.polyfit(depth_m.ravel().astype(float), true_m.ravel().astype(float), 1)
    line = (slope * depth_m.astype(np.float64) + offset).clip(1e-3, 10)
    expected = depth_errors(line, true_m)
    values = _score(depth_m, true_m)
    for name in METRICS:
        assert values[f"affine_{name}"] == pytest.approx(expected[name], rel=1e-6), name


def test_all_three_forms_are_what_depth_errors_gives() -> None:
    true_m = _truth(shape=(300, 400))
    depth_m = (true_m * np.exp(np.random.default_rng(2).normal(0.2, 0.2, true_m.shape))).astype(
        np.float32
    )
    values = _score(depth_m, true_m)
    metric = depth_errors(depth_m.clip(1e-3, 10), true_m)
    scale = np.median(true_m.astype(np.float64) / depth_m)
    scaled = depth_errors((scale * depth_m.astype(np.float64)).clip(1e-3, 10), true_m)
    for name in METRICS:
        assert values[name] == pytest.approx(metric[name], rel=1e-9), name
        assert values[f"scaled_{name}"] == pytest.approx(scaled[name], rel=1e-6), name


def test_what_is_no_depth_counts_as_the_cap_and_is_told() -> None:
    true_m = np.full((10, 10), 5, np.float32)
    depth_m = true_m.copy()
    depth_m[0] = np.nan
    depth_m[1] = 0
    depth_m[2] = -4
    depth_m[3] = np.inf
    values = _score(depth_m, true_m)
    assert values["unusable"] == pytest.approx(0.3)
    assert values["abs_rel"] == pytest.approx(0.4)  # four tenths of the pixels are 10 m, not 5
    assert values["scale_error"] == 0
    assert values["scaled_abs_rel"] == pytest.approx(0.4)


def test_a_pixel_that_says_far_does_not_bend_the_line() -> None:
    true_m = _truth()
    depth_m = 2 * true_m + 1
    depth_m[0, 0] = 1e6
    values = _score(depth_m, true_m)
    missed = (10 - float(true_m[0, 0])) / float(true_m[0, 0]) / true_m.size
    assert values["affine_abs_rel"] == pytest.approx(missed, rel=1e-3)


def test_a_constant_prediction_has_the_mean_as_its_line() -> None:
    true_m = _truth()
    values = _score(np.full_like(true_m, 3), true_m)
    assert values["affine_rmse"] == pytest.approx(true_m.std(), rel=1e-5)


def test_nothing_predicted_has_no_scale() -> None:
    values = _score(np.full((5, 5), np.nan), np.full((5, 5), 4, np.float32), relative_error=0.1)
    assert values["unusable"] == 1
    assert values["abs_rel"] == pytest.approx(1.5)
    for name in ("scale_error", "scaled_abs_rel", "affine_abs_rel", "interval68"):
        assert math.isnan(values[name]), name


def test_a_range_from_zero_keeps_lines_below_it_finite() -> None:
    true_m = np.array([[0.01, 0.01, 9, 9.5]], np.float32)
    prediction = StoredPrediction(np.array([[1, 2, 3, 9]], np.float32))
    values = score(prediction, true_m, Protocol(max_m=10.0, min_m=0.0))
    assert all(math.isfinite(values[f"affine_{name}"]) for name in METRICS)


@pytest.mark.parametrize(
    ("factor", "within68", "within90"), [(1.05, 1.0, 1.0), (1.15, 0.0, 1.0), (0.8, 0.0, 0.0)]
)
def test_intervals_of_the_expected_error(factor: float, within68: float, within90: float) -> None:
    true_m = _truth()
    values = _score(factor * true_m, true_m, relative_error=0.1, seconds=3.5)
    assert (values["interval68"], values["interval90"]) == (within68, within90)
    assert (values["relative_error"], values["seconds"]) == (0.1, 3.5)


def test_intervals_are_unknown_without_an_expected_error() -> None:
    values = _score(_truth(), _truth())
    assert math.isnan(values["interval68"])
    assert math.isnan(values["seconds"])


def test_a_smaller_prediction_is_resized_between_pixel_centres() -> None:
    ramp = np.array([[1, 2]], np.float32)
    assert at_size(StoredPrediction(ramp), (2, 4))[0] == pytest.approx([1, 1.25, 1.75, 2])
    assert at_size(StoredPrediction(ramp), (1, 2)) is ramp
    true_m = np.repeat(np.linspace(1, 9, 80, dtype=np.float32)[None], 60, axis=0)
    small = true_m.reshape(30, 2, 40, 2).mean(axis=(1, 3))
    assert _score(small, true_m)["abs_rel"] < 1e-3


def test_resizing_keeps_what_is_far_or_no_depth_apart() -> None:
    depth_m = np.array([[2, np.nan, 2, np.inf, 2, 4]], np.float32)
    resized = at_size(StoredPrediction(depth_m), (2, 12))[1]
    assert resized[:2] == pytest.approx([2, 2])
    assert np.isnan(resized[2:4]).all()
    assert resized[4:6] == pytest.approx([2, 2])
    assert np.isinf(resized[6:8]).all()
    assert resized[8:] == pytest.approx([2, 2.5, 3.5, 4])


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(InputError, match="no pixel of the truth counts: .* 0.001 and 10 m"):
        _score(np.ones((4, 4)), np.full((4, 4), np.nan, np.float32))
    with pytest.raises(InputError, match=r"prediction: 4 x 8 px, but the photo is 8 x 4"):
        _score(np.ones((8, 4)), np.ones((4, 8), np.float32))


def test_the_prediction_is_not_changed() -> None:
    depth_m = np.array([[np.nan, 2]], np.float32)
    kept = depth_m.copy()
    _score(depth_m, np.array([[1, 2]], np.float32))
    assert np.array_equal(depth_m, kept, equal_nan=True)


class _Counting(Progress):
    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []

    def start(self, stage: str, total: int) -> None:
        self.said.append((stage, total))

    def advance(self, stage: str) -> None:
        self.said.append((stage, "+"))

    def finish(self, stage: str, note: str) -> None:
        self.said.append((stage, "done"))


def test_a_run_is_scored_in_its_order_whatever_the_threads(tmp_path: Path) -> None:
    names = [f"scene/{index}" for index in range(6)]
    run, data_set = plant_run(tmp_path, names, {"exact": 1.0, "far": 1.1}, seeds=(0, 3))
    progress = _Counting()
    scores = score_run(run, data_set, 1, progress)
    assert [(s.row, s.seed, s.name) for s in scores] == [
        (row, seed, name) for row in ("exact", "far") for seed in (0, 3) for name in names
    ]
    assert all(s.values["abs_rel"] == 0 for s in scores if s.row == "exact")
    assert all(s.values["scale_error"] == pytest.approx(0.1) for s in scores if s.row == "far")
    assert progress.said == [("scoring", 6), *[("scoring", "+")] * 6, ("scoring", "done")]
    assert score_run(run, data_set, 4) == scores
    with pytest.raises(SettingsError, match="scoring: -1 threads; expected 1 or more, or 0"):
        score_run(run, data_set, -1)


def test_what_cannot_be_scored_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    names = ["good", "no_truth", "damaged", "failed", "not_yet", "unknown"]
    run, data_set = plant_run(tmp_path, names, {"exact": 1.0})
    data_set = replace(data_set, names=data_set.names[:-1])
    (data_set.root / "no_truth.npy").unlink()
    folder = run.predictions("exact", 0)
    (folder.path / "damaged.npz").write_bytes(b"PK no")
    for name in ("failed", "not_yet"):
        (folder.path / f"{name}.npz").unlink()
    folder.failed("failed", "nobody was found")

    scores = score_run(run, data_set, 2)

    failures = {score.name: score.failure for score in scores}
    assert failures["good"] == ""
    assert failures["no_truth"].endswith("no_truth.npy: there is no such file")
    assert failures["damaged"].startswith(f"{folder.file('damaged')}: not a readable .npz file")
    assert failures["damaged"].endswith("; remove it and run mfh evaluate again")
    assert failures["failed"] == "nobody was found"
    assert failures["not_yet"] == NOT_PREDICTED
    assert failures["unknown"] == f"not in the data set at {data_set.root}"
    assert [bool(score.values) for score in scores] == [True] + [False] * 5


def test_a_data_set_without_any_photo_of_the_run_is_refused(tmp_path: Path) -> None:
    run, data_set = plant_run(tmp_path, ["a", "b"], {"x": 1.1})
    others = replace(data_set, names=("c", "d"))
    with pytest.raises(
        InputError, match=r"data: the truth of none of the 2 photos .*no photo named a; say where"
    ):
        score_run(run, others)
    (data_set.root / "a.npy").unlink()
    assert [bool(each.failure) for each in score_run(run, data_set)] == [True, False]
    (data_set.root / "b.npy").unlink()
    with pytest.raises(InputError, match=r"of none of the 2 photos .* e\.g\. no file .*a\.npy"):
        score_run(run, data_set)


def test_a_prediction_of_another_size_is_named(tmp_path: Path) -> None:
    run, data_set = plant_run(tmp_path, ["x"], {"exact": 1.0})
    folder = run.predictions("exact", 0)
    folder.write("x", StoredPrediction(np.ones((24, 90), np.float32)))
    (score,) = score_run(run, data_set, 1)
    assert score.failure.startswith(f"prediction {folder.file('x')}: 90 x 24 px, but the photo is")


def test_scores_tell_which_version_predicted(tmp_path: Path) -> None:
    run, data_set = plant_run(tmp_path, ["x", "y"], {"exact": 1.0})
    folder = run.predictions("exact", 0)
    folder.write("x", replace(folder.read("x"), report={"mfh": "0.3.0"}))
    assert [score.version for score in score_run(run, data_set, 1)] == ["0.3.0", ""]


def test_scoring_loads_no_model_library() -> None:
    code = (
        "import sys; import mfh.evaluation.scoring.score, mfh.evaluation.scoring.score_files; "
        "heavy = {'torch', 'torchvision', 'diffusers', 'transformers', 'huggingface_hub'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

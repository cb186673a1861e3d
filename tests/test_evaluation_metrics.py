"""Depth metrics: formulas by hand, and the reference's results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.evaluation import depth_errors

_REFERENCE_NAMES = {
    "delta1": "a1",
    "delta2": "a2",
    "delta3": "a3",
    "abs_rel": "abs_rel",
    "rmse": "rmse",
    "log10": "log_10",
    "rmse_log": "rmse_log",
    "silog": "silog",
    "sq_rel": "sq_rel",
}


def _eigen_crop(shape: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.bool_)
    mask[45:471, 41:601] = True
    return mask


def _garg_crop(shape: tuple[int, int]) -> NDArray[np.bool_]:
    height, width = shape
    mask = np.zeros(shape, np.bool_)
    mask[
        int(0.40810811 * height) : int(0.99189189 * height),
        int(0.03594771 * width) : int(0.96405229 * width),
    ] = True
    return mask


@pytest.mark.parametrize(
    ("protocol", "arrays", "cap_m"),
    [("nyu", "nyu", 10), ("kitti", "kitti", 80), ("eth3d", "nyu", 80)],
)
def test_reference_results_are_reached(
    shared: Path, protocol: str, arrays: str, cap_m: float
) -> None:
    with np.load(shared / "vectors" / "metrics.npz") as stored:
        true, predicted = stored[f"{arrays}_gt"], stored[f"{arrays}_pred"]
    expected = json.loads((shared / "vectors" / "metrics.json").read_text())[protocol]
    valid = (true > 1e-3) & (true < cap_m)
    if protocol == "nyu":
        valid &= _eigen_crop(true.shape)
    if protocol == "kitti":
        valid &= _garg_crop(true.shape)

    errors = depth_errors(predicted.clip(1e-3, cap_m), true, valid)

    assert errors.keys() == _REFERENCE_NAMES.keys()
    for name, reference_name in _REFERENCE_NAMES.items():
        assert errors[name] == pytest.approx(expected[reference_name], rel=1e-5), name


def test_formulas_on_numbers_worked_out_by_hand() -> None:
    errors = depth_errors([2.0, 4.0, 3.0], [2.0, 2.0, 4.0])
    assert errors["delta1"] == pytest.approx(1 / 3)
    assert errors["delta2"] == pytest.approx(2 / 3)
    assert errors["delta3"] == pytest.approx(2 / 3)
    assert errors["abs_rel"] == pytest.approx((0 + 1 + 0.25) / 3)
    assert errors["sq_rel"] == pytest.approx((0 + 2 + 0.25) / 3)
    assert errors["rmse"] == pytest.approx(np.sqrt(5 / 3))
    logs = np.array([0, np.log(2), np.log(0.75)])
    assert errors["rmse_log"] == pytest.approx(np.sqrt(np.mean(logs**2)))
    assert errors["log10"] == pytest.approx(np.mean(np.abs(logs)) / np.log(10))
    assert errors["silog"] == pytest.approx(100 * np.std(logs))


def test_a_right_shape_at_the_wrong_scale_has_no_silog() -> None:
    true = np.linspace(1, 9, 50)
    errors = depth_errors(1.2 * true, true)
    assert errors["silog"] == pytest.approx(0, abs=1e-9)
    assert errors["abs_rel"] == pytest.approx(0.2)
    assert errors["delta1"] == 1


def test_without_a_mask_unknown_truth_does_not_count() -> None:
    errors = depth_errors([1.0, 5.0, 5.0, 5.0], [1.0, 0.0, np.nan, np.inf])
    assert errors["abs_rel"] == 0


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(InputError, match=r"predicted_m is \(2,\), true_m \(3,\)"):
        depth_errors(np.ones(2), np.ones(3))
    with pytest.raises(InputError, match="no valid pixel"):
        depth_errors(np.ones(2), np.zeros(2))
    with pytest.raises(InputError, match="predicted_m is inf at a valid pixel; .* clip it"):
        depth_errors([1.0, np.inf], [1.0, 1.0])
    with pytest.raises(InputError, match="true_m is 0.0 at a valid pixel"):
        depth_errors([1.0, 1.0], [1.0, 0.0], [True, True])


def test_large_maps_are_scored_in_pieces_to_the_same_result() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(1, 50, (1100, 1000)).astype(np.float32)
    predicted = true * np.exp(rng.normal(0.1, 0.1, true.shape)).astype(np.float32)
    true[:3] = 0
    errors = depth_errors(predicted, true)
    logs = np.log(predicted[3:].astype(np.float64)) - np.log(true[3:].astype(np.float64))
    assert errors["silog"] == pytest.approx(100 * np.std(logs), rel=1e-9)
    assert errors["rmse_log"] == pytest.approx(np.sqrt(np.mean(logs**2)), rel=1e-9)

"""One depth map against its truth."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.errors import InputError
from mfh.evaluation import errors_against_truth


def test_only_known_truth_counts() -> None:
    true_m = np.array([[1.0, 2.0, np.nan, 0.0]])
    errors = errors_against_truth(np.array([[1.1, 2.0, 50.0, 50.0]]), true_m)
    assert errors["abs_rel"] == pytest.approx(0.05)
    assert errors["known"] == 0.5
    assert {"delta1", "rmse", "silog", "scale_aligned_abs_rel"} <= errors.keys()


def test_a_wrong_scale_is_told_from_a_wrong_shape() -> None:
    true_m = np.linspace(1, 9, 40).reshape(5, 8)
    errors = errors_against_truth(1.3 * true_m, true_m)
    assert errors["abs_rel"] == pytest.approx(0.3)
    assert errors["scale_aligned_abs_rel"] == pytest.approx(0, abs=1e-12)
    assert errors["scale_error"] == pytest.approx(0.3)
    assert errors["capped"] == 0


def test_farther_than_can_be_told_counts_as_the_farthest() -> None:
    errors = errors_against_truth(np.array([[np.inf, 2.0]]), np.array([[40.0, 2.0]]))
    assert errors["abs_rel"] == pytest.approx(0.5)
    assert (errors["capped"], errors["cap_m"]) == (0.5, 80)
    errors = errors_against_truth(np.array([[np.inf, 2.0]]), np.array([[100.0, 2.0]]))
    assert errors["abs_rel"] == 0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match=r"depth is \(1, 2\) but the truth \(2, 2\)"):
        errors_against_truth(np.ones((1, 2)), np.ones((2, 2)))
    with pytest.raises(InputError, match="no pixel of the truth"):
        errors_against_truth(np.ones((2, 2)), np.zeros((2, 2)))
    with pytest.raises(InputError, match="predicted_m is nan at a valid pixel"):
        errors_against_truth(np.full((2, 2), np.nan), np.ones((2, 2)))

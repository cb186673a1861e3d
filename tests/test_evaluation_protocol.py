"""Which pixels count, by protocol."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.errors import InputError
from mfh.evaluation.protocol import Protocol, crop_window, cropped


def test_the_eigen_crop_leaves_rows_45_to_470_and_columns_41_to_600() -> None:
    left = cropped("eigen", (480, 640))
    assert left.sum() == (471 - 45) * (601 - 41)
    assert left[45, 41]
    assert left[470, 600]
    assert not left[44].any()
    assert not left[471].any()
    assert not left[:, 40].any()
    assert not left[:, 601].any()


def test_the_eigen_crop_is_of_one_size() -> None:
    with pytest.raises(InputError, match=r"1024 x 768 px, but .* 640 x 480 px alone"):
        Protocol(max_m=10.0, crop="eigen").valid(np.ones((768, 1024), np.float32))


def test_the_garg_crop_is_truncated_to_whole_pixels() -> None:
    # 0.40810811 * 352 = 143.65, 0.99189189 * 352 = 349.15; 0.0359 * 1216 = 43.71, 0.964 * 1216 =
    # 1172.29
    assert crop_window("garg", (352, 1216)) == (slice(143, 349), slice(43, 1172))
    assert crop_window("garg", (375, 1242)) == (slice(153, 371), slice(44, 1197))


def test_truth_counts_strictly_within_the_range_and_where_known() -> None:
    true_m = np.array([[np.nan, 0, 1e-3, 0.002, 9.99, 10, np.inf, -1]], np.float32)
    counted = Protocol(max_m=10.0).valid(true_m)
    assert counted.tolist() == [[False, False, False, True, True, False, False, False]]


def test_what_is_no_depth_is_scored_as_the_cap() -> None:
    predicted_m = np.array([np.nan, 0, -3, np.inf, 12, 1e-5, 4], np.float32)
    assert Protocol(max_m=10.0).clip(predicted_m) == pytest.approx([10, 10, 10, 10, 10, 1e-3, 4])

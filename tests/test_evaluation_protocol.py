"""Which pixels count, by protocol."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.datasets.protocol import Protocol, crop_window
from mfh.errors import InputError


def test_the_eigen_crop_leaves_rows_45_to_470_and_columns_41_to_600() -> None:
    assert crop_window("eigen", (480, 640)) == (slice(45, 471), slice(41, 601))
    counted = Protocol(max_m=10.0, crop="eigen").valid(np.ones((480, 640), np.float32))
    assert counted.sum() == counted[45:471, 41:601].sum() == (471 - 45) * (601 - 41)


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
    assert Protocol(max_m=10.0).scored(predicted_m) == pytest.approx([10, 10, 10, 10, 10, 1e-3, 4])
    assert np.isnan(predicted_m[0]), "a copy is clipped"


def test_a_range_from_zero_is_clipped_to_what_has_a_logarithm() -> None:
    protocol = Protocol(max_m=10.0, min_m=0.0)
    assert protocol.scored(np.array([1e-9, 0, 20])) == pytest.approx([1e-3, 10, 10])
    line_m = np.array([-2.0, 3, np.inf])
    protocol.clip(line_m)
    assert line_m.tolist() == [1e-3, 3, 10]


def test_the_eigen_crop_of_kitti_is_in_fractions() -> None:
    # 0.3324324 * 375 = 124.66, 0.91351351 * 375 = 342.57; 0.0359477 * 1242 = 44.65, 0.96405229 *
    # 1242 = 1197.35. In the KB crop: 117.02, 321.56; 43.71, 1172.29.
    assert crop_window("eigen-kitti", (375, 1242)) == (slice(124, 342), slice(44, 1197))
    assert crop_window("eigen-kitti", (352, 1216)) == (slice(117, 321), slice(43, 1172))

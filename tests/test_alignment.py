"""Alignment of painted disparity: planted answers, the reference's vectors, dropped photos."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.disparity.alignment import align, align_painted
from mfh.errors import InputError
from mfh.records import Disparity


def strip(shape, left, right):
    mask = np.zeros(shape, bool)
    mask[:, left:right] = True
    return mask


def test_recovers_a_planted_affine_whatever_is_in_the_strip():
    rng = np.random.default_rng(1)
    photo = rng.uniform(3, 9, (30, 40))
    mask = np.stack([strip((30, 40), 5, 15), strip((30, 40), 20, 38)])
    painted = (photo - np.array([0.7, -2.0])[:, None, None]) / np.array([1.5, 0.25])[:, None, None]
    painted = np.where(mask, 1e3, painted)
    scale, offset = align(painted, photo, mask)
    np.testing.assert_allclose(scale, [1.5, 0.25], rtol=1e-12)
    np.testing.assert_allclose(offset, [0.7, -2.0], rtol=1e-10)
    single = align(painted[0], photo, mask[0])
    assert single == (pytest.approx(1.5), pytest.approx(0.7))


def test_agrees_with_the_reference_and_leaves_no_larger_residual(shared):
    vectors = np.load(shared / "vectors" / "metric_head.npz")
    photo, painted = vectors["disparity"].astype(float), vectors["painted_disparity"].astype(float)
    mask = vectors["painted_mask"]
    scale, offset = align(painted, photo, mask)
    expected_scale, expected_offset = vectors["align"].T
    np.testing.assert_allclose(scale, expected_scale, rtol=1e-4)
    # An offset near zero is a small difference of large numbers, which the reference takes in
    # float32; what counts is the aligned disparity.
    ours = scale[:, None, None] * painted + offset[:, None, None]
    theirs = expected_scale[:, None, None] * painted + expected_offset[:, None, None]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    for n in range(len(painted)):
        outside = ~mask[n]
        residual = np.square(ours[n] - photo)[outside].sum()
        assert residual <= np.square(theirs[n] - photo)[outside].sum() * (1 + 1e-12)


def test_clipped_pixels_take_no_part():
    photo = np.linspace(1, 4, 100).reshape(10, 10)
    painted = photo / 2
    photo[0], painted[1] = 0, 0
    scale, offset = align(painted, photo, np.zeros((10, 10), bool))
    assert scale == pytest.approx(2)
    assert offset == pytest.approx(0, abs=1e-12)


def test_drops_what_cannot_be_aligned_and_says_why():
    photo = np.linspace(1, 4, 100, dtype=np.float32).reshape(1, 10, 10)
    painted = np.concatenate([2 * photo, -photo + 9, np.full_like(photo, 3)])
    images = np.concatenate([photo, painted])
    result = align_painted(Disparity(images), np.zeros(images.shape, bool))
    assert result.kept.tolist() == [True, True, False, False]
    assert result.reason == ("", "", "alignment scale not positive", "nothing to align by")
    assert (result.scale[0], result.offset[0]) == (1, 0)
    np.testing.assert_array_equal(result.values[0], photo[0])
    np.testing.assert_allclose(result.values[1], photo[0], rtol=1e-6)
    assert np.isfinite(result.values).all()


def test_a_strip_that_covers_the_photo_leaves_nothing_to_align_by():
    photo = np.ones((4, 5)) + np.arange(5)
    scale, _ = align(photo, photo, np.ones((4, 5), bool))
    assert np.isnan(scale)


def test_refuses_arrays_that_do_not_belong_together():
    with pytest.raises(InputError, match="do not belong together"):
        align(np.ones((2, 4, 5)), np.ones((4, 6)), np.zeros((2, 4, 5)))

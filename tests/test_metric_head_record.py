"""What a fitted metric head says of disparity: depth, and how far that may be off."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mfh.records import MetricHead, Space

COVARIANCE = np.array([[4e-4, -2e-4], [-2e-4, 9e-4]])


def head(space: Space = "disparity", covariance: object = COVARIANCE) -> MetricHead:
    return MetricHead(
        scale=0.5,
        offset=-0.25,
        space=space,
        method="robust",
        loss=0.0,
        relative_error=0.1,
        used=np.ones(2, np.bool_),
        status="converged",
        covariance=np.asarray(covariance, np.float64),
        disparity_error=0.05,
    )


def test_depth_in_either_space() -> None:
    disparity = [2.5, 1.0, 0.5, 0.1, np.nan]
    assert head().apply(2.5) == 1.0
    np.testing.assert_array_equal(head().apply(disparity), [1, 4, np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(head("depth").apply(disparity), [1, 0.25, np.nan, np.nan, np.nan])


@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_the_error_is_that_of_drawn_heads(space: Space) -> None:
    """To first order in the errors of scale and offset, here made a tenth of the planted ones."""
    planted = replace(head(space, COVARIANCE / 100), disparity_error=0.0)
    drawn = np.random.default_rng(0).multivariate_normal([0, 0], planted.covariance, 20_000)
    disparity = np.array([1.0, 2.5, 10.0])
    depth_m = (planted.scale + drawn[:, :1]) * disparity + planted.offset + drawn[:, 1:]
    if space == "disparity":
        depth_m = 1 / depth_m
    np.testing.assert_allclose(
        planted.relative_error_of(disparity),
        depth_m.std(axis=0) / planted.apply(disparity),
        rtol=0.02,
    )
    of_pixel = replace(planted, disparity_error=0.05).relative_error_of(disparity)
    expected = np.hypot(planted.relative_error_of(disparity), 0.05)
    np.testing.assert_allclose(of_pixel, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("space", "expected"),
    [("disparity", [np.inf, np.inf, np.nan]), ("depth", [np.nan, np.nan, np.nan])],
)
def test_the_error_is_unknown_or_infinite_where_depth_is(
    space: Space, expected: list[float]
) -> None:
    without_depth = [0.5, 0.1, np.nan]
    np.testing.assert_array_equal(head(space).apply(without_depth), expected)
    np.testing.assert_array_equal(head(space).relative_error_of(without_depth), expected)
    assert np.isfinite(head(space).relative_error_of(1.0))
    unknown = head(space, np.full((2, 2), np.nan))
    assert np.isnan(unknown.relative_error_of([1.0, 0.1])).all()


def test_any_shape_comes_back_in_single_precision() -> None:
    disparity = np.random.default_rng(1).uniform(1, 9, (3, 700, 501)).astype(np.float32)
    for given in (disparity, disparity[0, ::2, ::-3], disparity[0, 0, 0], disparity[:0]):
        for values in (head().apply(given), head().relative_error_of(given)):
            assert (values.shape, values.dtype) == (np.shape(given), np.float32)
    alone = [head().apply(value) for value in disparity[1, 5, :9]]
    np.testing.assert_array_equal(head().apply(disparity)[1, 5, :9], alone)


def test_which_head_knows_its_error() -> None:
    assert head().knows_error
    assert not head(covariance=[[1e-4, np.nan], [np.nan, 1e-4]]).knows_error
    assert not replace(head(), relative_error=np.nan).knows_error


PROGRAM = """
import numpy as np
from peak_memory import peak_bytes
from test_metric_head_record import head
disparity = np.full((6048, 8064), 2.5, np.float32)
before = peak_bytes()
for values in (head().apply, head().relative_error_of):
    assert np.isfinite(values(disparity)).all()
print((peak_bytes() - before) / disparity.nbytes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not report peak memory this way")
def test_48_megapixels_take_little_more_memory_than_their_result() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The result, and a quarter as much for whether it is finite.
    assert float(done.stdout) < 1.5

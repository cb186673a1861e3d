"""The metric head: planted answers, the reference's vectors, degenerate inputs."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.errors import InputError, NoLandmarksError
from mfh.head import fit
from mfh.head.losses import loss
from mfh.records import MetricHead

METHODS = ["silog", "log_l2", "l1", "l2"]


def planted(scale=0.03, offset=-0.2, *, space="disparity", seed=0, noise=0.0):
    """Two images of 40 x 50 px with people whose depth follows a known head."""
    rng = np.random.default_rng(seed)
    d = rng.uniform(12, 40, (2, 40, 50)).astype(np.float32)
    metric = scale * d.astype(np.float64) + offset
    depth = 1 / metric if space == "disparity" else metric
    depth *= np.exp(noise * rng.standard_normal(depth.shape))
    known = np.zeros(d.shape, bool)
    known[:, 10:30, 20:35] = True
    return d, np.where(known, depth, np.nan)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_recovers_a_planted_head(method, space):
    d, depth = planted(space=space)
    head = fit(d, depth, method=method, space=space)
    assert head.scale == pytest.approx(0.03, rel=1e-4)
    assert head.offset == pytest.approx(-0.2, rel=1e-3)
    assert head.status == "converged"
    known = np.isfinite(depth)
    np.testing.assert_allclose(head.apply(d)[known], depth[known], rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_recovers_a_planted_scale_alone(method):
    d, depth = planted(offset=0.0)
    head = fit(d, depth, method=method, fit_offset=False)
    assert head.offset == 0
    assert head.scale == pytest.approx(0.03, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_recovers_a_planted_offset_alone(method):
    d, depth = planted(scale=1.0, offset=3.0)
    head = fit(d, depth, method=method, fit_scale=False)
    assert head.scale == 1
    assert head.offset == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize("name", [*METHODS, "silog_scale_only", "silog_offset_only"])
def test_reaches_or_beats_the_reference_loss(shared, name):
    vectors = np.load(shared / "vectors" / "metric_head.npz")
    scale, offset = vectors["align"].T[:, :, None, None]
    aligned = scale * vectors["painted_disparity"] + offset
    depth = np.where(vectors["person_mask"], vectors["person_depth"], np.nan)
    head = fit(
        aligned,
        depth,
        method=name.split("_s")[0].split("_o")[0],
        fit_scale=not name.endswith("offset_only"),
        fit_offset=not name.endswith("scale_only"),
    )
    reference = float(vectors[f"{name}_loss"])
    assert head.loss <= reference * (1 + 1e-6)
    # The loss reported is the loss of the head returned.
    known = np.isfinite(depth)
    recomputed = loss(head.method, head.scale, head.offset, aligned[known], 1 / depth[known])
    assert recomputed == pytest.approx(head.loss, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_no_nearby_head_has_a_lower_loss(method):
    d, depth = planted(noise=0.1)
    head = fit(d, depth, method=method)
    known = np.isfinite(depth)
    x, y = d[known].astype(float), 1 / depth[known]
    for factor in (1 - 1e-3, 1 + 1e-3):
        assert loss(method, head.scale * factor, head.offset, x, y) >= head.loss * (1 - 1e-9)
        assert loss(method, head.scale, head.offset * factor, x, y) >= head.loss * (1 - 1e-9)


def test_silog_loss_is_the_formula():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.5, 2.0])
    g = np.log(x + 1e-7) - np.log(y + 1e-7)
    expected = 10 * np.sqrt(np.sum((g - g.mean()) ** 2) / 2 + 0.15 * g.mean() ** 2)
    assert loss("silog", 1.0, 0.0, x, y) == pytest.approx(expected, rel=1e-12)


def test_landmarks_at_one_depth_hold_the_offset():
    d = np.full((1, 20, 20), 8.0)
    depth = np.full((1, 20, 20), np.nan)
    depth[0, 5:10, 5:10] = 4.0
    head = fit(d, depth, method="silog")
    assert head.status == "offset held"
    assert head.offset == 0
    assert head.apply(8.0) == pytest.approx(4.0, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_single_pixel_gives_the_scale(method):
    depth = np.full((1, 4, 4), np.nan)
    depth[0, 1, 2] = 4.0
    head = fit(np.full((1, 4, 4), 8.0), depth, method=method)
    assert head.status == "offset held"
    assert head.apply(8.0) == pytest.approx(4.0, rel=1e-6)


def test_every_depth_needs_an_owner():
    d, depth = planted()
    with pytest.raises(InputError, match="owner is negative"):
        fit(d, depth, np.full(d.shape, -1))


def test_a_fit_that_swaps_near_and_far_holds_the_offset():
    d, depth = planted(scale=-0.01, offset=0.6)
    head = fit(d, depth, method="silog")
    assert head.status == "offset held"
    assert head.scale > 0


@pytest.mark.parametrize("method", ["robust", "silog"])
@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_values_that_run_the_other_way_round_are_refused(space, method):
    rng = np.random.default_rng(4)
    depth = np.full((10, 12, 12), np.nan)
    depth[:, 3:9, 3:9] = rng.uniform(2, 9, (10, 1, 1)) * rng.normal(1, 0.02, (10, 6, 6))
    metric = depth if space == "disparity" else 1 / depth
    given = np.nan_to_num(5 * metric + 1)
    with pytest.raises(InputError, match="run the other way round"):
        fit(given, depth, method=method, space=space)
    # Too few people to tell it from chance.
    head = fit(given[:4], depth[:4], method=method, space=space)
    assert head.scale > 0
    assert head.status == ("offset held" if method == "silog" else "converged")


def test_relative_error_is_the_standard_error_of_the_votes():
    d, depth = (np.concatenate([each, each]) for each in planted(offset=0.0))
    votes = np.array([0.1, -0.1, 0.05, 0.02])
    depth = depth * np.exp(votes)[:, None, None]
    head = fit(d, depth, method="silog", fit_offset=False)
    assert head.relative_error == pytest.approx(votes.std(ddof=1) / np.sqrt(4), rel=1e-6)
    owner = np.where(np.isfinite(depth), 0, -1)
    assert fit(d, depth, owner, method="silog", fit_offset=False).used.tolist() == [True] * 4
    # That three agree may be chance.
    assert np.isnan(fit(d[:3], depth[:3], method="silog").relative_error)


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_leaves_open_what_the_user_may_expect(method):
    head = fit(*planted(noise=0.1), method=method)
    assert np.isnan(head.covariance).all()
    assert np.isnan(head.shared_error)
    assert head.disparity_error == 0


@pytest.mark.parametrize("method", ["robust", "silog"])
def test_two_owners_of_one_image_vote_apart(method):
    d, depth = planted(offset=0.0)
    d, depth = d[:1], depth[:1]
    owner = np.where(np.isfinite(depth), 0, -1)
    owner[0, 20:30, 20:35] = 1
    assert len(fit(d, depth, owner, method=method).used) == 2


@pytest.mark.parametrize("method", ["robust", "silog"])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda d, z: (d, np.full_like(z, np.nan)), NoLandmarksError, "no pixel has a known depth"),
        (lambda d, z: (d[:, :5], z), InputError, "same"),
        (lambda d, z: (d[0], z[0]), InputError, r"\(N, H, W\)"),
        (lambda d, z: (d, -z), InputError, "positive"),
        (lambda d, z: (d * np.nan, z), InputError, "NaN or infinite"),
    ],
)
def test_refuses_bad_arrays(change, error, message, method):
    with pytest.raises(error, match=message):
        fit(*change(*planted()), method=method)


def test_refuses_unknown_options():
    d, depth = planted()
    with pytest.raises(InputError, match="silog"):
        fit(d, depth, method="sillog")
    with pytest.raises(InputError, match="both off"):
        fit(d, depth, fit_scale=False, fit_offset=False)


def test_a_head_calls_what_lies_beyond_its_range_infinitely_far():
    head = MetricHead(0.1, -0.5, "disparity", "silog", 0.0, 0.1, np.ones(1, bool), "converged")
    np.testing.assert_array_equal(head.apply([4.0, 5.0, 15.0]), np.float32([np.inf, np.inf, 1.0]))

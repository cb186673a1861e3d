"""Heads fitted in the space that is not the model's, and disparity that is not aligned."""

from __future__ import annotations

import numpy as np
import planted
import pytest

import mfh
from mfh.disparity import unaligned
from mfh.errors import InputError, NoLandmarksError, SettingsError
from mfh.head import LandmarkHead, fit
from mfh.head.fitting import fit_either_way
from mfh.head.spaces import inverted
from mfh.records import Disparity, Landmarks
from mfh.settings import settings_from


def landmarks(depth_m, owner=None):
    known = np.isfinite(depth_m)
    owner = np.where(known, 0, -1) if owner is None else owner
    return Landmarks(depth_m, owner.astype(np.int16), np.ones(int(owner.max()) + 1, np.float32))


def image(seed=0):
    """Relative disparity and the depth that is 3 / d + 0.5, some of it unknown."""
    rng = np.random.default_rng(seed)
    d = rng.uniform(0.5, 4, (1, 20, 30)).astype(np.float32)
    depth_m = 3 / d[0] + 0.5
    depth_m[rng.random(depth_m.shape) < 0.7] = np.nan
    return d, depth_m.astype(np.float32)


@pytest.mark.parametrize("method", ["silog", "log_l2", "l1", "l2"])
def test_a_disparity_model_is_fitted_to_depth_by_its_inverse(method):
    d, depth_m = image()
    head = LandmarkHead(method, space="depth").fit(unaligned(Disparity(d)), [landmarks(depth_m)])
    assert head.space == "depth"
    assert head.scale == pytest.approx(3, rel=1e-3)
    assert head.offset == pytest.approx(0.5, abs=1e-3)
    known = np.isfinite(depth_m)
    np.testing.assert_allclose(head.apply(inverted(d))[0][known], depth_m[known], rtol=1e-3)


def test_a_depth_model_is_fitted_to_disparity_by_its_inverse():
    d, depth_m = image()
    relative = Disparity(1 / d, "depth")
    true = 1 / (0.2 * d[0] + 0.1)
    depth_m = np.where(np.isnan(depth_m), np.nan, true)
    head = LandmarkHead("silog", space="disparity").fit(unaligned(relative), [landmarks(depth_m)])
    assert (head.space, head.scale, head.offset) == (
        "disparity",
        pytest.approx(0.2, rel=1e-4),
        pytest.approx(0.1, rel=1e-3),
    )


def test_the_models_own_space_changes_nothing():
    d, depth_m = image()
    aligned, known = unaligned(Disparity(d)), [landmarks(depth_m)]
    heads = [LandmarkHead("silog", space=s).fit(aligned, known) for s in ("model", "disparity")]
    assert (heads[0].scale, heads[0].offset) == (heads[1].scale, heads[1].offset)


def test_only_in_the_other_space_a_scale_may_be_negative():
    """The reference's optimiser is free to find one; the model's own space is not turned round."""
    d, _ = image()
    depth_m = (1 + 0.4 * d).astype(np.float32)
    owner = np.arange(d.size).reshape(d.shape) % 4
    head = LandmarkHead("silog", space="depth").fit(
        unaligned(Disparity(d)), [landmarks(depth_m[0], owner[0])]
    )
    assert (head.status, head.scale < 0) == ("converged", True)
    held = fit(1 / d, depth_m, owner, method="silog", space="depth")
    assert (held.status, held.scale > 0) == ("offset held", True)
    either = {"method": "silog", "space": "depth", "fit_scale": True, "fit_offset": True}
    assert fit_either_way(1 / d, depth_m, owner, **either).scale == pytest.approx(head.scale)


def test_pixels_without_an_inverse_take_no_part():
    d, depth_m = image()
    owner = np.where(np.isfinite(depth_m), 0, -1)
    owner[:2] = np.where(owner[:2] == 0, 1, -1)
    d[0, :2] = 0
    depth_m[:2] = np.where(np.isfinite(depth_m[:2]), 99, np.nan)
    aligned = unaligned(Disparity(d))
    head = LandmarkHead("silog", space="depth").fit(aligned, [landmarks(depth_m, owner)])
    assert head.scale == pytest.approx(3, rel=1e-3)
    assert head.used.tolist() == [True, False]
    nothing = unaligned(Disparity(0 * d))
    with pytest.raises(NoLandmarksError, match="no landmark lies where the relative disparity"):
        LandmarkHead("silog", space="depth").fit(nothing, [landmarks(depth_m, owner)])


def test_the_robust_head_keeps_to_the_models_space():
    with pytest.raises(SettingsError, match=r"head_space is 'depth'; accepted: model, with head_"):
        settings_from(head_space="depth")
    with pytest.raises(SettingsError, match="accepted: model, disparity, depth"):
        settings_from("paper", head_space="inverse")
    with pytest.raises(InputError, match='"robust" is fitted in the space of the relative model'):
        LandmarkHead("robust", space="depth")


def run(world, folder=None, progress=None, **changes):
    settings = settings_from("paper", paintings=6, **changes)
    method = mfh.MetricFromHuman(world, world, world, settings=settings)
    return method.run(planted.photo(), folder=folder, progress=progress)


def test_without_alignment_disparity_is_used_as_it_is():
    """The planted model's output for painted photos is in scales of their own."""
    aligned, raw = (run(planted.World(), strip_min_ratio=0.6, align=a) for a in (True, False))
    assert raw.aligned.kept.all()
    assert raw.aligned.scale.tolist() == [1.0] * 7
    np.testing.assert_array_equal(raw.aligned.values, raw.disparity.values)
    truth = planted.scene_depth()
    right, wrong = (np.abs(np.log(each.depth.depth_m / truth)).mean() for each in (aligned, raw))
    assert right < 0.02
    assert wrong > 0.2


def test_runs_that_differ_in_it_share_everything_before(tmp_path):
    run(planted.World(), tmp_path)
    progress, world = planted.Notes(), planted.World()
    run(world, tmp_path, progress, align=False, head_space="depth")
    assert not world.painted
    for stage in ("painted", "people", "landmarks", "disparity"):
        assert progress.notes[stage] == "reused"
    assert progress.notes["aligned"] == "recomputed: align true -> false"
    assert progress.notes["head"].startswith("recomputed")


def test_a_whole_run_in_depth_space():
    """Its disparity has an offset, which no affine of the inverse undoes: near is still near."""
    result = run(planted.World(), head_space="depth")
    assert result.head.space == "depth"
    depth_m = result.depth.depth_m
    assert np.isfinite(depth_m).all()
    assert np.corrcoef(depth_m.ravel(), planted.scene_depth().ravel())[0, 1] > 0.95

"""What each person is worth: cues mean what they say, and learning finds what is there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mfh.records import Intrinsics

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import person_worth
from metric_heads import cues, worth
from metric_heads.cases import FIRST_SEED, Case
from metric_heads.people import Scene, observe
from metric_heads.worth import CUES, Sample, learn
from metric_heads.worth_gains import NOTHING, as_weight, gains_of, learn_all, paired
from metric_heads.worth_tables import correlation, sections

_CAMERA = Intrinsics(100, 100, 50, 40, 80, 100)
_OCTAHEDRON = np.array(
    [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32
)
_ITS_FACES = np.array([[x, y, z] for x in (0, 1) for y in (2, 3) for z in (4, 5)], np.int32)


@pytest.fixture(scope="module")
def seen() -> Scene:
    return observe(Case("room", "clean people", FIRST_SEED + 2, 120))


def test_agreement_of_a_mask_and_a_silhouette() -> None:
    mask, silhouette = np.zeros((2, 10, 10), np.bool_)
    mask[2:6, 2:6] = True
    silhouette[2:6, 4:9] = True
    iou, shown, within = cues.agreement(mask, silhouette)
    assert (iou, shown, within) == (8 / 28, 8 / 20, 8 / 16)
    assert cues.overlap_of_two(mask, silhouette) == 8 / 16
    assert cues.agreement(mask & silhouette, np.zeros_like(mask)) == (0, 0, 0)
    assert cues.overlap_of_two(mask, np.zeros_like(mask)) == 0


def test_slenderness_of_what_is_three_times_as_high_as_wide() -> None:
    stretched = _OCTAHEDRON * np.array([1, 3, 1], np.float32) + np.float32(4)
    assert cues.slenderness(_OCTAHEDRON, _ITS_FACES) == pytest.approx(1, abs=1e-6)
    assert cues.slenderness(stretched, _ITS_FACES) == pytest.approx(3, rel=1e-5)


def test_relief_finds_a_planted_slope() -> None:
    depth_m = np.linspace(2.0, 2.3, 50)
    noise = 0.02 * np.random.default_rng(0).standard_normal(50)
    correlation, slope = cues.relief(7 / depth_m + 3 + noise, depth_m)
    assert correlation > 0.95
    assert slope == pytest.approx(7, rel=0.1)
    assert cues.relief(-depth_m, 1 / depth_m)[0] == pytest.approx(-1)
    assert np.isnan(cues.relief(depth_m, np.full(50, 2.0))).all()


def test_tilt_is_away_from_what_most_take_for_up() -> None:
    lean = np.radians([0, 0, 10, 0, 0])
    up = np.stack([np.sin(lean), -np.cos(lean), np.zeros(5)], axis=1)
    up[1] = np.nan
    found = worth.tilt_deg(up)
    np.testing.assert_allclose(found[[0, 2]], [0, 10], atol=1e-6)
    assert np.isnan(found[1])


def test_two_in_one_painting_disagree_and_one_alone_does_not() -> None:
    found = worth.disagreement(np.array([0.1, 0.5, -0.1, 0.3]), np.array([0, 1, 1, 2]))
    np.testing.assert_allclose(found, [np.nan, 0.6, 0.6, np.nan])


def _planted(count: int = 4000) -> Sample:
    """Errors of which cue 0 tells the doubt (b = 1.5), cue 1 the scatter (c = 0.5), 2 nothing."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, 3))
    good = rng.uniform(size=count) < 1 / (1 + np.exp(-(1.5 + 1.5 * x[:, 0])))
    own = 0.15 * np.exp(0.5 * x[:, 1])
    error = rng.standard_normal(count) * np.where(good, own, np.hypot(0.6, own))
    return Sample(np.array([5, 0.1, 2]) * x + 7, error, np.arange(count) % 2)


def test_learning_finds_what_was_planted() -> None:
    both = learn(_planted(), [0, 1, 2], odds=True, error=True)
    np.testing.assert_allclose(both.of_odds, [1.5, 0, 0], atol=0.25)
    np.testing.assert_allclose(both.of_error, [0, 0.5, 0], atol=0.08)
    np.testing.assert_allclose(both.mean, 7, atol=0.2)
    assert both.likelihood > learn(_planted(), [2], odds=True).likelihood + 0.1


def test_a_head_is_told_less_of_whom_cues_speak_against(seen: Scene) -> None:
    votes = seen.votes(4)
    told = learn(_planted(), [0], odds=True).told(votes, np.full((len(votes.weight), 3), 7.0))
    assert (told.weight > 0.9).all()
    cue = np.full((len(votes.weight), 3), np.nan)
    cue[:3, 0] = -5.0, 7.0, 25.0
    weight = learn(_planted(), [0], odds=True).told(votes, cue).weight
    assert 0 < weight[0] < 0.5 < weight[1] <= weight[2] == 1
    np.testing.assert_allclose(weight[3:], weight[1], atol=0.01)
    cue[:3, 1] = 6.9, 7.0, 7.1
    own = learn(_planted(), [1], error=True).told(votes, cue).relative_error
    np.testing.assert_allclose(own[:3], 0.19 * np.exp([-0.5, 0, 0.5]), rtol=0.1)


def test_who_is_measured_without_error_has_none(seen: Scene) -> None:
    count = len(seen.error)
    assert seen.paintings >= 30
    assert seen.cues.shape == (count, 8)
    assert np.abs(seen.error).max() < 0.02
    assert np.abs(seen.vote_error).std() > 2 * np.abs(seen.error).std()
    iou, shown, within = seen.cues[:, 1:4].T
    assert within.min() > 0.95
    np.testing.assert_allclose(iou, shown, atol=0.05)
    assert set(seen.outcome) == {"person"}
    assert not seen.overlap.any()


def test_a_kept_scene_is_the_same(seen: Scene, tmp_path: Path) -> None:
    seen.save(tmp_path / "scene.npz")
    again = Scene.load(tmp_path / "scene.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["scene.npz"]
    assert (again.errors, again.seed) == (seen.errors, seen.seed)
    np.testing.assert_array_equal(again.cues, seen.cues)
    np.testing.assert_array_equal(again.outcome, seen.outcome)


def test_the_worst_tenth_of_a_cue_is_that_of_its_worse_end() -> None:
    cue = np.append(np.arange(100.0), np.nan)
    error = np.append(np.where(np.arange(100) < 11, -0.4, 0.1), 9.0)
    low = correlation(cue, error, "low")
    assert (low.people, low.worst, low.best, low.mean) == pytest.approx((100, 0.4, 0.1, -0.4), 0.1)
    high = correlation(cue, error, "high")
    assert (high.worst, high.best, high.mean) == pytest.approx((0.1, 0.4, 0.1), 0.1)
    assert low.spearman == high.spearman < 0


def test_differences_are_of_pairs() -> None:
    change, error = paired([0.2, 0.4, 0.6], [0.1, 0.2, 0.3])
    assert change == pytest.approx(0.2)
    assert error == pytest.approx(0.1 / np.sqrt(3))


@pytest.mark.slow
def test_every_cue_gets_its_figures(seen: Scene) -> None:
    """Two scenes are enough for a table, though not to learn from."""
    scenes = [seen, observe(Case("room", "clean people", FIRST_SEED + 4, 120))]
    assert worth.cues_of_all(seen, 4).shape == (int(seen.first(4).sum()), len(CUES))
    rng = np.random.default_rng(0)
    cue: NDArray[np.float64] = rng.standard_normal((200, len(CUES)))
    learned = learn_all(Sample(cue, 0.2 * rng.standard_normal(200), np.zeros(200, np.int64)))
    gains = gains_of(scenes, learned)
    assert 0 < gains.mean("clean people", 4, NOTHING) < 0.3
    assert abs(gains.difference("clean people", 8, as_weight(CUES[0]), NOTHING)[0]) < 0.1
    text = "\n".join(sections(scenes, gains, learned, 0.0))
    assert all(text.count(f"| {cue} |") >= 3 for cue in CUES)


def test_only_what_is_between_the_marks_is_written() -> None:
    begin, end = "<!-- tables: begin -->", "<!-- tables: end -->"
    text = person_worth.put_between_marks(f"before\n{begin}\nold\n{end}\nafter\n", "new")
    assert text == f"before\n{begin}\nnew\n{end}\nafter\n"
    with pytest.raises(ValueError, match="expected the lines"):
        person_worth.put_between_marks("no marks", "new")

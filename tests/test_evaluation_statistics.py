"""Means of scores, their intervals, and comparisons of rows."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from planted_run import photo_score

from mfh.errors import InputError
from mfh.evaluation.scoring.scores import NOT_PREDICTED, PhotoScore
from mfh.evaluation.scoring.statistics import _draws, common_photos, compare, row_scores


def _row(row: str, values: np.ndarray, seed: int = 0) -> list[PhotoScore]:
    return [photo_score(row, seed, f"p{i}", abs_rel=float(x)) for i, x in enumerate(values)]


def _names(count: int) -> list[str]:
    return [f"p{i}" for i in range(count)]


def test_the_mean_is_over_photos_of_the_mean_over_seeds() -> None:
    scores = [
        photo_score("a", 0, "x", abs_rel=0.1),
        photo_score("a", 1, "x", abs_rel=0.3),
        photo_score("a", 0, "y", abs_rel=0.5),
        photo_score("a", 1, "y", abs_rel=0.3),
    ]
    (row,) = row_scores(scores, ["x", "y"])
    mean = row.means["abs_rel"]
    assert row.count == 2
    assert mean.value == pytest.approx((0.2 + 0.4) / 2)
    # Both seeds come to 0.3: nothing differs between them.
    assert mean.seed_std == pytest.approx(0)
    assert math.isnan(row.means["seconds"].value)


def test_the_interval_over_seeds_is_students() -> None:
    scores = [
        photo_score("a", seed, "x", abs_rel=x) for seed, x in enumerate([0.1, 0.2, 0.3, 0.2, 0.2])
    ]
    mean = row_scores(scores, ["x"])[0].means["abs_rel"]
    # t of 4 degrees of freedom at 97.5 % is 2.776445; the standard deviation is sqrt(0.005).
    reach = 2.776445 * math.sqrt(0.005) / math.sqrt(5)
    assert mean.seeds == pytest.approx((0.2 - reach, 0.2 + reach), rel=1e-6)
    assert mean.seed_std == pytest.approx(math.sqrt(0.005))
    assert all(map(math.isnan, mean.photos))  # one photo tells nothing of others


def test_the_interval_over_photos_is_that_of_planted_normal_data() -> None:
    values = np.random.default_rng(4).normal(0.2, 0.05, 400)
    low, high = row_scores(_row("a", values), _names(400))[0].means["abs_rel"].photos
    reach = 1.96 * values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - reach, abs=0.15 * reach)
    assert high == pytest.approx(values.mean() + reach, abs=0.15 * reach)


def test_the_interval_over_photos_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(150):
        photos = (
            row_scores(_row("a", rng.normal(1, 0.5, 40)), _names(40))[0].means["abs_rel"].photos
        )
        covered += photos[0] <= 1 <= photos[1]
    # 95 % of 150 are 142 or so; the percentile bootstrap of 40 photos is a little too sure.
    assert 130 <= covered <= 149


def test_the_same_scores_in_another_order_give_the_same() -> None:
    scores = _row("a", np.linspace(0, 1, 30)) + _row("a", np.linspace(0, 2, 30), seed=1)
    assert str(row_scores(scores[::-1], _names(30))) == str(row_scores(scores, _names(30)))


def test_a_photo_that_failed_with_a_seed_does_not_count() -> None:
    scores = [
        photo_score("a", 0, "x", abs_rel=0.1),
        photo_score("a", 1, "x", abs_rel=0.1),
        photo_score("a", 0, "y", abs_rel=9),
        PhotoScore("a", 1, "y", {}, "nobody was found"),
        PhotoScore("b", 0, "x", {}, "no file"),
        photo_score("b", 0, "y", abs_rel=0.7),
    ]
    a, b = row_scores(scores, ["x", "y"])
    assert (a.row, a.count, a.failed) == ("a", 1, (("y", 1, "nobody was found"),))
    assert a.means["abs_rel"].value == pytest.approx(0.1)
    assert (b.count, b.failed) == (1, (("x", 0, "no file"),))
    assert common_photos(scores) == []


def test_few_photos_or_seeds_have_no_interval() -> None:
    def intervals(photos: int, seeds: int) -> tuple[bool, bool]:
        scores = [
            photo_score("a", seed, f"p{i}", abs_rel=0.1 * i + 0.01 * seed)
            for seed in range(seeds)
            for i in range(photos)
        ]
        mean = row_scores(scores, _names(photos))[0].means["abs_rel"]
        assert math.isfinite(mean.seed_std) == (seeds > 1)
        return math.isfinite(mean.photos[0]), math.isfinite(mean.seeds[0])

    assert intervals(4, 2) == (False, False)
    assert intervals(5, 2) == (True, False)
    assert intervals(4, 3) == (False, True)
    few = compare(_row("a", np.full(4, 0.1)) + _row("b", np.full(4, 0.2)), "a", "b")["abs_rel"]
    assert (few.count, few.mean, few.better) == (4, pytest.approx(-0.1), None)
    assert math.isnan(few.photos[0])


def test_rows_are_over_the_photos_asked_for() -> None:
    scores = _row("a", np.array([1.0, 2, 3])) + _row("b", np.array([5.0, 7]))
    assert common_photos(scores) == ["p0", "p1"]
    a, b = row_scores(scores, common_photos(scores))
    assert (a.count, b.count) == (2, 2)
    assert a.means["abs_rel"].value == 1.5
    assert b.means["abs_rel"].value == 6


def test_what_some_photos_lack_is_averaged_over_the_others() -> None:
    scores = [
        photo_score("a", 0, "x", relative_error=0.1, seconds=math.nan),
        photo_score("a", 0, "y", relative_error=math.nan, seconds=math.nan),
        photo_score("a", 0, "z", relative_error=0.3, seconds=math.nan),
    ]
    (row,) = row_scores(scores, ["x", "y", "z"])
    assert row.means["relative_error"].value == pytest.approx(0.2)
    # Three photos, but only two values.
    assert math.isnan(row.means["relative_error"].photos[0])
    assert math.isnan(row.means["seconds"].value)
    assert math.isnan(row.means["seconds"].photos[0])


def test_a_small_difference_shows_once_photos_are_paired() -> None:
    rng = np.random.default_rng(3)
    hard = rng.uniform(0.05, 0.6, 100)
    scores = _row("old", hard) + _row("new", hard - 0.01 + rng.normal(0, 0.01, 100))
    old, new = (each.means["abs_rel"] for each in row_scores(scores, _names(100)))
    assert old.photos[0] < new.photos[1]  # two intervals that overlap tell nothing
    difference = compare(scores, "new", "old")["abs_rel"]
    assert difference.count == 100
    assert difference.mean == pytest.approx(-0.01, abs=0.003)
    assert difference.photos[0] < difference.mean < difference.photos[1] < 0
    assert difference.better is True
    assert compare(scores, "old", "new")["abs_rel"].better is False


def test_better_is_higher_for_delta_and_open_where_the_interval_holds_zero() -> None:
    scores = [
        photo_score("a", 0, f"p{i}", delta1=0.9 + i / 1000, scale_error=0.1) for i in range(20)
    ]
    scores += [photo_score("b", 0, f"p{i}", delta1=0.8, scale_error=0.0) for i in range(20)]
    values = ("delta1", "abs_rel", "scale_error")
    better = {name: each.better for name, each in compare(scores, "a", "b", values).items()}
    assert better == {"delta1": True, "abs_rel": None, "scale_error": None}
    assert compare(scores, "b", "a", values)["delta1"].better is False


def test_a_comparison_without_photos_in_common_says_nothing() -> None:
    scores = [photo_score("a", 0, "x"), photo_score("b", 0, "y")]
    difference = compare(scores, "a", "b")["abs_rel"]
    assert difference.count == 0
    assert math.isnan(difference.mean)
    assert difference.better is None
    with pytest.raises(InputError, match="no scores of a row 'c'"):
        compare(scores, "a", "c")


def test_what_is_infinite_is_told_and_nothing_of_it_is_expected() -> None:
    """A method may expect an infinite error: the mean is that, and no warning is given."""
    scores = [
        photo_score("a", seed, f"p{i}", relative_error=math.inf if i else 0.1, abs_rel=0.1)
        for seed in (0, 1)
        for i in range(3)
    ]
    scores += [photo_score("b", 0, f"p{i}", relative_error=math.inf, abs_rel=0.2) for i in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        means = row_scores(scores, _names(3))[0].means["relative_error"]
        differences = compare(scores, "a", "b", ("relative_error", "abs_rel"))
    assert means.value == math.inf
    assert all(map(math.isnan, (*means.seeds, means.seed_std)))
    assert (differences["relative_error"].count, differences["abs_rel"].count) == (0, 3)


def test_what_was_not_tried_has_not_failed() -> None:
    scores = [
        photo_score("a", 0, "x"),
        PhotoScore("a", 0, "y", {}, "nobody was found"),
        PhotoScore("a", 0, "z", {}, NOT_PREDICTED),
    ]
    (row,) = row_scores(scores, ["x", "y", "z"])
    assert row.count == 1
    assert row.failed == (("y", 0, "nobody was found"),)
    assert row.not_predicted == (("z", 0),)


def test_the_versions_that_predicted_are_told() -> None:
    versions = {"x": "0.3.0", "y": "0.2.1", "z": "", "w": "0.3.0"}
    scores = [
        replace(photo_score("a", 0, name), version=version) for name, version in versions.items()
    ]
    assert row_scores(scores, list(versions))[0].versions == ("0.2.1", "0.3.0")
    assert row_scores(scores, ["x", "w"])[0].versions == ("0.3.0",)


def test_the_draws_are_made_once() -> None:
    assert _draws(7) is _draws(7)
    with pytest.raises(ValueError, match="read-only"):
        _draws(7)[0, 0] = 1

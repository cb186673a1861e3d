"""Each error of the simulation, alone, does what it says and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_room import disparity_of, line_through, people_of, plan_of, room, scenes_of

from mfh.records import PaintingPlan


def test_prompts_are_followed() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 3)
    as_men, as_women = (
        PaintingPlan(plan.repainted, (prompt,) * 3, plan.seeds) for prompt in ("a man", "a woman")
    )
    tall, less_tall = (
        np.mean([np.ptp(p.vertices_m[0, :, 1]) for p in people_of(photo, depth_m, which)])
        for which in (as_men, as_women)
    )
    assert tall > less_tall
    assert all(people_of(photo, depth_m, PaintingPlan(plan.repainted, ("a fox",) * 3, plan.seeds)))


def test_size_error_moves_the_measured_mesh_by_its_inverse() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 60)
    scenes = scenes_of(photo, depth_m, plan, person_size=0.17)
    people = people_of(photo, depth_m, plan, person_size=0.17)
    log_factors = []
    for scene, measured in zip(scenes, people, strict=True):
        for figure, vertices_m in zip(scene.figures, measured.vertices_m, strict=True):
            np.testing.assert_allclose(
                vertices_m * figure.size_factor, figure.vertices_m, rtol=1e-5
            )
            log_factors.append(np.log(figure.size_factor))
            usual = _height_m(vertices_m)
            assert 1.4 < usual < 2.1
            assert _height_m(figure.vertices_m) == pytest.approx(figure.size_factor * usual)
    assert len(log_factors) > 50
    assert np.std(log_factors) == pytest.approx(0.17, rel=0.25)
    assert abs(np.mean(log_factors)) < 0.06


def test_scene_bias_is_one_factor_for_all_paintings_and_another_for_each_photo() -> None:
    photo, depth_m = room(96, 128)
    plan = plan_of(photo, 3)
    biases = []
    for seed in range(60):
        factors = {
            figure.size_factor
            for scene in scenes_of(photo, depth_m, plan, seed, scene_size_bias=0.13)
            for figure in scene.figures
        }
        assert len(factors) == 1
        biases.append(np.log(factors.pop()))
    assert np.std(biases) == pytest.approx(0.13, rel=0.25)


def test_mesh_error_scales_the_mesh_about_the_camera() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 60)
    logs = []
    for scene, measured in zip(
        scenes_of(photo, depth_m, plan, mesh_scale=0.1),
        people_of(photo, depth_m, plan, mesh_scale=0.1),
        strict=True,
    ):
        ratio = measured.vertices_m[0] / scene.figures[0].vertices_m
        assert np.ptp(ratio) < 1e-4
        logs.append(np.log(ratio.mean()))
    assert np.std(logs) == pytest.approx(0.1, rel=0.25)


def test_nobody() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 3)
    assert [len(measured) for measured in people_of(photo, depth_m, plan, nobody=1)] == [0, 0, 0]
    for scene in scenes_of(photo, depth_m, plan, nobody=1):
        assert scene.outcome == "nobody"
        np.testing.assert_array_equal(scene.depth_m, depth_m)
    some = [s.outcome for s in scenes_of(photo, depth_m, plan_of(photo, 60), nobody=0.3)]
    assert 9 <= some.count("nobody") <= 28


def test_things_fool_the_detector_now_and_then_and_put_people_where_they_are_not() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 40)
    scenes = scenes_of(photo, depth_m, plan, non_human=1)
    people = people_of(photo, depth_m, plan, non_human=1)
    things = [(s, p) for s, p in zip(scenes, people, strict=True) if s.outcome == "thing"]
    fooled = [(s.figures[0], p) for s, p in things if len(p)]
    assert len(things) > 30
    assert 0.25 < len(fooled) / len(things) < 0.75
    for figure, measured in fooled:
        np.testing.assert_array_equal(measured.mask[0], figure.visible)
        assert 1.4 < _height_m(measured.vertices_m[0]) < 2.1
        # Both have the same height in the image.
        tops = [
            (points[:, 1] / points[:, 2]).min()
            for points in (figure.vertices_m, measured.vertices_m[0])
        ]
        assert tops[0] == pytest.approx(tops[1], abs=0.06)
        ratio = measured.vertices_m[0, :, 2].mean() / figure.vertices_m[:, 2].mean()
        assert ratio == pytest.approx(1 / figure.size_factor, rel=0.15)


def test_interpenetrating_people_are_two_with_masks_that_part_them() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 12)
    scenes = scenes_of(photo, depth_m, plan, interpenetrating=1)
    people = people_of(photo, depth_m, plan, interpenetrating=1)
    merged = [(s, p) for s, p in zip(scenes, people, strict=True) if s.outcome == "two people"]
    assert len(merged) >= 6
    wrong = []
    for scene, measured in merged:
        assert len(measured) == len(scene.figures) == 2
        first, second = scene.figures
        apart_m = np.linalg.norm(first.vertices_m.mean(axis=0) - second.vertices_m.mean(axis=0))
        assert apart_m < 0.7
        assert not (measured.mask[0] & measured.mask[1]).any()
        np.testing.assert_array_equal(measured.mask.any(axis=0), first.visible | second.visible)
        wrong.append((measured.mask[0] & ~first.visible).sum() / first.visible.sum())
    assert max(wrong) > 0.02


def test_people_of_the_wrong_size_are_measured_as_adults() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 80)
    scenes = scenes_of(photo, depth_m, plan, wrong_size=1)
    people = people_of(photo, depth_m, plan, wrong_size=1)
    sizes = []
    for scene, measured in zip(scenes, people, strict=True):
        for figure, vertices_m in zip(scene.figures, measured.vertices_m, strict=True):
            assert scene.outcome == "wrong size"
            sizes.append(figure.size_factor)
            assert 1.4 < _height_m(vertices_m) < 2.1
            nearer = figure.vertices_m[:, 2].mean() / vertices_m[:, 2].mean()
            assert nearer == pytest.approx(figure.size_factor, rel=1e-4)
    smaller = [size for size in sizes if size < 1]
    larger = [size for size in sizes if size > 1]
    assert len(sizes) > 60
    assert 0.35 <= min(smaller) < 0.45
    assert 0.65 < max(smaller) <= 0.75
    assert 1.3 <= min(larger) <= max(larger) <= 1.6
    # Fewer giants than were drawn find room enough.
    assert 0.1 < len(larger) / len(sizes) < 0.4


def test_some_people_are_of_the_wrong_size_and_the_others_as_they_were() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 40)
    some = scenes_of(photo, depth_m, plan, wrong_size=0.3, person_size=0.1)
    usual = scenes_of(photo, depth_m, plan, person_size=0.1)
    assert 5 <= [scene.outcome for scene in some].count("wrong size") <= 20
    for scene, always in zip(some, usual, strict=True):
        if scene.outcome == "person":
            np.testing.assert_array_equal(scene.depth_m, always.depth_m)


def test_people_keep_to_one_distance_as_far_as_they_are_told() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 40)

    def spread(share: float, seed: int = 0) -> tuple[float, float]:
        logs = np.log(
            [
                figure.vertices_m[:, 2].mean()
                for scene in scenes_of(photo, depth_m, plan, seed, same_distance=share)
                for figure in scene.figures
            ]
        )
        assert len(logs) > 20
        return float(np.median(logs)), float(logs.std())

    (_, free), (_, half), (middle, none) = spread(0), spread(0.5), spread(1)
    assert none < 0.3 * free
    assert none < half < free
    # Each photo has a distance of its own.
    assert np.std([middle, *(spread(1, seed)[0] for seed in range(1, 5))]) > 0.05


def test_ragged_masks_wander_about_their_boundary() -> None:
    photo, depth_m = room(480, 640)
    plan = plan_of(photo, 4)
    exact = people_of(photo, depth_m, plan)
    shares = []
    for noise_px in (1.0, 4.0):
        ragged = people_of(photo, depth_m, plan, ragged_mask_px=noise_px)
        union, both, leaked = 0, 0, 0
        for true, noisy in zip(exact, ragged, strict=True):
            union += (true.mask | noisy.mask).sum()
            both += (true.mask & noisy.mask).sum()
            leaked += (noisy.mask & ~true.mask).sum()
        assert leaked > 0
        shares.append(both / union)
    assert 0.6 < shares[1] < shares[0] < 0.995


def test_smooth_disparity_error_is_mostly_common_to_the_photo_and_its_paintings() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 6)
    exact, exact_painted = disparity_of(photo, depth_m, plan)
    _, intercept, _ = line_through(1 / depth_m, exact)
    wrong, wrong_painted = disparity_of(photo, depth_m, plan, disparity_smooth=0.05)
    of_photo = np.log((wrong - intercept) / (exact - intercept))
    assert of_photo.std() == pytest.approx(0.05, rel=0.3)
    assert np.abs(np.diff(of_photo, axis=1)).max() < 0.01
    for values, true in zip(wrong_painted, exact_painted, strict=True):
        own = np.log((values - intercept) / (true - intercept))
        assert np.corrcoef(own.ravel(), of_photo.ravel())[0, 1] > 0.4
        assert not np.array_equal(own, of_photo)


def test_local_disparity_error_is_each_images_own_and_each_persons() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 30)
    exact, exact_painted = disparity_of(photo, depth_m, plan)
    _, intercept, _ = line_through(1 / depth_m, exact)
    _, wrong = disparity_of(photo, depth_m, plan, disparity_local=0.03)
    logs = np.log((wrong - intercept) / (exact_painted - intercept))
    outside = ~plan.repainted[0]
    assert logs[0][outside].std() == pytest.approx(0.03, rel=0.2)
    assert abs(np.corrcoef(logs[0].ravel(), logs[1].ravel())[0, 1]) < 0.3
    persons = [
        log[scene.figures[0].visible].mean()
        for log, scene in zip(logs, scenes_of(photo, depth_m, plan), strict=True)
        if scene.figures
    ]
    assert np.std(persons) == pytest.approx(0.03, rel=0.4)


def test_affine_disparity_error_is_another_affine_for_each_painting() -> None:
    photo, depth_m = room(96, 128)
    plan = plan_of(photo, 80)
    exact, exact_painted = disparity_of(photo, depth_m, plan)
    same, wrong = disparity_of(
        photo, depth_m, plan, disparity_affine_scale=0.2, disparity_affine_offset=0.05
    )
    np.testing.assert_array_equal(same, exact)
    lines = np.array([line_through(*pair) for pair in zip(exact_painted, wrong, strict=True)])
    assert lines[:, 2].max() < 1e-6
    assert np.std(np.log(lines[:, 0])) == pytest.approx(0.2, rel=0.25)
    assert np.std(lines[:, 1]) / np.ptp(exact) == pytest.approx(0.05, rel=0.25)


def test_errors_do_not_disturb_each_others_draws() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 5)
    plain = people_of(photo, depth_m, plan, mesh_scale=0.1)
    ragged = people_of(photo, depth_m, plan, mesh_scale=0.1, ragged_mask_px=2)
    for one, other in zip(plain, ragged, strict=True):
        np.testing.assert_array_equal(one.vertices_m, other.vertices_m)
    few = scenes_of(photo, depth_m, plan, nobody=0.3)
    for scene, always in zip(few, scenes_of(photo, depth_m, plan), strict=True):
        if scene.outcome == "person":
            np.testing.assert_array_equal(scene.depth_m, always.depth_m)


def _height_m(vertices_m: NDArray[np.float32]) -> float:
    return float(np.ptp(vertices_m @ np.array([0, -0.990268, -0.139173])))

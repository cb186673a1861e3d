"""Simulated detections: the measurer's people, with keypoints where they were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_room import plan_of, room, unpainted

from mfh.camera import project
from mfh.people.detection import Detections, Meshes
from mfh.records import Intrinsics, PaintedPhotos, PaintingPlan, Photo
from mfh.simulation import (
    SimulatedDetector,
    SimulatedErrors,
    SimulatedKeypointMeasurer,
    SimulatedMeasurer,
    SimulatedWorld,
)
from mfh.simulation.bodies import load_bodies
from mfh.simulation.scene import paintings_of

_LEFT, _RIGHT = np.arange(1, 17, 2), np.arange(2, 17, 2)


def _images(photo: Photo, plan: PaintingPlan) -> PaintedPhotos:
    return unpainted(photo, plan).with_photo(photo)


def _world(size: int = 240, people: int = 0, seed: int = 0, **errors: float) -> SimulatedWorld:
    photo, depth_m = room(size, size * 4 // 3)
    return SimulatedWorld(photo, depth_m, SimulatedErrors(**errors), seed, people_in_photo=people)


def _detected(world: SimulatedWorld, plan: PaintingPlan) -> list[Detections]:
    return list(SimulatedDetector(world).detect(world.photo, _images(world.photo, plan)))


def _of(found: Detections) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    assert found.keypoints_px is not None
    assert found.keypoint_score is not None
    return found.keypoints_px, found.keypoint_score


def test_it_finds_whom_the_measurer_measures() -> None:
    photo, depth_m = room()
    errors = SimulatedErrors.strength("strong")
    world = SimulatedWorld(photo, depth_m, errors, people_in_photo=2)
    images = _images(world.photo, plan_of(photo, 12))
    measured = list(SimulatedMeasurer(world).measure(world.photo, images))
    detected = list(SimulatedDetector(world).detect(world.photo, images))
    assert {len(people) for people in measured} >= {1, 2, 3}
    for people, found in zip(measured, detected, strict=True):
        order = np.argsort(-people.score)
        np.testing.assert_array_equal(found.score, people.score[order])
        np.testing.assert_array_equal(found.mask, people.mask[order])
        np.testing.assert_array_equal(found.box_px, people.box_px[order])
        assert found.box_px.dtype == found.score.dtype == np.float32
        keypoints_px, score = _of(found)
        assert keypoints_px.shape == (len(found), 17, 2)
        assert score.shape == (len(found), 17)
        assert keypoints_px.dtype == score.dtype == np.float32
        assert ((score >= 0) & (score <= 1)).all()


def test_without_errors_keypoints_are_those_of_the_drawn_body() -> None:
    world = _world(480, person_size=0.3)
    plan = plan_of(world.photo, 10)
    view, seen = world.at(world.photo), 0
    for found, painting in zip(_detected(world, plan)[1:], paintings_of(plan), strict=True):
        for figure in view.scene(painting).figures:
            assert figure.fitted is not None
            true_px = project(figure.fitted.keypoints_m, view.camera)
            keypoints_px, score = (each[0] for each in _of(found))
            shown = score > 0.5
            np.testing.assert_allclose(keypoints_px[shown], true_px[shown], atol=1e-3)
            # Joints are inside the body, nose and ears on its outline.
            column, row = np.floor(true_px[shown]).astype(int).T
            assert found.mask[0][row, column].mean() > 0.7
            seen += int(shown.sum())
    assert seen > 100


def test_who_is_drawn_too_large_looks_as_large() -> None:
    heights = []
    for size in (0.0, 0.4):
        world = _world(480, person_size=size)
        plan = plan_of(world.photo, 12)
        heights.append(
            [
                np.ptp(keypoints_px[0, :, 1]) if (score > 0.5).all() else np.nan
                for keypoints_px, score in map(_of, _detected(world, plan)[1:])
                if len(score)
            ]
        )
    factors = [
        figure.size_factor
        for painting in paintings_of(plan)
        for figure in world.at(world.photo).scene(painting).figures
    ]
    ratio = np.array(heights[1]) / np.array(heights[0])
    known = np.isfinite(ratio)
    assert known.sum() >= 3
    np.testing.assert_allclose(ratio[known], np.array(factors)[known], rtol=0.15)


def test_what_does_not_show_has_a_low_score_and_lies_in_the_box() -> None:
    world = _world(people=1)
    whole = _detected(world, plan_of(world.photo, 1))[0]
    edge_px = int(np.quantile(np.nonzero(whole.mask[0])[1], 0.4))
    repainted = np.zeros((1, *world.photo.shape), np.bool_)
    repainted[0, :, :edge_px] = True
    half = _detected(world, PaintingPlan(repainted, ("a man",), (0,)))[1]
    (index,) = np.flatnonzero(np.isclose(half.score, whole.score[0]))
    (before_px, before), (after_px, after) = (
        (keypoints_px[each], score[each])
        for (keypoints_px, score), each in ((_of(whole), 0), (_of(half), index))
    )
    gone = (before > 0.5) & (before_px[:, 0] < edge_px - 3)
    left = (before > 0.5) & (before_px[:, 0] > edge_px + 3)
    assert gone.sum() >= 3
    assert left.sum() >= 3
    assert (after[gone] <= 0.2).all()
    x0, y0, x1, y1 = half.box_px[index]
    np.testing.assert_array_equal(after_px[gone].clip((x0, y0), (x1, y1)), after_px[gone])
    # What still shows is found as in the photo: its pixels are the same.
    np.testing.assert_array_equal(after_px[left], before_px[left])
    np.testing.assert_array_equal(after[left], before[left])


@pytest.mark.parametrize("noise_px", [2.0, 5.0])
def test_keypoints_are_as_far_off_as_they_are_told_to_be(noise_px: float) -> None:
    plan = plan_of(_world().photo, 40)
    offsets, heights_px = [], []
    exact = _detected(_world(), plan)
    for found, true in zip(_detected(_world(keypoint_px=noise_px), plan), exact, strict=True):
        for person in range(len(found)):
            (at_px, score), (true_px, _) = _of(found), _of(true)
            off = np.where((score > 0.5)[..., None], at_px - true_px, np.nan)[person]
            # From eyes to ankles it is 0.87 of the height in these poses; both must be there.
            height_px = np.ptp(true_px[person, :, 1]) / 0.87
            if (score[person] > 0.5).all():
                offsets.append(off / height_px)
                heights_px.append(height_px)
    relative = np.array(offsets)
    assert len(relative) >= 10
    assert np.ptp(heights_px) > 50
    assert np.sqrt((relative**2).mean()) == pytest.approx(noise_px / 300, rel=0.12)
    spread = np.sqrt((relative**2).mean(axis=(0, 2)))
    assert 3 < spread[11:13].mean() / spread[:3].mean() < 5.5  # Hips against nose and eyes.
    assert abs(relative.mean()) < 0.15 * noise_px / 300


def test_wrong_keypoints_are_lost_or_of_the_other_side() -> None:
    plan = plan_of(_world().photo, 40)
    lost, swapped, all_shown = 0, 0, 0
    exact = _detected(_world(), plan)
    for found, true in zip(_detected(_world(keypoint_wrong=0.2), plan), exact, strict=True):
        (at_px, score), (true_px, true_score) = _of(found), _of(true)
        other_px = true_px.copy()
        other_px[:, _LEFT], other_px[:, _RIGHT] = true_px[:, _RIGHT], true_px[:, _LEFT]
        shown = true_score > 0.5
        low = shown & (score < 0.5)
        right = shown & (np.abs(at_px - true_px).max(axis=2) < 1e-3)
        other = shown & ~right & (np.abs(at_px - other_px).max(axis=2) < 3)  # In the box.
        assert (score[other & ~low] > 0.5).all()
        assert ((low | right | other) == shown).all()
        lost, swapped, all_shown = lost + low.sum(), swapped + other.sum(), all_shown + shown.sum()
    assert all_shown > 300
    # The nose has no other side, so that all wrong ones are lost.
    assert lost / all_shown == pytest.approx(0.1 * 18 / 17, abs=0.04)
    assert swapped / all_shown == pytest.approx(0.1 * 16 / 17, abs=0.04)


def test_detections_do_not_depend_on_what_else_is_asked_for() -> None:
    world = _world(people=1, keypoint_px=3, keypoint_wrong=0.1, ragged_mask_px=2)
    plan = plan_of(world.photo, 5)
    together = _detected(world, plan)
    alone = list(SimulatedDetector(world).detect(world.photo, unpainted(world.photo, plan.rest(3))))
    for one, other in zip(alone, together[4:], strict=True):
        for own, shared in zip(_of(one), _of(other), strict=True):
            np.testing.assert_array_equal(own, shared)
    others = _detected(_world(people=1, seed=1, keypoint_px=3), plan)
    assert not np.array_equal(_of(others[0])[0], _of(together[0])[0])


@dataclass
class _Knowing:
    """A regressor that is told each image's meshes beforehand, and refuses every third person."""

    meshes_m: list[NDArray[np.float32]]

    name = "told"
    fingerprint: Any = "told"
    device = "nowhere"
    faces = load_bodies().faces

    def regress(
        self,
        images: Sequence[NDArray[np.uint8]],
        found: Sequence[Detections],
        camera: Intrinsics,
        prompts: Sequence[str] = (),
    ) -> list[Meshes]:
        assert len(images) == len(found) == len(prompts)
        assert all(each.keypoints_px is not None for each in found)
        told, self.meshes_m = self.meshes_m[: len(found)], self.meshes_m[len(found) :]
        return [
            Meshes(
                vertices_m=each,
                relative_error=np.full(len(each), 0.04, np.float32),
                refused=tuple("is the third" if p == 2 else "" for p in range(len(each))),
            )
            for each in told
        ]


def test_a_regressor_measures_those_who_were_found_in_their_paintings() -> None:
    world = _world(people=2, person_size=0.2, nobody=0.1)
    images = _images(world.photo, plan_of(world.photo, 20))
    measured = list(SimulatedMeasurer(world).measure(world.photo, images))
    told = [people.vertices_m[np.argsort(-people.score)] for people in measured]
    part = SimulatedKeypointMeasurer(world, _Knowing(told))
    for people, expected in zip(part.measure(world.photo, images), measured, strict=True):
        order = np.argsort(-expected.score)[:2]
        np.testing.assert_array_equal(people.vertices_m, expected.vertices_m[order])
        np.testing.assert_array_equal(people.mask, expected.mask[order])
        assert people.refused == ("is the third",) * (len(expected) - len(order))
        np.testing.assert_array_equal(people.relative_error, np.full(len(people), np.float32(0.04)))
    assert part.name == "simulated: keypoints of drawn bodies, told"
    assert part.device == "nowhere"
    assert part.fingerprint["regressor"] == "told"
    assert part.fingerprint["detector"]["errors"]["keypoint_px"] == 0

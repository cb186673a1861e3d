"""People who stand in the photo itself: at their true size, in photo, depth and paintings."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_room import line_through, plan_of, room, unpainted

from mfh.errors import InputError
from mfh.photos import resize_photo
from mfh.records import PaintingPlan, People
from mfh.rendering import render_depth
from mfh.simulation import SimulatedErrors, SimulatedWorld, simulated_parts
from mfh.simulation.scene import paintings_of


def _world(count: int = 2, seed: int = 0, size: int = 240, **errors: float) -> SimulatedWorld:
    photo, depth_m = room(size, size * 4 // 3)
    return SimulatedWorld(photo, depth_m, SimulatedErrors(**errors), seed, people_in_photo=count)


def _measured(world: SimulatedWorld, plan: PaintingPlan) -> list[People]:
    """The people of the photo and of its paintings."""
    images = unpainted(world.photo, plan).with_photo(world.photo)
    return list(simulated_parts(world)["people"].measure(world.photo, images))


def _strip(world: SimulatedWorld, columns: slice) -> PaintingPlan:
    """A plan of one painting."""
    repainted = np.zeros((1, *world.photo.shape), np.bool_)
    repainted[0, :, columns] = True
    return PaintingPlan(repainted, ("a man",), (0,))


def test_they_stand_in_photo_and_depth_at_their_true_size() -> None:
    photo, depth_m = room()
    world = _world(3)
    assert len(world.people) == 3
    of_photo = _measured(world, plan_of(photo, 1))[0]
    assert len(of_photo) == 3
    meshes_m = render_depth(of_photo.vertices_m, of_photo.faces, photo.camera)
    np.testing.assert_array_equal(world.depth_m, np.fmin(depth_m, np.fmin.reduce(meshes_m)))
    seen = of_photo.mask.any(axis=0)
    np.testing.assert_array_equal(world.depth_m != depth_m, seen)
    changed = np.abs(world.photo.image.astype(int) - photo.image).max(axis=2) > 12
    assert changed[seen].mean() > 0.8
    assert changed[~seen].mean() < 0.15
    for vertices_m, mesh_m, mask in zip(of_photo.vertices_m, meshes_m, of_photo.mask, strict=True):
        assert 1.4 < np.ptp(vertices_m @ np.array([0, -0.990268, -0.139173])) < 2.1
        np.testing.assert_array_equal(world.depth_m[mask], mesh_m[mask])
        assert mask.sum() >= 0.4 * np.isfinite(mesh_m).sum()


def test_without_people_the_world_is_as_it_was_given() -> None:
    photo, depth_m = room(96, 128)
    world = SimulatedWorld(photo, depth_m)
    assert world.photo is photo
    np.testing.assert_array_equal(world.depth_m, depth_m)
    with pytest.raises(InputError, match="-1 people in the photo"):
        _world(-1)


def test_one_more_leaves_the_others_where_they_are() -> None:
    few, many = _world(1), _world(3)
    np.testing.assert_array_equal(few.people[0].vertices_m, many.people[0].vertices_m)
    others = [_world(1, seed).people[0].vertices_m for seed in range(1, 4)]
    assert not any(np.array_equal(few.people[0].vertices_m, other) for other in others)


def test_the_painters_errors_are_not_theirs_but_the_measurers_are() -> None:
    plan = plan_of(room()[0], 2)
    plain = _measured(_world(), plan)[0]
    painted_wrong = _measured(_world(person_size=0.3, scene_size_bias=0.3, wrong_size=0.5), plan)[0]
    np.testing.assert_array_equal(plain.vertices_m, painted_wrong.vertices_m)
    logs = []
    for seed in range(30):
        world = _world(1, seed, size=120, mesh_scale=0.1)
        ratio = _measured(world, plan_of(world.photo, 1))[0].vertices_m[0]
        ratio = ratio / world.people[0].vertices_m
        assert np.ptp(ratio) < 1e-4
        logs.append(np.log(ratio.mean()))
    assert np.std(logs) == pytest.approx(0.1, rel=0.3)
    ragged = _measured(_world(ragged_mask_px=2), plan)[0]
    for mask, true in zip(ragged.mask, plain.mask, strict=True):
        assert 0.5 < (mask & true).sum() / (mask | true).sum() < 0.99


def test_a_painting_finds_who_is_left_outside_its_strip_as_in_the_photo() -> None:
    world = _world(1, mesh_scale=0.1, ragged_mask_px=1.5)
    columns = np.flatnonzero(world.at(world.photo).people[0].visible.any(axis=0))
    width = world.photo.shape[1]
    away = slice(0, columns[0] - 5) if columns[0] > width / 2 else slice(columns[-1] + 6, width)
    of_photo, beside = _measured(world, _strip(world, away))
    np.testing.assert_array_equal(beside.vertices_m[-1], of_photo.vertices_m[0])
    np.testing.assert_array_equal(beside.mask[-1], of_photo.mask[0])
    assert beside.score[-1] == of_photo.score[0]

    quarter = slice(columns[0] - 5, int(np.quantile(columns, 0.25)))
    plan = _strip(world, quarter)
    cut = _measured(world, plan)[1]
    np.testing.assert_array_equal(cut.mask[-1], of_photo.mask[0] & ~plan.repainted[0])

    whole = slice(max(0, columns[0] - 20), columns[-1] + 21)
    found = _measured(world, _strip(world, whole))[1]
    assert not any(np.array_equal(mesh, of_photo.vertices_m[0]) for mesh in found.vertices_m)


def test_a_strip_is_painted_over_them() -> None:
    empty, _ = room()
    world = _world(2)
    plan = plan_of(world.photo, 6)
    view = world.at(world.photo)
    for image, painting in zip(
        simulated_parts(world)["painter"].paint(world.photo, plan), paintings_of(plan), strict=True
    ):
        strip, scene = painting.strip, view.scene(painting)
        np.testing.assert_array_equal(image[~strip], world.photo.image[~strip])
        np.testing.assert_array_equal(scene.depth_m[~strip], world.depth_m[~strip])
        bare = strip.copy()
        for figure in scene.figures:
            bare &= ~figure.visible
        np.testing.assert_array_equal(scene.depth_m[bare], view.empty_depth_m[bare])
        near_empty = np.abs(image.astype(int) - empty.image).max(axis=2) <= 12
        assert near_empty[bare].mean() > 0.7


def _disparity(world: SimulatedWorld, plan: PaintingPlan) -> list[NDArray[np.float32]]:
    images = unpainted(world.photo, plan).with_photo(world.photo)
    maps = simulated_parts(world)["disparity"].estimate(world.photo, images)
    return [each.values[0] for each in maps]


def test_disparity_sees_them_in_the_photo_and_beside_the_strips() -> None:
    world = _world(2)
    plan = plan_of(world.photo, 3)
    view = world.at(world.photo)
    of_photo, *of_paintings = _disparity(world, plan)
    affine = line_through(1 / world.depth_m, of_photo)
    assert affine[2] < 1e-6
    for values, painting in zip(of_paintings, paintings_of(plan), strict=True):
        assert line_through(1 / view.scene(painting).depth_m, values)[2] < 1e-6
    # Each person's disparity has one error of its own, the same wherever that person shows.
    wrong_world = _world(2, disparity_local=0.05)
    wrong = _disparity(wrong_world, plan)
    ratios = [
        np.log((values - affine[1]) / (exact - affine[1]))
        for values, exact in zip(wrong, [of_photo, *of_paintings], strict=True)
    ]
    for figure in view.people:
        offsets = [
            ratio[shown].mean()
            for ratio, strip in zip(ratios[1:], plan.repainted, strict=True)
            if (shown := figure.visible & ~strip).sum() > 0.8 * figure.visible.sum()
        ]
        own = ratios[0][figure.visible].mean()
        for offset in offsets:
            assert offset == pytest.approx(own, abs=0.04)


def test_a_reduced_photo_shows_the_same_people() -> None:
    world = _world(2, size=480)
    small = resize_photo(world.photo, 240)
    plan = plan_of(small, 1)
    images = unpainted(small, plan).with_photo(small)
    of_small = next(iter(simulated_parts(world)["people"].measure(small, images)))
    of_large = _measured(world, plan_of(world.photo, 1))[0]
    np.testing.assert_array_equal(of_small.vertices_m, of_large.vertices_m)
    for mask, large in zip(of_small.mask, of_large.mask, strict=True):
        assert mask.sum() == pytest.approx(large.sum() / 4, rel=0.05)
    # Away from outlines, painted over at this size too.
    image = next(iter(simulated_parts(world)["painter"].paint(small, plan)))
    strip = plan.repainted[0]
    np.testing.assert_array_equal(image[~strip], small.image[~strip])


def test_an_unknown_part_of_the_truth_stays_unknown_behind_them() -> None:
    photo, depth_m = room()
    rng = np.random.default_rng(0)
    sparse_m = np.where(rng.uniform(size=depth_m.shape) < 0.3, depth_m, np.float32(np.nan))
    world = SimulatedWorld(photo, sparse_m, people_in_photo=2)
    seen = np.any([figure.visible for figure in world.at(photo).people], axis=0)
    assert seen.any()
    np.testing.assert_array_equal(np.isfinite(world.depth_m), np.isfinite(sparse_m) | seen)


def test_stages_depend_on_how_many_they_are() -> None:
    few, many = (
        json.dumps([part.fingerprint for part in simulated_parts(_world(count, size=96)).values()])  # type: ignore[attr-defined]
        for count in (1, 2)
    )
    assert few != many
    assert '"wrong_size"' in few

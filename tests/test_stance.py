"""Which way is up, and where the feet are, of meshes whose stance is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mfh.records import People
from mfh.rendering import landmarks_from_people
from mfh.rendering.stance import stance
from mfh.simulation.bodies import load_bodies

CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64) / 2
# Two triangles a side, in the order of CORNERS.
FACES = np.array(
    [
        *((0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1)),
        *((2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)),
    ],
    np.int32,
)
BODY_M = (0.5, 1.8, 0.3)
AT_M = np.array([0.4, 0.3, 4.0])


def people_of(meshes_m, faces=FACES):
    meshes_m = np.asarray(meshes_m, np.float32)
    count = len(meshes_m)
    return People(
        meshes_m, faces, np.ones((count, 2, 2), bool), np.zeros((count, 4)), np.ones(count)
    )


def box(size_m=BODY_M, turned=None, at_m=AT_M):
    """A box about a place, upright before it is turned."""
    corners_m = CORNERS * size_m
    return (corners_m if turned is None else turned.apply(corners_m)) + at_m


def degrees_between(a, b):
    cosine = np.sum(np.asarray(a) * b, axis=-1) / np.linalg.norm(a, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_upright():
    up, foot_m = stance(people_of([box()]))
    assert up.dtype == foot_m.dtype == np.float32
    np.testing.assert_allclose(up, [[0, -1, 0]], atol=1e-6)
    # The lowest corner: which of the four is left open.
    assert foot_m[0, 1] == pytest.approx(0.3 + 0.9)
    np.testing.assert_allclose(np.abs(foot_m[0, [0, 2]] - AT_M[[0, 2]]), [0.25, 0.15], rtol=1e-5)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("degrees", [-40, -10, 3, 25, 60])
def test_a_rotation_about_each_axis_is_recovered(axis, degrees):
    turned = Rotation.from_euler(axis, degrees, degrees=True)
    up, foot_m = stance(people_of([box(turned=turned)]))
    expected = turned.apply([0, -1, 0])
    np.testing.assert_allclose(up[0], expected, atol=1e-5)
    # The feet are half a body below the middle, along the body.
    assert (foot_m[0] - AT_M) @ expected == pytest.approx(-0.9, rel=1e-5)


def test_each_person_has_a_stance_of_their_own():
    turned = [Rotation.from_euler("xz", (5 * i, -8 * i), degrees=True) for i in range(4)]
    up, foot_m = stance(
        people_of([box(turned=t, at_m=AT_M * (i + 1)) for i, t in enumerate(turned)])
    )
    np.testing.assert_allclose(up, [t.apply([0, -1, 0]) for t in turned], atol=1e-5)
    lowest = np.sum((foot_m - AT_M * np.arange(1, 5)[:, None]) * up, axis=1)
    np.testing.assert_allclose(lowest, -0.9, rtol=1e-5)


def test_where_vertices_crowd_does_not_matter():
    """A hand of ten thousand small faces on one side weighs what its area does."""
    rng = np.random.default_rng(0)
    hand_m = rng.uniform(-0.03, 0.03, (10_000, 3)) + AT_M + [0.7, 0, 0]
    triangles = rng.integers(0, len(hand_m), (10_000, 3))
    # Each triangle is tiny: its corners are one vertex and two beside it.
    close = np.stack([hand_m[triangles[:, 0]] + 1e-4 * e for e in np.eye(3)], axis=1)
    faces = 8 + np.arange(30_000).reshape(-1, 3)
    mesh_m = np.concatenate([box(), close.reshape(-1, 3)])
    up, _ = stance(people_of([mesh_m], np.concatenate([FACES, faces]).astype(np.int32)))
    assert degrees_between(up[0], [0, -1, 0]) < 0.1


def test_size_and_place_do_not_matter():
    turned = Rotation.from_euler("xyz", (12, 30, -7), degrees=True)
    near_up, near_foot_m = stance(people_of([box(turned=turned)]))
    far_up, far_foot_m = stance(people_of([3 * box(turned=turned)]))
    np.testing.assert_allclose(near_up, far_up, atol=1e-5)
    np.testing.assert_allclose(3 * near_foot_m, far_foot_m, rtol=1e-5)


@pytest.mark.parametrize(
    "size_m",
    [(0.6, 0.9, 0.8), (0.5, 0.5, 0.5), (0.9, 1.2, 0.4)],
    ids=["sitting", "a cube", "arms out"],
)
def test_somebody_no_longer_than_wide_does_not_stand(size_m):
    up, foot_m = stance(people_of([box(size_m), box()]))
    assert np.isnan(up[0]).all()
    assert np.isnan(foot_m[0]).all()
    assert np.isfinite(up[1]).all()
    assert np.isfinite(foot_m[1]).all()


def test_nobody_stands_where_there_is_nobody():
    up, foot_m = stance(People.nobody(4, 6))
    assert up.shape == foot_m.shape == (0, 3)


@pytest.mark.parametrize(
    ("mesh_m", "faces"),
    [
        (np.ones((3, 3)), [[0, 1, 2]]),
        (np.float64([[0, 0, 1], [0, 1, 1], [0, 2, 1]]), [[0, 1, 2]]),
        (box(), np.zeros((0, 3))),
    ],
    ids=["a point", "a line", "no faces"],
)
def test_a_mesh_without_area_does_not_stand(mesh_m, faces):
    up, foot_m = stance(people_of([mesh_m], np.asarray(faces, np.int32)))
    assert np.isnan(up).all()
    assert np.isnan(foot_m).all()


def test_bodies_that_stand_and_walk_are_upright():
    bodies = load_bodies()
    up, foot_m = stance(people_of(bodies.vertices_m + np.float32([0, 0, 4]), bodies.faces))
    assert np.isfinite(up).all()
    np.testing.assert_allclose(np.linalg.norm(up, axis=1), 1, rtol=1e-5)
    for sideways in (up[:, 0], up[:, 2]):
        tilt_deg = np.degrees(np.arctan2(sideways, -up[:, 1]))
        assert abs(tilt_deg.mean()) < 1
        assert tilt_deg.std() < 2.5
    # The lowest vertex of each lies at y = 0; the ground under a walking foot is a little off it.
    np.testing.assert_allclose(foot_m[:, 1], 0, atol=0.02)


def test_a_photo_taken_at_a_tilt_tilts_all_bodies():
    bodies = load_bodies()
    upright = bodies.vertices_m[::8] + np.float32([0, 0, 4])
    pitched = Rotation.from_euler("xz", (-20, 6), degrees=True)
    up, _ = stance(people_of(upright, bodies.faces))
    turned_m = pitched.apply(upright.reshape(-1, 3)).reshape(upright.shape)
    turned_up, _ = stance(people_of(turned_m, bodies.faces))
    np.testing.assert_allclose(turned_up, pitched.apply(up), atol=1e-4)


def test_landmarks_of_people_have_their_stance():
    people = people_of([box(), box((0.6, 0.9, 0.8)), box(turned=Rotation.from_euler("z", 0.2))])
    up, foot_m = stance(people)
    for weight in (None, [1, 0.5, 0]):
        landmarks = landmarks_from_people(
            people, np.full((3, 2, 2), 4.0), weight=weight, kind="person"
        )
        np.testing.assert_array_equal(landmarks.up, up)
        np.testing.assert_array_equal(landmarks.foot_m, foot_m)
    nobody = landmarks_from_people(People.nobody(2, 2), np.zeros((0, 2, 2)))
    assert nobody.up.shape == nobody.foot_m.shape == (0, 3)

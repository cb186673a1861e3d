"""The posed compact body: against its definition, and its derivatives against differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mfh.people.anny import load_body
from mfh.people.anny.posing import Points, PosableBody, Stance, Unknowns
from mfh.people.anny.rotations import left_jacobian_inverse, rotation_matrix, rotation_vector

PEOPLE = 3
VERTICES = torch.arange(0, 1500, 97)


@pytest.fixture(scope="module")
def body() -> PosableBody:
    """The body in double precision, in which differences are exact enough."""
    posable = PosableBody(load_body(), torch.device("cpu"))
    for owner in (posable, posable.vertices, posable.keypoints):
        for name, value in vars(owner).items():
            if isinstance(value, torch.Tensor):
                object.__setattr__(owner, name, value.double())
    return posable


@pytest.fixture(scope="module")
def stance(body) -> Stance:
    rng = np.random.default_rng(1)
    vectors = torch.tensor(0.5 * rng.standard_normal((PEOPLE, len(body.bones), 3)))
    return Stance(
        place=torch.tensor([[0.1, -0.2, 1.0], [0.0, 0.1, 0.5], [-0.3, 0.0, 2.0]]).double(),
        turns=rotation_matrix(vectors),
        shape=torch.tensor(rng.standard_normal((PEOPLE, 12))),
        cover=torch.zeros(PEOPLE).double(),
    )


def vectors(seed: int, largest: float) -> torch.Tensor:
    """Rotation vectors of up to so many rad, and one of none."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((40, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return torch.tensor(directions * np.linspace(0, largest, 40)[:, None])


def test_the_unknowns_follow_each_other():
    at = Unknowns(bones=20, modes=12)
    order = [at.place, *(at.turn(bone) for bone in range(20)), at.shape]
    numbers = [number for each in order for number in range(each.start, each.stop)]
    assert [*numbers, at.cover] == list(range(at.count))
    assert at.log_depth in range(at.place.start, at.place.stop)
    assert (at.turn(0).start, at.turn(19).stop) == (at.turns.start, at.turns.stop)


def test_points_are_where_the_definition_of_the_body_has_them(body, stance):
    definition = load_body()
    at = body.place_points(body.vertices, stance, body.frames(stance))
    for person in range(PEOPLE):
        shape = stance.shape[person].numpy()
        joints = definition.joints + np.tensordot(shape, definition.joint_modes, axes=1)
        vertices = definition.vertices + np.tensordot(shape, definition.vertex_modes, axes=1)
        x, y, log_z = stance.place[person].tolist()
        turn, place = [], []
        for bone, parent in enumerate(definition.parents):
            own = stance.turns[person, bone].numpy()
            turn.append(own if parent < 0 else turn[parent] @ own)
            place.append(
                np.exp(log_z) * np.array([x, y, 1]) + joints[0]
                if parent < 0
                else place[parent] + turn[parent] @ (joints[bone] - joints[parent])
            )
        moved = np.stack(
            [place[j] + (vertices - joints[j]) @ turn[j].T for j in range(len(turn))], axis=1
        )
        expected = np.einsum("vj,vja->va", definition.weights, moved)
        np.testing.assert_allclose(at[person], expected, atol=1e-6)


@pytest.mark.parametrize("of_each", [False, True], ids=["same points", "points of each one's own"])
def test_derivatives_are_those_of_differences(body, stance, of_each):
    index = torch.stack([VERTICES + person for person in range(PEOPLE)]) if of_each else VERTICES
    points = body.vertices.chosen(index)
    at, by = body.derivatives(points, stance, body.frames(stance))
    torch.testing.assert_close(at, body.place_points(points, stance, body.frames(stance)))
    _agree_with_differences(body, points, stance, by)


def test_derivatives_of_keypoints_are_those_of_differences(body, stance):
    _, by = body.derivatives(body.keypoints, stance, body.frames(stance))
    _agree_with_differences(body, body.keypoints, stance, by)


def _agree_with_differences(
    body: PosableBody, points: Points, stance: Stance, by: torch.Tensor
) -> None:
    step = 1e-5
    unknowns = stance.unknowns
    assert by.shape[-1] == unknowns.count
    for unknown in range(unknowns.count):
        ends = []
        for sign in (1, -1):
            move = torch.zeros(PEOPLE, unknowns.count).double()
            move[:, unknown] = sign * step
            moved = stance.moved(move)
            ends.append(body.place_points(points, moved, body.frames(moved)))
        difference = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(by[..., unknown], difference, atol=1e-6, rtol=1e-6)
    assert by[..., unknowns.cover].abs().max() == 0


def test_stances_are_chosen_one_by_one(stance):
    other = replace(stance, place=stance.place + 1, cover=stance.cover + 1)
    mixed = stance.where(torch.tensor([False, True, False]), other)
    torch.testing.assert_close(mixed.place[[0, 2]], stance.place[[0, 2]])
    torch.testing.assert_close(mixed.place[1], other.place[1])
    assert mixed.cover.tolist() == [0, 1, 0]
    assert len(stance.of(torch.tensor([2, 0]))) == 2
    torch.testing.assert_close(stance.of(torch.tensor([2])).shape, stance.shape[2:])


def test_rotations_are_those_of_scipy():
    found = rotation_matrix(vectors(2, 3.1))
    expected = Rotation.from_rotvec(vectors(2, 3.1).numpy()).as_matrix()
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "largest", "atol"), [(torch.float64, 3.14, 1e-6), (torch.float32, 3.0, 2e-5)]
)
def test_the_vector_of_a_rotation_is_the_one_it_was_made_of(dtype, largest, atol):
    planted = vectors(3, largest).to(dtype)
    torch.testing.assert_close(
        rotation_vector(rotation_matrix(planted)), planted, atol=atol, rtol=0
    )


def test_vectors_follow_small_turns_as_the_inverse_of_the_left_jacobian_says():
    planted, step = vectors(4, 3.0), 1e-6
    matrices = rotation_matrix(planted)
    columns = []
    for axis in step * torch.eye(3).double():
        ahead, behind = (rotation_vector(rotation_matrix(s * axis) @ matrices) for s in (1, -1))
        columns.append((ahead - behind) / (2 * step))
    torch.testing.assert_close(
        left_jacobian_inverse(planted), torch.stack(columns, dim=-1), atol=1e-6, rtol=1e-5
    )

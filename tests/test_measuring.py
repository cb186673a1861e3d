"""Measuring in a result: planted planes and points come back."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from fake_results import metric_depth, robust_depth
from numpy.typing import NDArray

from mfh import Intrinsics, MetricDepth
from mfh.camera import project
from mfh.errors import InputError

CAMERA = Intrinsics(300.0, 280.0, 41.5, 22.25, 48, 80)
NORMAL, OFFSET_M = np.array([0.3, -0.2, 0.9]), 2.5


def planted_plane() -> MetricDepth:
    """The plane of the points with `NORMAL . point = OFFSET_M`, as the camera sees it."""
    y, x = np.mgrid[:48, :80] + 0.5
    rays = np.stack([(x - CAMERA.cx) / CAMERA.fx, (y - CAMERA.cy) / CAMERA.fy, np.ones_like(x)], -1)
    return MetricDepth((OFFSET_M / (rays @ NORMAL)).astype(np.float32), CAMERA)


def with_holes() -> MetricDepth:
    depth_m = np.full((48, 80), 2.0, np.float32)
    depth_m[3, 5], depth_m[7, 9] = np.nan, np.inf
    return MetricDepth(depth_m, CAMERA)


def test_points_lie_on_the_planted_plane_where_their_pixels_see_them() -> None:
    points = planted_plane().points()
    assert (points.shape, points.dtype) == ((48, 80, 3), np.float32)
    np.testing.assert_allclose(points @ NORMAL, OFFSET_M, rtol=1e-6)
    y, x = np.mgrid[:48, :80] + 0.5
    np.testing.assert_allclose(project(points, CAMERA), np.stack([x, y], -1), atol=1e-4)


def test_there_is_no_point_without_a_depth() -> None:
    points = with_holes().points()
    assert np.isnan(points[[3, 7], [5, 9]]).all()
    assert np.count_nonzero(np.isnan(points).any(axis=-1)) == 2


def test_depth_at_a_place_is_that_of_its_pixel() -> None:
    depth = planted_plane()
    for x, y in ((12, 30), (12.0, 30.999), (12.5, 30.5)):
        assert depth.at(x, y) == depth.depth_m[30, 12]
        assert isinstance(depth.at(x, y), float)
    assert depth.at(79.999, 47.999) == depth.depth_m[47, 79]


def test_an_edge_is_not_smeared() -> None:
    depth_m = np.full((48, 80), 1.0, np.float32)
    depth_m[:, 40:] = 9.0
    depth = MetricDepth(depth_m, CAMERA)
    across = depth.at(np.linspace(38, 42, 101), 24.3)
    assert set(np.unique(across)) == {1.0, 9.0}
    assert set(np.unique(depth.resize(31, 47).depth_m)) == {1.0, 9.0}


def test_depth_at_many_places_at_once() -> None:
    depth = planted_plane()
    x, y = np.array([0.2, 5, 70.9]), np.array([[1], [46]])
    found = depth.at(x, y)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, depth.depth_m[[[1], [46]], [0, 5, 70]])
    np.testing.assert_array_equal(depth.at([0, 5, 70], [1, 1, 1]), found[0])


def test_distance_is_that_of_the_planted_points() -> None:
    """Two points of the plane that project to the centres of pixels."""
    depth = planted_plane()
    p_px, q_px = (10.5, 40.5), (71.5, 5.5)

    def seen(place: tuple[float, float]) -> NDArray[np.float64]:
        ray = np.array(
            [(place[0] - CAMERA.cx) / CAMERA.fx, (place[1] - CAMERA.cy) / CAMERA.fy, 1.0]
        )
        return ray * (OFFSET_M / (ray @ NORMAL))

    expected = float(np.linalg.norm(seen(p_px) - seen(q_px)))
    assert depth.distance(p_px, q_px) == pytest.approx(expected, rel=1e-6)
    assert depth.distance(q_px, p_px) == depth.distance(p_px, q_px)
    assert depth.distance(p_px, (10, 40)) == 0


def test_distance_is_that_of_the_points_of_the_pixels() -> None:
    depth = planted_plane()
    points = depth.points().astype(np.float64)
    rng = np.random.default_rng(0)
    p, q = rng.uniform(0, (80, 48), (2, 50, 2))
    (px, py), (qx, qy) = p.astype(int).T, q.astype(int).T
    expected = np.linalg.norm(points[py, px] - points[qy, qx], axis=-1)
    np.testing.assert_allclose(depth.distance(p, q), expected, rtol=1e-5, atol=1e-6)
    from_one = depth.distance(p[0], q)
    assert isinstance(from_one, np.ndarray)
    assert from_one.shape == (50,)
    assert from_one[0] == depth.distance(tuple(p[0]), tuple(q[0]))


def test_tensors_measure_as_arrays_do() -> None:
    depth = planted_plane()
    x = torch.tensor([3.5, 60.25], requires_grad=True)
    np.testing.assert_array_equal(depth.at(x, torch.tensor(7)), depth.at([3.5, 60.25], 7))
    assert isinstance(depth.at(torch.tensor(3.5), torch.tensor(7)), float)
    p, q = torch.tensor([[1.0, 2.0], [30.0, 4.0]]), torch.tensor([50.0, 40.0])
    np.testing.assert_array_equal(depth.distance(p, q), depth.distance(p.numpy(), q.numpy()))


@pytest.mark.parametrize("place", [(80, 10), (-0.01, 10), (10, 48), (np.nan, 3), (np.inf, 3)])
def test_a_place_outside_the_photo_is_refused(place: tuple[float, float]) -> None:
    told = r"outside the photo of 80 x 48 px; x runs to the right from 0 to below 80"
    with pytest.raises(InputError, match=rf"^\({place[0]:g}, {place[1]:g}\) lies {told}"):
        planted_plane().at(*place)
    with pytest.raises(InputError, match=told):
        planted_plane().distance((1, 1), place)


def test_a_place_without_depth_is_refused() -> None:
    depth = with_holes()
    with pytest.raises(InputError, match=r"^\(5.5, 3\) lies where the depth is unknown"):
        depth.at(5.5, 3)
    with pytest.raises(InputError, match=r"^\(5, 3\) \(the first of 2 such\) lies where"):
        depth.at([1, 5, 5.9], 3)
    with pytest.raises(InputError, match="unknown"):
        depth.distance((1, 1), (5, 3))


def test_infinite_depth_is_told_but_not_measured_to() -> None:
    depth = with_holes()
    assert depth.at(9, 7) == np.inf
    with pytest.raises(InputError, match=r"^\(9, 7\) lies where the depth is infinite"):
        depth.distance((9, 7), (1, 1))


@pytest.mark.parametrize("wrong", ["left", None, True, 1 + 2j, [[1], [2, 3]]])
def test_what_is_no_number_of_px_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="it must be of numbers of px"):
        planted_plane().at(wrong, 3)  # type: ignore[call-overload]


def test_points_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"has shape \(3,\); expected x and y in px"):
        planted_plane().distance((1, 2, 3), (4, 5))  # type: ignore[call-overload]
    with pytest.raises(InputError, match=r"has shape \(\); expected"):
        planted_plane().distance(1, 2)
    with pytest.raises(InputError, match=r"x has shape \(2,\) and y \(3,\)"):
        planted_plane().at([1, 2], [1, 2, 3])


@pytest.mark.parametrize("size", [(24, 40), (96, 160), (33, 121), (1, 1)])
def test_resized_the_plane_stays_within_a_pixel(size: tuple[int, int]) -> None:
    height, width = size
    small = planted_plane().resize(height, width)
    assert small.depth_m.shape == size
    assert (small.camera.height, small.camera.width) == size
    assert small.camera.cx / width == pytest.approx(CAMERA.cx / 80)
    assert small.camera.fy / height == pytest.approx(CAMERA.fy / 48)
    # The value is that of an old pixel whose centre is at most half a pixel of each size away.
    steep = np.abs(np.gradient(planted_plane().depth_m)).max(axis=(1, 2)).sum()
    off = np.abs(small.points() @ NORMAL - OFFSET_M).max()
    assert off <= steep


def test_resized_to_its_own_size_it_is_the_same() -> None:
    depth = robust_depth(np.random.default_rng(0).uniform(1, 9, (48, 80)))
    same = depth.resize(48, 80)
    np.testing.assert_array_equal(same.depth_m, depth.depth_m)
    np.testing.assert_array_equal(same.relative_error_map, depth.relative_error_map)
    assert same.camera == depth.camera


def test_resizing_takes_the_error_of_the_same_pixels_and_keeps_the_rest() -> None:
    depth = robust_depth(np.random.default_rng(0).uniform(1, 9, (48, 80)))
    small = depth.resize(np.int64(16), 20)
    np.testing.assert_array_equal(small.depth_m, depth.depth_m[1::3, 2::4])
    np.testing.assert_array_equal(small.relative_error_map, depth.relative_error_map[1::3, 2::4])
    assert (small.head, small.counts, small.warnings) == (depth.head, depth.counts, depth.warnings)
    assert metric_depth(np.ones((4, 6))).resize(2, 3).relative_error_map is None


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "9", None])
def test_a_size_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="it must be a whole number of at least 1 px"):
        planted_plane().resize(wrong, 10)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="^width is"):
        planted_plane().resize(10, wrong)  # type: ignore[arg-type]


def test_a_result_can_be_pickled_and_copied() -> None:
    depth = robust_depth(np.random.default_rng(0).uniform(1, 9, (48, 80)))
    for again in (pickle.loads(pickle.dumps(depth)), copy.deepcopy(depth)):
        np.testing.assert_array_equal(again.depth_m, depth.depth_m)
        assert not again.depth_m.flags.writeable
        assert (again.counts, dict(again.parts)) == (depth.counts, dict(depth.parts))
        assert again.distance((1, 1), (70, 40)) == depth.distance((1, 1), (70, 40))

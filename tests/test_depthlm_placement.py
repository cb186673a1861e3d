"""Where a model is asked: near and far, on one surface, all over the photo, always the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from mfh.estimators.depthlm.placement import Placement
from mfh.head import Expectations
from mfh.records import MetricHead
from mfh.simulation.rooms import random_scene

HEIGHT, WIDTH = 120, 160


def head(scale, offset, space="disparity"):
    return MetricHead(scale, offset, space, "robust", 0.0, 0.1, np.ones(1, bool), "converged")


def placement(values, *, space="disparity", margin_px=3.0):
    return Placement(values.astype(np.float32), space, margin_px, Expectations())


def ramp(far_over_near=6.0):
    """Disparity that falls from left to right."""
    across = np.linspace(far_over_near, 1.0, WIDTH)
    return np.broadcast_to(across, (HEIGHT, WIDTH)).copy()


def at(values, points):
    return np.array([values[int(y), int(x)] for x, y in points])


def room(seed):
    photo, depth_m = random_scene(seed, height=HEIGHT, width=WIDTH)
    return photo, depth_m


def test_the_same_photo_has_the_same_questions():
    _, depth_m = room(1)
    first, again = (placement(1 / depth_m).places(16) for _ in range(2))
    assert first == again
    assert len(set(first)) == 16


@pytest.mark.parametrize(("gain", "shift"), [(1000.0, 0.0), (0.01, 5.0), (3.0, -2.0)])
def test_scale_and_offset_of_the_disparity_do_not_matter(gain, shift):
    _, depth_m = room(2)
    places = placement(1 / depth_m).places(8)
    np.testing.assert_allclose(placement(gain / depth_m + shift).places(8), places, atol=16)


@pytest.mark.parametrize("margin_px", [3.0, 11.5])
def test_arrows_have_room(margin_px):
    for seed in range(4):
        places = np.array(placement(1 / room(seed)[1], margin_px=margin_px).places(24))
        assert (places > margin_px).all()
        assert (places[:, 0] < WIDTH - margin_px).all()
        assert (places[:, 1] < HEIGHT - margin_px).all()


@pytest.mark.parametrize("blur_px", [0, 3])
def test_no_question_is_near_an_edge_of_depth(blur_px):
    """A pixel or two beside the tip is the same surface: of walls, a pole, and a steep floor."""
    values = np.ones((HEIGHT, WIDTH))
    values[:, 50:] = 2.0
    values[:, 100:103] = 4.0
    values += np.linspace(0, 3, HEIGHT)[:, None]
    values = uniform_filter(values, (0, blur_px)) if blur_px else values
    places = np.array(placement(values).places(32))
    for edge in (50, 100, 103):
        assert np.abs(places[:, 0] - edge).min() > 2
    assert at(values, places).max() > 4.5


def test_near_and_far_are_asked_about_and_the_photo_is_covered():
    values = ramp()
    places = np.array(placement(values).places(12))
    told = at(values, places)
    assert told.min() < 1.8
    assert told.max() > 5.2
    for low, high in ((0, HEIGHT / 2), (HEIGHT / 2, HEIGHT)):
        assert np.count_nonzero((places[:, 1] >= low) & (places[:, 1] < high)) >= 4
    apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(12, 1)]
    assert apart.min() > 10


def left(points):
    """The mean distance of the photo's pixels from the nearest of some points."""
    y, x = np.mgrid[2:HEIGHT:4, 2:WIDTH:4]
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    return np.linalg.norm(pixels[:, None] - np.array(points), axis=2).min(axis=1).mean()


@pytest.mark.parametrize("count", [4, 8, 32])
def test_every_part_of_the_photo_has_a_question_near(count):
    """On a photo without edges about as near as there is room for; on others nearer than chance."""
    side = np.sqrt(HEIGHT * WIDTH / count)
    in_squares = 0.3826 * side  # the mean distance from the centre of a square
    assert left(placement(ramp()).places(count)) < 1.06 * in_squares
    for seed in range(6):
        rng = np.random.default_rng(seed)
        random = [left(rng.uniform((0, 0), (WIDTH, HEIGHT), (count, 2))) for _ in range(20)]
        assert left(placement(1 / room(seed)[1]).places(count)) < min(random)


def test_the_next_round_asks_what_the_answers_so_far_leave_open():
    values = ramp()
    near = [(6.0 + 4 * index % 12, 20.0 + 10 * index) for index in range(8)]
    told = at(values, placement(values).places(8, counted=near, head=head(1.0, 0.0)))
    assert at(values, near).min() > 5.5
    assert told.max() < 5
    far = [(WIDTH - x, y) for x, y in near]
    told = at(values, placement(values).places(8, counted=far, head=head(1.0, 0.0)))
    assert at(values, far).max() < 1.6
    assert told.min() > 2.5


def test_what_gave_no_answer_is_not_asked_about_again():
    values = ramp()
    first = placement(values).places(8)
    again = placement(values).places(8, avoided=first)
    apart = np.linalg.norm(np.array(first)[:, None] - np.array(again), axis=2)
    assert apart.min() > 4


def test_what_gave_no_answer_stands_for_nothing_around_it():
    middle, flat = (WIDTH / 2, HEIGHT / 2), placement(np.full((HEIGHT, WIDTH), 3.0))
    (beside,) = flat.places(1, avoided=[middle])
    (elsewhere,) = flat.places(1, counted=[middle])
    assert np.hypot(*np.subtract(beside, middle)) < 8
    assert np.hypot(*np.subtract(elsewhere, middle)) > 20


def test_no_question_is_where_a_surface_is_steeper_than_planes_are():
    """Between two walls blurred into one another, straight in between."""
    values = np.interp(np.arange(WIDTH), [74, 86], [1.0, 4.0])
    values = np.broadcast_to(values, (HEIGHT, WIDTH))
    places = np.array(placement(values).places(64, head=head(1.0, 0.0)))
    assert ((places[:, 0] < 74) | (places[:, 0] > 86)).all()


@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_a_flat_photo_and_a_fit_that_is_not_positive_have_places_too(space):
    flat = np.full((HEIGHT, WIDTH), 3.0)
    assert len(placement(flat, space=space).places(8)) == 8
    assert len(placement(ramp(), space=space).places(8, head=head(1.0, -2.0, space))) == 8


def test_a_tiny_photo_has_as_many_places_as_there_is_room():
    places = placement(ramp()[:12, :12]).places(64)
    assert 1 <= len(places) < 20
    assert len(placement(ramp()[:1, :1]).places(4)) == 1

"""Known distances that were asked for: their kind, their files, what the fit expects of them."""

from __future__ import annotations

import json
import math

import numpy as np
import planted
import pytest
from planted_votes import EXPECTED, depths_of, robust, votes_of

import mfh
from mfh.errors import InputError
from mfh.head import LandmarkHead
from mfh.head.scatter import scatter_beside_painter
from mfh.known_distances import KnownDistance, check_distances, fingerprint, load_distances
from mfh.pipeline import MetricFromHuman
from mfh.records import Landmarks
from mfh.runs.record_files import read_landmarks, write_landmarks
from mfh.settings import Settings
from mfh.simulation import SimulatedWorld, simulated_parts
from mfh.simulation.answerer import SimulatedAnswerer
from mfh.simulation.rooms import random_scene

ASKED, MEASURED = "asked point", "measured point"


def asked(x, y, metres, **more):
    return KnownDistance(x, y, distance_m=metres, kind=ASKED, **more)


def test_each_kind_has_an_error_of_its_own():
    assert KnownDistance(1, 2, distance_m=3).kind == MEASURED
    assert KnownDistance(1, 2, distance_m=3).relative_error == 0.02
    assert asked(1, 2, 3).relative_error == 0.15
    assert asked(1, 2, 3, relative_error=0.3).relative_error == 0.3
    with pytest.raises(InputError, match="relative_error is nan; it must be a fraction"):
        asked(1, 2, 3, relative_error=math.nan)
    with pytest.raises(InputError, match="kind is 'guess'; expected .*asked point"):
        KnownDistance(1, 2, distance_m=3, kind="guess")


def test_files_tell_the_kind(tmp_path):
    entries = [
        {"x": 1, "y": 2, "distance_m": 3, "kind": ASKED},
        {"x": 3, "y": 2, "depth_m": 4, "kind": ASKED, "relative_error": 0.2},
        {"x": 5, "y": 2, "distance_m": 3, "kind": None},
    ]
    path = tmp_path / "said.json"
    path.write_text(json.dumps(entries))
    found = load_distances(path)
    assert [(each.kind, each.relative_error) for each in found] == [
        (ASKED, 0.15),
        (ASKED, 0.2),
        (MEASURED, 0.02),
    ]
    table = tmp_path / "said.csv"
    table.write_text("x,y,distance_m,kind\n1,2,3,asked point\n5,2,3,\n")
    assert [each.kind for each in load_distances(table)] == [ASKED, MEASURED]
    table.write_text("x,y,distance_m,kind\n1,2,3,asked point\n5,2,3,guessed\n")
    with pytest.raises(InputError, match=r"said\.csv, line 3: .*kind is 'guessed'"):
        load_distances(table)


def test_what_is_measured_has_the_fingerprint_it_had_before_there_were_kinds():
    assert "kind" not in fingerprint([KnownDistance(1, 2, distance_m=3)])[0]
    assert fingerprint([asked(1, 2, 3)])[0]["kind"] == ASKED


def test_answers_may_contradict_each_other_and_what_is_measured():
    photo = planted.photo()
    check_distances([asked(5.2, 5, 1), asked(5.6, 5, 9), KnownDistance(5, 5, depth_m=3)], photo)
    sure = [KnownDistance(5.2, 5, depth_m=1), KnownDistance(5.6, 5, depth_m=9)]
    with pytest.raises(InputError, match="contradict each other"):
        check_distances(sure, photo)


def test_landmarks_keep_the_kind_in_their_file(tmp_path):
    depth_m = np.array([[2.0, np.nan]], np.float32)
    landmarks = Landmarks(depth_m, np.array([[0, -1]], np.int16), np.ones(1, np.float32), (ASKED,))
    write_landmarks(tmp_path, "photo", landmarks)
    assert read_landmarks(tmp_path, "photo").kind == (ASKED,)


# What the fit expects of them


def answers(count, error=np.nan, kind=ASKED):
    x = np.linspace(0.05, 0.95, count)
    return votes_of(x, depths_of(x), kind, error)


def test_all_answers_together_may_be_wrong():
    few, many = robust(answers(8)), robust(answers(128))
    assert few.relative_error > many.relative_error > EXPECTED.asked_bias
    assert many.relative_error == pytest.approx(EXPECTED.asked_bias, rel=0.05)
    assert few.shared_error == pytest.approx(EXPECTED.asked_bias, rel=0.05)
    measured = robust(answers(128, 0.15, MEASURED))
    assert measured.relative_error < 0.5 * many.relative_error


def test_an_error_that_is_stated_takes_the_place_of_the_usual_one():
    own = [scatter_beside_painter(answers(1, error), EXPECTED)[0] for error in (np.nan, 0.15, 0.4)]
    assert own[0] == own[1] == pytest.approx(math.hypot(0.15, EXPECTED.disparity))
    assert own[2] == pytest.approx(math.hypot(0.4, EXPECTED.disparity))
    errors = [robust(answers(8, error)).relative_error for error in (0.05, np.nan, 0.4)]
    assert errors == sorted(errors)


@pytest.mark.parametrize("ratio", [0.2, 6.0])
def test_nonsense_is_set_aside_on_both_sides(ratio):
    x = np.linspace(0.05, 0.95, 16)
    said_m = depths_of(x)
    said_m[[2, 9]] *= ratio
    head = robust(votes_of(x, said_m, ASKED))
    assert np.flatnonzero(~head.used).tolist() == [2, 9]
    np.testing.assert_allclose(head.apply(x), depths_of(x), rtol=0.05)


def test_a_tape_tells_what_all_answers_are_wrong_by():
    x = np.linspace(0.05, 0.95, 17)
    said_m = depths_of(x) * np.where(np.arange(17) == 8, 1.0, 1.1)
    kinds = [MEASURED if index == 8 else ASKED for index in range(17)]
    errors = np.where(np.arange(17) == 8, 0.01, np.nan)
    alone = robust(votes_of(np.delete(x, 8), np.delete(said_m, 8), ASKED))
    both = robust(votes_of(x, said_m, kinds, errors))
    assert both.used.all()
    assert alone.apply(0.5) == pytest.approx(1.1 * depths_of(0.5), rel=0.03)
    off = math.log(both.apply(0.5) / depths_of(0.5)) / math.log(1.1)
    assert off < 0.7
    assert both.relative_error < alone.relative_error


# With people, in one fit


def scene(**errors):
    photo, depth_m = random_scene(3, height=120, width=160)
    world = SimulatedWorld(photo, depth_m, seed=3)
    answerer = SimulatedAnswerer(photo, depth_m, focal_px=photo.camera.fx, **errors)
    return world, answerer, depth_m


def said(world, answerer, points):
    from mfh.estimators.depthlm.asking import ask_points
    from mfh.estimators.depthlm.dense import distances_of

    return distances_of(ask_points(world.photo, points, answerer))


POINTS = [(20.5, 100.5), (80.5, 60.5), (140.5, 20.5), (30.5, 30.5), (120.5, 100.5)]


@pytest.mark.filterwarnings("ignore:people are measured")
def test_metric_depth_takes_answers_and_people_in_one_fit(monkeypatch):
    world, answerer, depth_m = scene(relative_error=0, nonsense=0)
    distances = said(world, answerer, POINTS)
    given = {}

    def simulated(settings, **options):
        given.update(options)
        return MetricFromHuman(**simulated_parts(world), settings=settings)

    monkeypatch.setattr(MetricFromHuman, "from_settings", staticmethod(simulated))
    settings = {"paint": "always", "paintings": 4, "target_error": 0.0}
    depth = mfh.metric_depth(
        world.photo.image,
        world.photo.camera,
        landmarks=list(distances),
        **settings,
    )
    assert given["known_distances"]
    assert depth.counts.points == len(POINTS)
    assert depth.counts.people > 0
    assert {"painter", "people", "disparity", "head"} <= set(depth.parts)
    assert np.median(np.abs(depth.depth_m / depth_m - 1)) < 0.05
    people = MetricFromHuman(**simulated_parts(world), settings=Settings(**settings)).predict(
        world.photo
    )
    assert depth.relative_error < people.relative_error


@pytest.mark.parametrize("method", ["robust", "silog", "log_l2"])
def test_every_head_fits_answers_alone(method):
    world, answerer, depth_m = scene(relative_error=0, nonsense=0)
    run = MetricFromHuman(
        None, None, simulated_parts(world)["disparity"], head=LandmarkHead(method)
    )
    depth = run.predict(world.photo, landmarks=said(world, answerer, POINTS))
    assert depth.counts.points == len(POINTS)
    assert np.median(np.abs(depth.depth_m / depth_m - 1)) < 0.05


def test_a_model_whose_answers_disagree_is_told_of():
    world, answerer, _ = scene(relative_error=0, nonsense=0.5, seed=2)
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in rng.uniform((10, 10), (150, 110), (24, 2))]
    run = MetricFromHuman(None, None, simulated_parts(world)["disparity"])
    depth = run.predict(world.photo, landmarks=said(world, answerer, points))
    assert any("of 24 answers of the model" in warning for warning in depth.warnings)

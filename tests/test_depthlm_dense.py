"""Dense depth from few answers of a simulated model: rounds, refusals, records, and how good."""

from __future__ import annotations

import json
import math

import numpy as np
import planted
import pytest

from mfh.errors import InputError, NoLandmarksError, SettingsError
from mfh.estimators.depthlm.answers import Answer
from mfh.estimators.depthlm.asking import Asked, ask_points
from mfh.estimators.depthlm.canonical import canonical_view
from mfh.estimators.depthlm.dense import distances_of
from mfh.estimators.depthlm.estimator import DepthLM
from mfh.estimators.depthlm.questions import distance_question, speed_question
from mfh.head import LandmarkHead
from mfh.photos import load_photo, resize_photo
from mfh.settings import Settings
from mfh.simulation import SimulatedDisparity, SimulatedErrors, SimulatedWorld, load_truth
from mfh.simulation.answerer import SimulatedAnswerer
from mfh.simulation.rooms import random_scene
from mfh.simulation.truth import densify, resize_truth

PERFECT = {"relative_error": 0.0, "nonsense": 0.0}


def room(seed=0):
    return random_scene(seed, height=120, width=160)


def answerer_of(photo, depth_m, **errors):
    return SimulatedAnswerer(photo, depth_m, **{"focal_px": photo.camera.fx, **PERFECT, **errors})


def method(photo, depth_m, answerer=None, errors=None, seed=0, **options):
    world = SimulatedWorld(photo, depth_m, errors, seed)
    answerer = answerer or answerer_of(photo, depth_m)
    return DepthLM(answerer, SimulatedDisparity(world), **options)


class Asking:
    """An answerer that counts what it is asked, and may say something else."""

    device = "a CPU"

    def __init__(self, model, say=lambda number, text: text):
        self.model, self.say = model, say
        self.name, self.fingerprint, self.focal_px = "model", model.fingerprint, model.focal_px
        self.asked = 0

    def answer(self, questions, progress=None):
        texts = []
        for text in self.model.answer(questions, progress):
            texts.append(self.say(self.asked, text))
            self.asked += 1
        return texts


def abs_rel(depth_m, true_m):
    known = np.isfinite(true_m) & (true_m > 0)
    return float(np.mean(np.abs(depth_m[known] / true_m[known] - 1)))


# The simulated model


@pytest.mark.parametrize("focal_px", [90.0, 130.0, 300.0])
def test_the_simulated_model_reads_the_marked_pixel_off_the_image(focal_px):
    photo, depth_m = room()
    model = answerer_of(photo, depth_m, focal_px=focal_px)
    rng = np.random.default_rng(0)
    points = [(0.5, 0.5), (159.5, 119.5), (1.5, 60.5), (158.5, 0.5)]
    points += [tuple(each) for each in rng.uniform((0, 0), (160, 120), (12, 2)).tolist()]
    view = canonical_view(photo, focal_px)
    for said in ask_points(photo, points, model):
        x, y = (math.floor(each) + 0.5 for each in view.point(said.x_px, said.y_px))
        true_m = depth_m[int(y / view.scale[1]), int(x / view.scale[0])]
        assert said.depth_m == pytest.approx(true_m, abs=0.02, rel=0.02)


def test_its_errors_belong_to_the_pixel():
    photo, depth_m = room()
    points = [(10.5 + 10 * index, 30.5) for index in range(12)]
    model = answerer_of(photo, depth_m, relative_error=0.1, nonsense=0.2)
    said = ask_points(photo, points, model)
    assert ask_points(photo, points[::-1], model)[::-1] == said
    again = answerer_of(photo, depth_m, relative_error=0.1, nonsense=0.2, seed=1)
    assert ask_points(photo, points, again) != said
    true_m = np.array([each.distance_m for each in ask_points(photo, points, answerer_of(*room()))])
    biased = ask_points(photo, points, answerer_of(photo, depth_m, bias=0.1, seed=3))
    ratio = np.array([each.distance_m for each in biased]) / true_m
    np.testing.assert_allclose(ratio, ratio[0], rtol=0.01)
    assert abs(math.log(ratio[0])) > 0.02


def test_it_refuses_what_it_cannot_know():
    photo, depth_m = room()
    model, view = answerer_of(photo, depth_m), canonical_view(photo, photo.camera.fx)
    with pytest.raises(InputError, match="answers distance and depth"):
        model.answer([speed_question(view, (20, 20), 2.0)])
    other, _ = room(1)
    with pytest.raises(InputError, match="is not room 0 at a focal length"):
        model.answer([distance_question(canonical_view(other, other.camera.fx), (20, 20))])
    with pytest.raises(SettingsError, match="a probability"):
        answerer_of(photo, depth_m, nonsense=1.5)


# Dense depth


def test_perfect_answers_give_the_truth():
    photo, depth_m = room()
    run = method(photo, depth_m, target_error=0.0, questions=16).run(photo)
    depth = run.depth
    assert abs_rel(depth.depth_m, depth_m) < 0.03
    assert depth.counts.points == len(run.answers.asked) == 16
    assert depth.counts.people == depth.counts.painted == 0
    assert set(depth.parts) == {"answerer", "disparity", "head"}
    assert depth.simulated
    assert depth.head is not None
    assert depth.relative_error == depth.head.relative_error > 0.05
    assert depth.relative_error_map.shape == photo.shape
    assert depth.painting == "none: a model was asked 16 of at most 16 questions"
    assert set(run.prediction.landmarks[0].kind) == {"asked point"}
    assert depth.warnings == ()


def test_photos_are_asked_about_at_full_size_and_fitted_at_the_working_size():
    photo, depth_m = room()
    small = method(photo, depth_m, settings=Settings(working_short_side_px=64), target_error=0.0)
    run = small.run(photo)
    assert run.prediction.working.shape == (64, 85)
    assert run.depth.depth_m.shape == photo.shape
    assert max(each.x_px for each in run.answers.asked) > 90
    assert abs_rel(run.depth.depth_m, depth_m) < 0.06


def test_asking_stops_when_the_error_is_as_wanted_or_little_is_left_to_gain():
    photo, depth_m = room()

    def asked(**options):
        run = method(photo, depth_m, **options).run(photo)
        return len(run.answers.asked), run.answers.stopped, run.depth

    count, why, depth = asked(target_error=0.1)
    assert (count, why) == (8, "target reached")
    assert depth.painting.startswith(
        "none: a model was asked 8 of at most 32 questions, the error is ± "
    )
    count, why, depth = asked(target_error=0.01, questions=400)
    assert why == "nothing to gain"
    assert 8 < count < 400
    said = next(said for said in depth.warnings if "target of ± 1 % is not reached with " in said)
    assert said.endswith(
        "ask with `mfh ask --out ASKED.json`, then `mfh predict --landmark ASKED.json --landmark "
        "x,y=METRES`, without --method."
    )
    assert asked(target_error=0.0, questions=20)[:2] == (20, "all painted")
    silog = asked(target_error=0.1, questions=12, head=LandmarkHead("silog"))
    assert silog[:2] == (12, "all painted")
    assert abs_rel(silog[2].depth_m, depth_m) < 0.03


def test_answers_without_a_distance_count_as_asked():
    photo, depth_m = room()

    def sometimes(number, text):
        return "I cannot tell." if number % 4 == 0 else text

    model = Asking(answerer_of(photo, depth_m), sometimes)
    run = method(photo, depth_m, model, target_error=0.0, questions=16).run(photo)
    assert model.asked == len(run.answers.asked) == 16
    assert run.answers.refused == 4
    assert run.depth.counts.points == 12
    assert "4 of 16 answers of model hold no distance." in run.depth.warnings
    assert run.depth.device == "a CPU"
    assert abs_rel(run.depth.depth_m, depth_m) < 0.03


def test_where_nothing_is_answered_the_message_says_what_was_said_and_what_to_do():
    photo, depth_m = room()
    model = Asking(answerer_of(photo, depth_m), lambda number, text: "I see a nice room.")
    with pytest.raises(NoLandmarksError) as caught:
        method(photo, depth_m, model, questions=12).run(photo)
    message = str(caught.value)
    assert "none of 12 answers of model holds a distance (12 x " in message
    assert '"I see a nice room."' in message
    assert message.endswith("`mfh predict --landmark x,y=METRES`, without --method")


def test_of_many_reasons_for_no_distance_the_usual_ones_are_told():
    photo, depth_m = room()
    texts = ["2 apples", "-2 m", "?", "10 kg", "10 kg", "10 kg", "?", "-2 m", "-3 m"]
    model = Asking(answerer_of(photo, depth_m), lambda number, text: texts[number])
    usual = r"\(3 x it is in 'kg'[^()]*, 2 x [^()]* 2 x [^()]*, 2 more\); to the first question"
    with pytest.raises(NoLandmarksError, match=usual):
        method(photo, depth_m, model, questions=9).run(photo)


def test_a_range_is_surer_the_narrower_it_is():
    def error(low, high):
        answer = Answer(2.0, low, high, "", "")
        return distances_of([Asked(1.5, 1.5, "distance", answer, 2.0, 1.9)])[0].relative_error

    assert error(None, None) == 0.15
    assert error(1.9, 2.1) == pytest.approx(0.153, abs=0.001)
    assert error(1.0, 4.0) == pytest.approx(math.hypot(0.15, math.log(4) / math.sqrt(12)))
    assert error(1e-3, 1e5) == 0.9


@pytest.mark.parametrize("options", [{"questions": 0}, {"question_round": 0}, {"target_error": 1}])
def test_numbers_that_cannot_be(options):
    with pytest.raises(SettingsError, match="DepthLM: questions"):
        method(*room(), **options)


# The record


def test_nothing_is_asked_twice(tmp_path):
    photo, depth_m = room()

    def run(model, notes=None):
        return method(photo, depth_m, model, target_error=0.0, questions=16).run(
            photo, folder=tmp_path, progress=notes
        )

    def fails(number, text):
        if number >= 8:
            raise KeyboardInterrupt
        return text

    interrupted = Asking(answerer_of(photo, depth_m), fails)
    with pytest.raises(KeyboardInterrupt):
        run(interrupted)
    kept = json.loads((tmp_path / "questions.json").read_text())
    assert len(kept["asked"]) == 8
    assert kept["asked"][0]["answer"]["text"].endswith("</answer>")

    rest, notes = Asking(answerer_of(photo, depth_m)), planted.Notes()
    first = run(rest, notes)
    assert rest.asked == 8
    assert notes.notes["questions"] == "16 asked, 16 answered"
    none = Asking(answerer_of(photo, depth_m))
    again = run(none)
    assert none.asked == 0
    assert again.answers.asked == first.answers.asked
    np.testing.assert_array_equal(again.depth.depth_m, first.depth.depth_m)

    other = Asking(answerer_of(photo, depth_m, relative_error=0.1))
    run(other)
    assert other.asked == 16
    (tmp_path / "questions.json").write_text("{")
    damaged = Asking(answerer_of(photo, depth_m))
    run(damaged)
    assert damaged.asked == 16


# How good


@pytest.fixture(scope="module")
def nyu(shared):
    """The NYU photos at a quarter of their size, with their truth, and that without holes."""
    intrinsics = [[518.8579, 0, 325.5824], [0, 519.4696, 253.7362], [0, 0, 1]]
    found = []
    for image, truth in (
        ("living_room_rgb.png", "living_room_depth.png"),
        ("rgb_00000.jpg", "sync_depth_00000.png"),
    ):
        photo = load_photo(shared / "data" / "nyu" / image, intrinsics)
        true_m = load_truth(shared / "data" / "nyu" / truth, photo.shape).depth_m
        small = resize_photo(photo, 120)
        small_m = resize_truth(true_m, small.shape)
        found.append((small, small_m, densify(small_m)))
    return found


@pytest.mark.slow
def test_answers_that_are_ten_per_cent_off_are_nearly_as_good_as_perfect_ones(nyu):
    """With one in twenty nonsense, and relative disparity as wrong as real models' is."""
    ratios = []
    for seed in range(12):
        photo, true_m, whole_m = nyu[seed % 2]
        found = []
        for errors in ({"relative_error": 0.1, "nonsense": 0.05}, PERFECT):
            model = answerer_of(photo, whole_m, seed=seed, **errors)
            asked = method(photo, whole_m, model, SimulatedErrors.default(), seed, target_error=0.0)
            run = asked.run(photo)
            assert len(run.answers.asked) == 32
            found.append(abs_rel(run.depth.depth_m, true_m))
        ratios.append(found[0] / found[1])
    assert np.mean(ratios) + 2 * np.std(ratios) / math.sqrt(len(ratios)) < 1.3


@pytest.mark.slow
def test_the_error_is_what_it_says():
    """A model that misreads photos by six per cent: intervals hold about as many truths."""
    within = []
    for seed in range(24):
        photo, depth_m = room(seed)
        model = answerer_of(
            photo, depth_m, relative_error=0.15, nonsense=0.05, bias=0.06, seed=seed
        )
        errors = SimulatedErrors.default()
        depth = method(photo, depth_m, model, errors, seed, target_error=0.0).predict(photo)
        off = float(np.mean(np.log(depth.depth_m / depth_m)))
        within.append(abs(off) / depth.relative_error)
    assert 0.52 < np.mean(np.array(within) < 1) < 0.9
    assert np.mean(np.array(within) < 1.645) > 0.8

"""Painting in rounds until the error is small enough: what is painted, reused, resumed and said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import planted
import pytest
from commands import files_under

from mfh.errors import InputError, NoLandmarksError
from mfh.head import LandmarkHead
from mfh.painting import PaintedFiles, plan_paintings
from mfh.people import PeopleFiles
from mfh.pipeline import MetricFromHuman
from mfh.settings import Settings, settings_from
from mfh.taking_part import images_taking_part, owners_of

STAGES = ("painted", "people", "landmarks", "disparity", "aligned", "head")


class KnowingHead(LandmarkHead):
    """The paper's fit, with a planted error: `shared^2 + own^2 / n` for n owners."""

    def __init__(self, own=0.19, shared=0.0):
        super().__init__("silog")
        self.own, self.shared = own, shared
        self.fingerprint = {**self.fingerprint, "own": own, "shared": shared}
        self.fitted = []

    def fit(self, aligned, landmarks):
        head = super().fit(aligned, landmarks)
        part = images_taking_part(aligned, landmarks)
        count = sum(len(owners_of(landmarks[index])) for index in np.flatnonzero(part))
        self.fitted.append(count)
        error = float(np.hypot(self.shared, self.own / np.sqrt(count)))
        covariance = np.diag([(error * head.scale) ** 2, 0])
        return replace(head, relative_error=error, covariance=covariance, shared_error=self.shared)


class Counting(planted.Inhabited):
    """Counts what it is asked for; somebody is in the photo, if wanted."""

    def __init__(self, inhabited=False, **options):
        super().__init__(**options)
        self.inhabited = inhabited
        self.fingerprint["inhabited"] = inhabited
        self.measured, self.estimated = [], []

    def measure(self, photo, images):
        base = super() if self.inhabited else super(planted.Inhabited, self)
        for name, people in zip(images.names, base.measure(photo, images)):
            self.measured.append(name)
            yield people

    def estimate(self, photo, images):
        base = super() if self.inhabited else super(planted.Inhabited, self)
        for name, disparity in zip(images.names, base.estimate(photo, images)):
            self.estimated.append(name)
            yield disparity


def method(world, head=None, **settings):
    chosen = {"paintings": 12, "strip_min_ratio": 0.4, **settings}
    return MetricFromHuman(
        world, world, world, head=head or KnowingHead(), settings=Settings(**chosen)
    )


def names(count):
    return ["photo", *(f"{index:04d}" for index in range(count))]


def test_it_paints_until_the_target_is_reached():
    world, head, progress = Counting(), KnowingHead(0.25), planted.Notes()
    run = method(world, head).run(planted.photo(), progress=progress)
    assert head.fitted == [4, 8]
    assert len(world.painted) == 8
    assert world.measured == world.estimated == names(8), "nothing twice"
    assert run.depth.counts.painted == 8
    assert run.depth.relative_error == pytest.approx(0.25 / np.sqrt(8))
    assert run.depth.painting == "8 of at most 12: the error is ± 9 %, as wanted"
    assert run.depth.warnings == ()
    np.testing.assert_allclose(run.depth.depth_m, planted.scene_depth(), rtol=1e-4)
    assert progress.advanced == progress.totals
    assert sorted(progress.finished) == sorted((*STAGES, "depth")), "each is done once"
    assert progress.totals["painted"] == 8
    assert progress.remarks["painted"] == [
        *["of at most 12"] * 2,
        "of at most 12, now ± 12 %",
        "of at most 12, now ± 9 %",
    ]
    assert progress.notes == dict.fromkeys((*STAGES, "depth"), "computed")


def test_what_is_painted_begins_the_plan_of_all():
    run = method(Counting(), KnowingHead(0.25)).run(planted.photo())
    plan = plan_paintings(planted.HEIGHT, planted.WIDTH, 12, seed=0, min_ratio=0.4)
    assert run.images.seeds[1:] == plan.seeds[:8]
    np.testing.assert_array_equal(run.images.repainted[1:], plan.repainted[:8])


def test_a_run_in_rounds_is_that_of_as_many_paintings_at_once(tmp_path):
    in_rounds = method(Counting(), KnowingHead(0.25)).run(planted.photo(), folder=tmp_path / "a")
    once = method(Counting(), KnowingHead(0.25), paintings=8, target_error=0).run(
        planted.photo(), folder=tmp_path / "b"
    )
    np.testing.assert_array_equal(in_rounds.depth.depth_m, once.depth.depth_m)
    np.testing.assert_array_equal(in_rounds.aligned.values, once.aligned.values)
    np.testing.assert_array_equal(in_rounds.aligned.scale, once.aligned.scale)
    assert in_rounds.aligned.reason == once.aligned.reason
    in_rounds.write(tmp_path / "a")
    once.write(tmp_path / "b")
    assert files_under(tmp_path / "a") == files_under(tmp_path / "b")
    for record in ("aligned/aligned.json", "head/head.json", "painted/painted.json"):
        assert (tmp_path / "a" / record).read_bytes() == (tmp_path / "b" / record).read_bytes()


def test_the_photos_own_people_may_do_alone():
    world = Counting(inhabited=True)
    run = method(world, KnowingHead(0.09)).run(planted.photo())
    assert world.painted == []
    assert world.measured == ["photo"]
    assert run.depth.counts.painted == 0
    assert run.depth.counts.people == run.depth.counts.in_photo == 1
    assert run.depth.painting == "none: with the photo's own people the error is ± 9 %, as wanted"
    assert "painter" not in run.depth.parts
    always = method(world, KnowingHead(0.09), paint="always").run(planted.photo())
    assert always.depth.counts.painted == 4
    assert always.depth.counts.in_photo == 1
    assert always.depth.parts["painter"] == "planted"


@pytest.mark.parametrize("photo_people", ["once", "repeated"])
def test_nothing_is_painted_where_nothing_is_wanted(photo_people):
    world = Counting(inhabited=True)
    run = MetricFromHuman(
        None,
        world,
        world,
        head=KnowingHead(0.2),
        settings=Settings(paint="never", photo_people=photo_people),
    ).run(planted.photo())
    assert run.depth.counts.in_photo == 1
    assert world.painted == []
    assert run.depth.painting == "none, as asked"
    assert "nothing was painted, as asked" in run.depth.warnings[-1]
    own = np.isfinite(planted.rendered(planted.camera(), 0, 5.0))
    np.testing.assert_allclose(run.depth.depth_m[own].mean(), 5.2, rtol=0.1)


def test_people_of_the_photo_that_are_repeated_count_in_it_until_something_is_painted():
    run = method(Counting(inhabited=True), KnowingHead(0.09), photo_people="repeated").run(
        planted.photo()
    )
    assert run.depth.counts.painted == 0
    assert run.depth.counts.in_photo == 1
    painted = method(Counting(inhabited=True), photo_people="repeated", target_error=0.01).run(
        planted.photo()
    )
    assert painted.depth.counts.painted == 12
    assert painted.depth.counts.in_photo == 0
    assert (painted.landmarks[0].owner < 0).all()
    at_once = method(Counting(inhabited=True), photo_people="repeated", target_error=0)
    at_once.settings = replace(at_once.settings, paint="always")
    expected = at_once.run(planted.photo())
    np.testing.assert_array_equal(painted.depth.depth_m, expected.depth.depth_m)


def test_nobody_in_the_photo_and_nothing_painted_says_what_to_do(tmp_path):
    with pytest.raises(NoLandmarksError) as caught:
        method(Counting(), paint="never").run(planted.photo(), folder=tmp_path)
    said = str(caught.value)
    assert "the photo itself gave nothing to measure by (nobody found), and nothing was" in said
    assert "--paint auto" in said
    assert "--landmark x,y=METRES" in said
    assert (tmp_path / "people" / "photo.npz").is_file()


def test_nobody_painted_ends_after_all_rounds(tmp_path):
    world = Counting(empty=range(12))
    with pytest.raises(NoLandmarksError, match=r"none of 12 painted photos.*12 x nobody found"):
        method(world).run(planted.photo(), folder=tmp_path)
    assert len(world.painted) == 12
    assert (tmp_path / "painted" / "0011.png").is_file()
    with pytest.raises(NoLandmarksError, match="--landmark x,y=METRES"):
        method(world).run(planted.photo(), folder=tmp_path)
    assert len(world.painted) == 12


def test_rounds_without_anybody_are_gone_through():
    run = method(Counting(empty=range(5)), KnowingHead(0.1)).run(planted.photo())
    assert run.depth.counts.painted == 8
    assert run.depth.counts.people == 3


def test_it_stops_where_no_number_of_paintings_would_help():
    run = method(Counting(), KnowingHead(0.2, shared=0.15), paintings=64).run(planted.photo())
    assert run.depth.counts.painted == 8
    said = "8 of at most 64: the others would lessen the error by less than a tenth"
    assert run.depth.painting == said
    assert run.depth.warnings[-1].startswith("The target of ± 10 % is not reached: what")


def test_a_head_that_does_not_know_its_error_has_all_painted():
    run = method(Counting(), LandmarkHead("silog")).run(planted.photo())
    assert run.depth.relative_error < 0.1
    assert run.depth.counts.painted == 12
    assert run.depth.painting == "all 12"


def test_preset_paper_paints_all_at_once():
    world = Counting()
    settings = settings_from("paper", paintings=12, strip_min_ratio=0.4)
    assert (settings.paint, settings.target_error, settings.head_method) == ("always", 0, "silog")
    run = MetricFromHuman(world, world, world, head=KnowingHead(), settings=settings)
    assert run.run(planted.photo()).depth.counts.painted == 12
    assert run.head.fitted == [12]


def test_a_painter_that_paints_more_at_once_paints_no_fewer():
    world, head = Counting(), KnowingHead(0.01)
    world.at_once = 8
    method(world, head).run(planted.photo())
    assert len(world.painted) == 8
    assert head.fitted == [8]


def test_painted_photos_that_exist_are_taken_whole(tmp_path):
    method(Counting(), target_error=0).run(planted.photo(), folder=tmp_path)
    world, head = Counting(), KnowingHead(0.01)
    painted = PaintedFiles(tmp_path / "painted")
    for settings in (Settings(), Settings(paint="always")):
        run = MetricFromHuman(painted, world, world, head=head, settings=settings)
        assert run.run(planted.photo()).depth.counts.painted == 12
    with pytest.raises(InputError, match="--paint never uses none"):
        MetricFromHuman(painted, world, world, settings=Settings(paint="never")).run(
            planted.photo()
        )


def test_a_part_that_is_needed_and_not_there_is_named():
    world = Counting()
    for paint, parts, said in (
        ("auto", (None, world), "painter of MetricFromHuman: None"),
        ("never", (None, None), "people of MetricFromHuman: None"),
        ("always", (None, None), "painter and people of MetricFromHuman: None"),
    ):
        with pytest.raises(InputError, match=said):
            MetricFromHuman(*parts, world, settings=Settings(paint=paint)).run(planted.photo())


def record_files(folder: Path):
    return {
        path: path.stat().st_mtime_ns
        for stage in ("painted", "people", "disparity")
        for path in sorted((folder / stage).iterdir())
        if path.suffix in (".npz", ".png") and "_repainted" not in path.name
    }


def test_the_second_run_reuses_everything(tmp_path):
    first = method(Counting(), KnowingHead(0.25)).run(planted.photo(), folder=tmp_path)
    written = record_files(tmp_path)
    world, progress = Counting(), planted.Notes()
    second = method(world, KnowingHead(0.25)).run(
        planted.photo(), folder=tmp_path, progress=progress
    )
    assert progress.notes == {**dict.fromkeys(STAGES, "reused"), "depth": "computed"}
    assert world.painted == world.measured == world.estimated == []
    np.testing.assert_array_equal(second.depth.depth_m, first.depth.depth_m)
    assert second.depth.counts == first.depth.counts
    assert record_files(tmp_path) == written


def test_a_tighter_target_only_paints_more_and_a_looser_one_uses_fewer(tmp_path):
    first = method(Counting(), KnowingHead(0.25)).run(planted.photo(), folder=tmp_path)
    written = record_files(tmp_path)
    world, progress = Counting(), planted.Notes()
    more = method(world, KnowingHead(0.25), target_error=0.075).run(
        planted.photo(), folder=tmp_path, progress=progress
    )
    assert len(world.painted) == 4
    assert world.measured == world.estimated == names(12)[9:]
    assert progress.notes["painted"] == "continued after 8 of 12"
    assert progress.notes["people"] == progress.notes["disparity"] == "continued after 9 of 13"
    assert progress.notes["head"].startswith("recomputed: images 9 -> 13")
    assert {path: time for path, time in record_files(tmp_path).items() if path in written} == (
        written
    )
    fresh = method(Counting(), KnowingHead(0.25), target_error=0.075).run(planted.photo())
    np.testing.assert_array_equal(more.depth.depth_m, fresh.depth.depth_m)

    world = Counting()
    again = method(world, KnowingHead(0.25)).run(planted.photo(), folder=tmp_path)
    assert world.painted == world.measured == world.estimated == []
    np.testing.assert_array_equal(again.depth.depth_m, first.depth.depth_m)
    assert json.loads((tmp_path / "painted" / "painted.json").read_text())["names"] == names(8)[1:]


@pytest.mark.parametrize("stage", ["paint", "measure", "estimate"])
@pytest.mark.parametrize("after", [1, 4, 6])
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, stage, after):
    class Interrupted(Counting):
        done = 0

        def counted(self, values):
            for value in values:
                if self.done == after:
                    raise KeyboardInterrupt
                self.done += 1
                yield value

    def interrupted(self, *given):
        return self.counted(getattr(Counting, stage)(self, *given))

    setattr(Interrupted, stage, interrupted)
    with pytest.raises(KeyboardInterrupt):
        method(Interrupted(), KnowingHead(0.25)).run(planted.photo(), folder=tmp_path)
    assert not (tmp_path / "painted").exists()
    world, progress = Counting(), planted.Notes()
    resumed = method(world, KnowingHead(0.25)).run(
        planted.photo(), folder=tmp_path, progress=progress
    )
    fresh = method(Counting(), KnowingHead(0.25)).run(planted.photo())
    np.testing.assert_array_equal(resumed.depth.depth_m, fresh.depth.depth_m)
    assert not list(tmp_path.rglob("*.partial"))
    done = {"paint": world.painted, "measure": world.measured, "estimate": world.estimated}
    total = 8 + (stage != "paint")
    assert len(done[stage]) == total - after
    name = {"paint": "painted", "measure": "people", "estimate": "disparity"}[stage]
    assert progress.notes[name] == f"continued after {after} of {total}"


def test_records_of_the_photo_serve_whatever_is_painted(tmp_path):
    """First without painting, then with, with another seed, and without again."""

    def run(**settings):
        world, progress = Counting(inhabited=True), planted.Notes()
        MetricFromHuman(
            None if settings.get("paint") == "never" else world,
            world,
            world,
            head=KnowingHead(0.2),
            settings=Settings(**{"paintings": 4, "strip_min_ratio": 0.4, **settings}),
        ).run(planted.photo(), folder=tmp_path, progress=progress)
        return world, progress.notes

    run(paint="never")
    world, notes = run()
    assert world.measured == world.estimated == names(4)[1:]
    assert notes["painted"] == "computed"
    assert notes["people"] == notes["disparity"] == "continued after 1 of 5"
    world, notes = run(paint="never")
    assert world.measured == world.estimated == []
    assert notes["people"] == notes["disparity"] == "reused"
    assert (tmp_path / "people" / "0003.npz").is_file(), "what is not asked for stays"
    world, _ = run()
    assert world.painted == world.measured == world.estimated == []
    world, notes = run(seed=1)
    assert len(world.painted) == 4
    assert world.measured == world.estimated == names(4)[1:]
    assert notes["people"] == notes["disparity"] == "recomputed: painted changed"


def test_records_of_earlier_paintings_stay_until_there_are_others(tmp_path):
    class Interrupted(Counting):
        def estimate(self, photo, images):
            yield from list(super().estimate(photo, images))[:1]
            raise KeyboardInterrupt

    method(Counting(), paintings=4).run(planted.photo(), folder=tmp_path)
    before = record_files(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        method(Interrupted(), paintings=4, seed=1).run(planted.photo(), folder=tmp_path)
    kept = {path: time for path, time in before.items() if "disparity" in path.parts}
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_what_was_simulated_stays_so_when_a_later_run_does_without(tmp_path):
    class Simulated(Counting):
        name = "simulated: planted"

    method(Simulated(inhabited=True)).run(planted.photo(), folder=tmp_path)
    world = Counting(inhabited=True)
    MetricFromHuman(None, world, world, settings=Settings(paint="never")).run(
        planted.photo(), folder=tmp_path
    )
    assert PaintedFiles(tmp_path / "painted").name == "simulated, from files: painted"
    assert PeopleFiles(tmp_path / "people").name == "files: people"


def test_parts_that_change_their_mind_between_rounds_are_named():
    class Turning(Counting):
        def estimate(self, photo, images):
            for name, disparity in zip(images.names, super().estimate(photo, images)):
                yield replace(disparity, space="depth") if name == "0005" else disparity

    with pytest.raises(InputError, match="in depth and disparity; .* all in one space"):
        method(Turning(), KnowingHead(0.25), painting_round=1).run(planted.photo())


def test_a_part_without_a_fingerprint_is_not_reused_but_done_once(tmp_path):
    for _ in range(2):
        world, progress = Counting(), planted.Notes()
        del world.fingerprint
        method(world, KnowingHead(0.25)).run(planted.photo(), folder=tmp_path, progress=progress)
        assert len(world.painted) == 8
        assert world.measured == world.estimated == names(8)
    assert progress.notes["painted"] == "recomputed: another part"


def test_the_error_of_each_pixel_is_given_at_the_photos_size():
    photo = planted.photo()
    run = method(Counting(), KnowingHead(0.25), working_short_side_px=64).run(photo)
    errors = run.depth.relative_error_map
    assert errors.shape == photo.shape
    np.testing.assert_allclose(
        errors,
        run.head.relative_error_of((1 / run.depth.depth_m - run.head.offset) / run.head.scale),
        rtol=1e-3,
    )
    assert method(Counting(), LandmarkHead("silog")).run(photo).depth.relative_error_map is None

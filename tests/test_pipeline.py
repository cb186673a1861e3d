"""The whole flow on a planted world: right depth, reuse, resume, and what stops it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import planted
import pytest

from mfh.errors import InputError, NoLandmarksError, OutputError, RunFolderError
from mfh.pipeline import MetricFromHuman
from mfh.records import Disparity, People
from mfh.runs import record_files as files
from mfh.settings import Settings

STAGES = ("painted", "people", "landmarks", "disparity", "aligned", "head")
# All at once, by the paper's fit; rounds have tests of their own.
SETTINGS = {"paintings": 6, "target_error": 0, "strip_min_ratio": 0.4, "head_method": "silog"}
REUSED = {**dict.fromkeys(STAGES, "reused"), "depth": "computed"}


def method(world=None, **settings):
    world = world or planted.World()
    return MetricFromHuman(
        world,
        world,
        world,
        settings=Settings(**{**SETTINGS, **settings}),
    )


def test_recovers_the_planted_depth():
    progress = planted.Notes()
    run = method().run(planted.photo(), progress=progress)
    np.testing.assert_allclose(run.depth.depth_m, planted.scene_depth(), rtol=1e-4)
    assert run.head.scale == pytest.approx(1 / planted.SCALE, rel=1e-3)
    assert run.head.offset == pytest.approx(-planted.OFFSET / planted.SCALE, rel=1e-3)
    assert run.depth.counts.people == run.depth.counts.kept == 6
    assert progress.notes == dict.fromkeys((*STAGES, "depth"), "computed")
    assert progress.advanced == progress.totals


@pytest.mark.parametrize("method_name", ["silog", "log_l2", "l1", "l2"])
def test_every_loss_recovers_it(method_name):
    depth = method(head_method=method_name).predict(planted.photo())
    np.testing.assert_allclose(depth.depth_m, planted.scene_depth(), rtol=1e-3)
    assert depth.head.method == method_name


def test_a_photo_larger_than_the_working_size_comes_back_at_its_own():
    small = planted.photo()
    run = method(working_short_side_px=64).run(small)
    assert run.working.shape == (64, 85)
    assert run.depth.depth_m.shape == small.shape
    np.testing.assert_allclose(run.depth.depth_m, planted.scene_depth(), rtol=1e-2)
    np.testing.assert_allclose(run.depth.depth_m[4:-4], planted.scene_depth()[4:-4], rtol=1e-3)


def test_dropped_paintings_are_counted_with_their_reasons():
    world = planted.World(empty=[0, 3], flipped=[1])
    run = method(world).run(planted.photo())
    assert run.verdicts[1] == run.verdicts[4] == "nobody found"
    assert run.verdicts[2] == "alignment scale not positive"
    assert dict(run.depth.counts.rejected) == {
        "nobody found": 2,
        "alignment scale not positive": 1,
    }
    assert run.depth.counts.with_people == 4
    assert run.depth.counts.kept == 3
    np.testing.assert_allclose(run.depth.depth_m, planted.scene_depth(), rtol=1e-4)


def test_nobody_found_says_so_with_counts():
    with pytest.raises(NoLandmarksError, match=r"none of 6 painted photos.*6 x nobody found"):
        method(planted.World(empty=range(6))).run(planted.photo())


class Refusing(planted.World):
    """Finds somebody in an empty painting, and refuses them."""

    def measure(self, photo, painted):
        for name, people in zip(painted.names, super().measure(photo, painted)):
            yield people if len(people) else replace(people, refused=(f"hides in {name[:2]}",))


def test_who_was_found_and_refused_is_told(tmp_path):
    run = method(Refusing(empty={1, 4})).run(planted.photo(), folder=tmp_path)
    assert run.verdicts[2] == run.verdicts[5] == "somebody hides in 00"
    assert dict(run.depth.counts.rejected) == {"somebody hides in 00": 2}
    again = method(Refusing(empty={1, 4})).run(planted.photo(), folder=tmp_path)
    assert again.verdicts == run.verdicts
    with pytest.raises(NoLandmarksError, match=r"none of 6.*6 x somebody hides in 00.*full view"):
        method(Refusing(empty=range(6))).run(planted.photo())


def test_alignment_scale_not_positive_everywhere_says_so():
    with pytest.raises(NoLandmarksError, match="6 x alignment scale not positive"):
        method(planted.World(flipped=range(6))).run(planted.photo())


def test_people_outside_the_strip_count_only_when_asked():
    class Stranger(planted.World):
        def place(self, strip, seed):
            columns = np.flatnonzero(strip.any(axis=0))
            left = 0 if columns.mean() > planted.WIDTH / 2 else planted.WIDTH - 32
            return float(left), 2.0

    narrow = {"strip_min_ratio": 0.2, "strip_max_ratio": 0.3}
    with pytest.raises(NoLandmarksError, match="6 x people found outside the strip only"):
        method(Stranger(), **narrow).run(planted.photo())
    everyone = method(Stranger(), photo_people="repeated", **narrow).run(planted.photo())
    assert everyone.depth.counts.people == 6


@pytest.mark.parametrize("photo_people", ["once", "repeated"])
def test_a_mesh_without_a_mask_counts_where_it_is_seen_in_the_strip(photo_people):
    class Unmasked(planted.World):
        def measure(self, photo, painted):
            for people in super().measure(photo, painted):
                yield replace(people, mask=np.ones_like(people.mask))

        def estimate(self, photo, painted):
            """Of a box that is wider than its strip, only what is in the strip was painted."""
            whole = super().estimate(photo, painted)
            without = planted.World(empty=range(6)).estimate(photo, painted)
            for strip, one, other in zip(painted.repainted, whole, without):
                yield replace(one, values=np.where(strip, one.values, other.values))

    narrow = {"strip_min_ratio": 0.2, "strip_max_ratio": 0.3}
    run = method(Unmasked(), photo_people=photo_people, **narrow).run(planted.photo())
    assert run.depth.counts.people == 6
    np.testing.assert_allclose(run.depth.depth_m, planted.scene_depth(), rtol=1e-4)


def test_a_part_that_gives_another_size_is_named():
    class Small(planted.World):
        def measure(self, photo, painted):
            for _ in painted.names:
                yield People(
                    np.ones((1, 3, 3)), [[0, 1, 2]], np.ones((1, 4, 5), bool), [[0] * 4], [1]
                )

    with pytest.raises(InputError, match=r"people.*5 x 4 px.*128 x 96 px"):
        method(Small()).run(planted.photo())

    class Cropped(planted.World):
        def paint(self, photo, plan):
            yield from (image[:-1] for image in super().paint(photo, plan))

    with pytest.raises(InputError, match=r"painted photo: \(95, 128, 3\).*give \(96, 128, 3\)"):
        method(Cropped()).run(planted.photo())

    class Other(planted.World):
        def estimate(self, photo, painted):
            for _ in painted.names:
                yield Disparity(np.ones((1, 4, 5)))

    with pytest.raises(InputError, match=r"disparity: \(1, 4, 5\).*must give \(1, 96, 128\)"):
        method(Other()).run(planted.photo())

    class Mixed(planted.World):
        def estimate(self, photo, painted):
            for index, disparity in enumerate(super().estimate(photo, painted)):
                yield replace(disparity, space="depth") if index == 2 else disparity

    with pytest.raises(InputError, match="in depth and disparity; .* all in one space"):
        method(Mixed()).run(planted.photo())


def test_the_second_run_reuses_everything(tmp_path):
    first = method().run(planted.photo(), folder=tmp_path)
    progress = planted.Notes()
    world = planted.World()
    second = method(world).run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes == REUSED
    assert world.painted == []
    np.testing.assert_array_equal(second.depth.depth_m, first.depth.depth_m)
    np.testing.assert_array_equal(second.images.images, first.images.images)
    np.testing.assert_array_equal(second.people[2].vertices_m, first.people[2].vertices_m)
    np.testing.assert_array_equal(second.landmarks[2].depth_m, first.landmarks[2].depth_m)
    described = json.loads((tmp_path / "run.json").read_text())
    assert described["settings"]["paintings"] == 6
    assert described["photo"]["camera"]["fx"] == 110
    assert described["versions"]["numpy"]
    assert not list(tmp_path.glob("**/*.partial"))


def test_a_changed_setting_recomputes_what_depends_on_it_and_says_why(tmp_path):
    method().run(planted.photo(), folder=tmp_path)
    progress = planted.Notes()
    method(erosion_px=5).run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["people"] == progress.notes["disparity"] == "reused"
    assert progress.notes["landmarks"] == "recomputed: erosion_px 3 -> 5"
    assert progress.notes["head"] == "recomputed: landmarks changed"
    method(seed=1).run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["painted"] == "recomputed: seed 0 -> 1"
    method(seed=1).run(planted.photo(seed=9), folder=tmp_path, progress=progress)
    assert progress.notes["painted"] == "recomputed: photo changed"


def test_where_a_camera_is_from_does_not_matter(tmp_path):
    photo, progress = planted.photo(), planted.Notes()
    method().run(photo, folder=tmp_path)
    renamed = replace(photo, camera=replace(photo.camera, note="other.json"))
    run = method().run(renamed, folder=tmp_path, progress=progress)
    assert progress.notes == REUSED
    assert run.depth.camera.note == "other.json"
    moved = replace(photo, camera=replace(photo.camera, cx=61))
    method().run(moved, folder=tmp_path, progress=progress)
    assert progress.notes["painted"] == progress.notes["disparity"] == "reused"
    assert progress.notes["people"] == "recomputed: camera changed"


def test_another_part_recomputes_its_stage(tmp_path):
    method().run(planted.photo(), folder=tmp_path)
    progress = planted.Notes()
    world = planted.World(empty=[2])
    method(world).run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["painted"] == "recomputed: empty [] -> [2]"


def test_a_part_without_a_fingerprint_is_never_reused(tmp_path):
    world = planted.World()
    del world.fingerprint
    method(world).run(planted.photo(), folder=tmp_path)
    progress = planted.Notes()
    method(world).run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["painted"].startswith("recomputed")
    assert progress.notes["head"].startswith("recomputed")


def test_an_interrupted_painting_goes_on_where_it_stopped(tmp_path):
    class Interrupted(planted.World):
        def paint(self, photo, plan):
            for count, image in enumerate(super().paint(photo, plan)):
                if count == 4:
                    raise KeyboardInterrupt
                yield image

    with pytest.raises(KeyboardInterrupt):
        method(Interrupted()).run(planted.photo(), folder=tmp_path)
    assert len(list(tmp_path.glob("painted.partial/0*.png"))) == 4
    assert not (tmp_path / "painted").exists()
    progress, world = planted.Notes(), planted.World()
    resumed = method(world).run(planted.photo(), folder=tmp_path, progress=progress)
    assert len(world.painted) == 2
    assert progress.notes["painted"] == "continued after 4 of 6"
    fresh = method().run(planted.photo())
    np.testing.assert_array_equal(resumed.images.images, fresh.images.images)
    np.testing.assert_array_equal(resumed.depth.depth_m, fresh.depth.depth_m)


def test_an_interrupted_painting_with_other_settings_starts_anew(tmp_path):
    class Interrupted(planted.World):
        def paint(self, photo, plan):
            yield next(iter(super().paint(photo, plan)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method(Interrupted()).run(planted.photo(), folder=tmp_path)
    world = planted.World()
    method(world, seed=5).run(planted.photo(), folder=tmp_path)
    assert len(world.painted) == 6


def test_what_a_killed_run_left_half_written_is_removed(tmp_path):
    class Killed(planted.World):
        def measure(self, photo, painted):
            yield next(iter(super().measure(photo, painted)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method(Killed()).run(planted.photo(), folder=tmp_path)
    for folder in (".", "photo", "people.partial"):
        (tmp_path / folder / ".mfh-0123456789abcdef.npz").write_bytes(b"half")
    progress = planted.Notes()
    method().run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["people"] == "continued after 1 of 7"
    assert not list(tmp_path.rglob(".mfh-*"))


def test_results_of_an_earlier_run_do_not_outlive_its_records(tmp_path):
    method().run(planted.photo(), folder=tmp_path)
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(NoLandmarksError):
        method(planted.World(empty=range(6))).run(planted.photo(), folder=tmp_path)
    assert not (tmp_path / "summary.json").exists()


def test_records_of_another_size_are_made_again(tmp_path):
    first = method().run(planted.photo(), folder=tmp_path)
    files.write_painted_image(tmp_path / "painted", "0005", np.zeros((9, 8, 3), np.uint8))
    files.write_people(tmp_path / "people", "0003", People.nobody(9, 8))
    files.write_disparity(tmp_path / "disparity", "0001", Disparity(np.ones((1, 9, 8))))
    progress = planted.Notes()
    second = method().run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["painted"] == "continued after 5 of 6"
    assert progress.notes["people"] == "continued after 4 of 7"
    assert progress.notes["disparity"] == "continued after 2 of 7"
    np.testing.assert_array_equal(second.depth.depth_m, first.depth.depth_m)


def test_damaged_records_are_made_again(tmp_path):
    first = method().run(planted.photo(), folder=tmp_path)
    (tmp_path / "people" / "0003.npz").write_bytes(b"cut short")
    (tmp_path / "painted" / "0005.png").write_bytes(b"cut short")
    (tmp_path / "disparity" / "photo.npz").write_bytes(b"")
    (tmp_path / "head" / "stage.json").write_text("{")
    progress = planted.Notes()
    world = planted.World()
    second = method(world).run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["painted"] == "continued after 5 of 6"
    assert len(world.painted) == 1
    assert progress.notes["people"] == "continued after 4 of 7"
    assert progress.notes["disparity"] == "recomputed: its files are damaged"
    assert progress.notes["head"] == "recomputed: its record is damaged"
    np.testing.assert_array_equal(second.depth.depth_m, first.depth.depth_m)


def test_more_paintings_are_added_to_those_there_are(tmp_path):
    method(paintings=4).run(planted.photo(), folder=tmp_path)
    progress, world = planted.Notes(), planted.World()
    more = method(world).run(planted.photo(), folder=tmp_path, progress=progress)
    assert len(world.painted) == 2
    assert progress.notes["painted"] == "continued after 4 of 6"
    assert progress.notes["disparity"] == "continued after 5 of 7"
    assert progress.notes["head"].startswith("recomputed: images 5 -> 7")
    whole = method().run(planted.photo())
    np.testing.assert_array_equal(more.depth.depth_m, whole.depth.depth_m)
    fewer = method(paintings=3).run(planted.photo(), folder=tmp_path, progress=progress)
    assert progress.notes["painted"] == progress.notes["people"] == "reused"
    assert fewer.depth.counts.painted == 3
    assert len(list((tmp_path / "painted").glob("000?.png"))) == 6


def test_people_of_the_photo_count_once_or_in_every_painting():
    once = method(planted.Inhabited()).run(planted.photo())
    assert set(once.landmarks[0].kind) == {"person"}
    assert set(once.landmarks[1].kind) == {"painted person"}
    assert (once.landmarks[0].owner >= 0).any()
    assert once.depth.counts.in_photo == 1
    assert once.depth.counts.people == 7
    assert once.verdicts[0] == ""
    assert once.aligned.scale[0] == pytest.approx(1)
    repeated = method(planted.Inhabited(), photo_people="repeated").run(planted.photo())
    assert (repeated.landmarks[0].owner < 0).all()
    assert repeated.depth.counts.in_photo == 0
    assert 6 < repeated.depth.counts.people <= 12
    scene = np.isnan(planted.rendered(planted.camera(), 0, 5.0))
    for run in (once, repeated):
        np.testing.assert_allclose(
            run.depth.depth_m[scene], planted.scene_depth()[scene], rtol=1e-3
        )


def test_people_of_the_photo_are_enough():
    alone = method(planted.Inhabited(empty=range(6), flipped=range(6))).run(planted.photo())
    assert alone.depth.counts.people == alone.depth.counts.in_photo == 1
    assert alone.depth.counts.kept == 0


def test_a_run_folder_of_another_version_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"format": 99}')
    with pytest.raises(RunFolderError, match="format 99.*another folder"):
        method().run(planted.photo(), folder=tmp_path)
    (tmp_path / "run.json").write_text("nonsense")
    with pytest.raises(RunFolderError, match="damaged"):
        method().run(planted.photo(), folder=tmp_path)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        method().run(planted.photo(), folder=tmp_path / "taken")


def test_a_part_that_gives_too_few_or_too_many_results_is_named(tmp_path):
    class Lazy(planted.World):
        def measure(self, photo, painted):
            yield from list(super().measure(photo, painted))[:-1]

    class Eager(planted.World):
        def measure(self, photo, painted):
            yield from super().measure(photo, painted)
            yield People.nobody(*photo.shape)

    for world, count in ((Lazy, 6), (Eager, 8)):
        for folder in (None, tmp_path / world.__name__):
            with pytest.raises(InputError, match=f"people: the part gave {count} results for 7"):
                method(world()).run(planted.photo(), folder=folder)


def test_landmarks_at_one_depth_hold_the_offset_and_warn():
    class Flat(planted.World):
        def place(self, strip, seed):
            return super().place(strip, seed)[0], 2.0

        def measure(self, photo, painted):
            for people in super().measure(photo, painted):
                flat = people.vertices_m.copy()
                flat *= 2.0 / flat[..., 2:]
                yield type(people)(flat, people.faces, people.mask, people.box_px, people.score)

    progress = planted.Notes()
    run = method(Flat()).run(planted.photo(), progress=progress)
    assert run.head.status == "offset held"
    assert any("offset was held at 0" in warning for warning in progress.warnings)

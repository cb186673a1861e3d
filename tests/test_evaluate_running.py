"""Running an evaluation: what is made, kept, shared, resumed, refused and named."""

from __future__ import annotations

import gc
import json
import math
import shutil
import weakref
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
import pytest
from filelock import FileLock
from small_rooms import NAMES, rooms

from mfh.datasets import open_data_set
from mfh.errors import (
    InputError,
    MissingPartError,
    NumericsError,
    OutputError,
    RunFolderError,
    SettingsError,
)
from mfh.evaluation.engines.base import Task
from mfh.evaluation.engines.serial_engine import SerialEngine
from mfh.evaluation.methods.base import Case, Row
from mfh.evaluation.methods.mfh_specs import OracleSpec, mfh_spec
from mfh.evaluation.runs.progress import EvaluationProgress, TimeLeft
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.runs.running import evaluate, photo_seed
from mfh.records import MetricDepth
from mfh.settings import settings_from
from mfh.simulation import SimulatedErrors


def row(key="mfh", text="simulated", errors=None, **changes):
    settings = settings_from("paper", **{"paintings": 2, **changes})
    return Row(key, key, mfh_spec(text, settings, errors or SimulatedErrors.default()))


def run(data_set, rows, folder, seeds=(0,), engine=None, **options):
    return evaluate(data_set, rows, seeds, folder, engine or SerialEngine(), **options)


def depths(result):
    """Every prediction by row, seed and name."""
    return {
        (info.key, seed, name): result.run.predictions(info.key, seed).read(name).depth_m
        for info in result.run.rows
        for seed in info.seeds
        for name in result.run.names
    }


@dataclass(frozen=True)
class Constant:
    """A method that gives one depth everywhere, or fails where it is told to."""

    depth_m: float = 2.0
    fails: tuple[str, ...] = ()
    missing: str = ""
    error: type[Exception] = InputError
    needs_truth = False
    seeded = False

    def as_dict(self):
        return {"method": "constant", "depth_m": self.depth_m}

    def make(self):
        if self.missing:
            raise MissingPartError(self.missing)
        return self

    def predict(self, case):
        if case.name in self.fails:
            raise self.error(f"{case.name}: no")
        depth_m = np.full(case.photo.shape, self.depth_m, np.float32)
        return MetricDepth(depth_m, case.photo.camera)


@pytest.fixture
def data(tmp_path):
    return rooms(tmp_path / "data")


def test_what_is_there_is_not_made_again_and_more_may_be_added(data, tmp_path):
    first = run(data, [row()], tmp_path / "run", limit=2)
    assert (first.made, first.there, first.failed) == (2, 0, ())
    assert first.run.names == NAMES[:2]
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.npz")}

    more = run(data, [row(), row("l2", head_method="l2")], tmp_path / "run", seeds=(0, 1))
    assert (more.made, more.there) == (10, 2)
    assert RunInfo.read(tmp_path / "run") == more.run
    assert [(info.key, info.seeds) for info in more.run.rows] == [("mfh", (0, 1)), ("l2", (0, 1))]
    for path, time in written.items():
        if "predictions" in path.parts:
            assert path.stat().st_mtime_ns == time
    at_once = run(data, [row(), row("l2", head_method="l2")], tmp_path / "other", seeds=(0, 1))
    found, expected = depths(more), depths(at_once)
    assert found.keys() == expected.keys()
    for key, depth_m in expected.items():
        np.testing.assert_array_equal(found[key], depth_m)

    # Fewer are asked for: the others stay.
    again = run(data, [row()], tmp_path / "run", limit=1)
    assert (again.made, again.there) == (0, 1)
    assert again.run == more.run


def test_photos_and_seeds_have_random_choices_of_their_own(data, tmp_path):
    result = run(data, [row()], tmp_path / "run", seeds=(0, 1))
    errors = {
        (name, seed): np.median(
            result.run.predictions("mfh", seed).read(name).depth_m / data.truth(sample)
        )
        for seed in (0, 1)
        for sample in data.samples()
        for name in [sample.name]
    }
    assert len({round(float(error), 4) for error in errors.values()}) == 6
    assert photo_seed(0, "a") == photo_seed(0, "a") != photo_seed(0, "b")
    assert 0 <= photo_seed(2**62, "a") < 2**63
    report = result.run.predictions("mfh", 1).read("rgb/room_0").report
    assert report["photo_seed"] == photo_seed(1, "rgb/room_0")
    assert report["counts"]["painted"] == 2
    assert report["head"]["method"] == "silog"


def test_a_damaged_prediction_is_named_and_made_again(data, tmp_path):
    class Named(EvaluationProgress):
        def __init__(self):
            self.paths = []

        def damaged(self, path):
            self.paths.append(path)

    result = run(data, [row()], tmp_path / "run")
    folder = result.run.predictions("mfh", 0)
    path = folder.file(result.run.names[0])
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    progress = Named()
    again = run(data, [row()], tmp_path / "run", progress=progress)
    assert progress.paths == [path]
    assert (again.made, again.there) == (1, len(result.run.names) - 1)
    assert folder.read(result.run.names[0]).depth_m.shape


def test_another_run_is_not_mixed_in(data, tmp_path):
    run(data, [row()], tmp_path / "run", limit=1)
    with pytest.raises(
        RunFolderError, match=r"another method \(erosion_px 3 -> 1, head_method silog -> l2\)"
    ):
        run(data, [row(head_method="l2", erosion_px=1)], tmp_path / "run")
    with pytest.raises(
        RunFolderError, match=r"\(person_size 0.17 -> 0.0, .* and \d+ more\); choose"
    ):
        run(data, [row(errors=SimulatedErrors.none())], tmp_path / "run")
    nearer = open_data_set("folder", data.root, max_m="5")
    with pytest.raises(RunFolderError, match=r"another evaluation .max_m 80.0 -> 5.0"):
        run(nearer, [row()], tmp_path / "run")
    other = rooms(tmp_path / "others")
    object.__setattr__(other, "name", "nyu")
    with pytest.raises(RunFolderError, match="data set folder -> nyu"):
        run(other, [row()], tmp_path / "run")
    with pytest.raises(
        RunFolderError, match="has a row 'mfh', whose folder would be that of 'MfH'"
    ):
        run(data, [row("MfH")], tmp_path / "run")
    # Where it is computed, and how much at once, is no other method.
    run(data, [row(**{"device": "cpu", "painter.batch": 3})], tmp_path / "run", limit=1)


def test_the_photos_of_another_folder_are_not_taken_for_those_that_were_predicted(data, tmp_path):
    rows, folder = [Row("c", "c", Constant(fails=("rgb/room_2",)))], tmp_path / "run"
    assert run(data, rows, folder).made == 2
    # It moved, with new times of its files.
    shutil.copytree(data.root, tmp_path / "moved", copy_function=shutil.copyfile)
    moved = open_data_set("folder", tmp_path / "moved")
    assert run(moved, rows, folder).there == 2
    before = (folder / "run.json").read_bytes()

    def with_other_depth(name):
        """The same photos, and other depth of one in a file of the same size."""
        other = tmp_path / f"other_{name}"
        shutil.copytree(data.root, other)
        path = other / "depth" / f"{name}.npy"
        size = path.stat().st_size
        np.save(path, np.load(path) * np.float32(1.5))
        assert path.stat().st_size == size
        return open_data_set("folder", other)

    with pytest.raises(RunFolderError, match=r"photo 'rgb/room_1' with another truth file than"):
        run(with_other_depth("room_1"), rows, folder)
    shutil.copy(data.root / "rgb" / "room_0.png", moved.root / "rgb" / "room_1.png")
    with pytest.raises(RunFolderError, match=r"photo 'rgb/room_1' with another photo file than"):
        run(moved, rows, folder)
    assert (folder / "run.json").read_bytes() == before
    # What was never predicted may be mended.
    assert run(with_other_depth("room_2"), [Row("c", "c", Constant())], folder).made == 1


@pytest.mark.parametrize("key", ["a b", "", "..", "../../out", "a/b", "nul", "CON.x", "a.", "ü"])
def test_keys_that_cannot_name_a_folder_are_refused_before_anything_is_written(data, tmp_path, key):
    with pytest.raises(InputError, match="its key cannot name a folder"):
        run(data, [Row(key, "a row", Constant())], tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("other", ["mfh", "MfH"])
def test_two_rows_need_two_keys(data, tmp_path, other):
    with pytest.raises(InputError, match=f"two rows have the key '{other}'"):
        run(data, [row(), row(other)], tmp_path / "run")


def test_a_drive_without_locks_is_named(data, monkeypatch, tmp_path):
    def no_locks(_: FileLock) -> None:
        raise NotImplementedError("no locks here")

    monkeypatch.setattr(FileLock, "acquire", no_locks)
    with pytest.raises(OutputError, match=r"run\.lock: cannot be locked \(no locks here\).*--out"):
        run(data, [row()], tmp_path / "run")


def test_a_lock_that_cannot_be_opened_is_named(data, tmp_path):
    (tmp_path / "run" / "run.lock").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"run\.lock: cannot be locked \(.*another folder with"):
        run(data, [row()], tmp_path / "run")


def test_another_process_is_not_disturbed(data, tmp_path):
    with (
        FileLock(tmp_path / "run.lock"),
        pytest.raises(RunFolderError, match="another process is writing this run"),
    ):
        run(data, [row()], tmp_path)


def test_failures_are_kept_by_name_and_tried_again(data, tmp_path):
    failing = Row("c", "c", Constant(fails=("rgb/room_1",)))
    result = run(data, [failing], tmp_path / "run", seeds=(3, 4))
    assert result.failed == (("c", 0, "rgb/room_1", "rgb/room_1: no"),)
    assert (result.made, result.run.rows[0].seeds) == (2, (0,))
    assert result.run.predictions("c", 0).failure("rgb/room_1") == "rgb/room_1: no"
    again = run(data, [Row("c", "c", Constant())], tmp_path / "run")
    assert (again.made, again.there, again.failed) == (1, 2, ())
    assert again.run.predictions("c", 0).failure("rgb/room_1") == ""


def test_a_photo_of_impossible_numbers_does_not_end_its_row(data, tmp_path):
    bad = Row("c", "c", Constant(fails=("rgb/room_0",), error=NumericsError))
    result = run(data, [bad], tmp_path / "run")
    assert result.failed == (("c", 0, "rgb/room_0", "rgb/room_0: no"),)
    assert (result.made, result.skipped) == (2, {})
    # What is wrong with all photos is said once.
    wrong = Row("w", "w", Constant(fails=("rgb/room_0",), error=SettingsError))
    result = run(data, [wrong], tmp_path / "run")
    assert (result.made, result.skipped) == (0, {"w": "rgb/room_0: no"})


def test_one_context_of_the_engine_spans_all_rows(data, tmp_path):
    events = []

    class Told(SerialEngine):
        def _open(self):
            events.append("open")

        def _close(self):
            events.append("close")

        def run(self, spec, tasks):
            events.append(len(tasks))
            return super().run(spec, tasks)

    engine = Told()
    rows = [Row("a", "a", Constant()), Row("b", "b", Constant(3.0))]
    run(data, rows, tmp_path / "run", engine=engine)
    assert events == ["open", 3, 3, "close"]
    with engine:
        run(data, rows, tmp_path / "run", engine=engine)
        assert events[4:] == ["open", 0, 0], "the caller's own context goes on"
    assert events[-1] == "close"


def test_a_method_is_kept_until_the_next_is_made_and_the_context_ends(data):
    made = []

    class Spec(Constant):
        def make(self):
            # With whom it could share models.
            beside.append([each() is not None for each in made])
            method = Constant(self.depth_m)
            made.append(weakref.ref(method))
            return method

    beside = []
    tasks = [Task("a", 0, lambda: Case("a", data.photo(data.samples()[0])))]
    engine = SerialEngine()
    with engine:
        for depth_m in (1.0, 2.0, 3.0):
            (outcome,) = engine.run(Spec(depth_m), tasks)
            assert outcome.depth.depth_m[0, 0] == depth_m
            gc.collect()
    assert beside == [[], [True], [False, True]]
    gc.collect()
    assert [each() for each in made] == [None] * 3


def test_a_row_that_cannot_run_is_named_and_the_rest_goes_on(data, tmp_path):
    rows = [Row("gone", "gone", Constant(missing="no such model")), Row("c", "c", Constant())]
    result = run(data, rows, tmp_path / "run")
    assert (result.skipped, result.made) == ({"gone": "no such model"}, 3)
    assert [info.key for info in RunInfo.read(tmp_path / "run").rows] == ["c"]
    # One that has run before stays.
    run(data, [Row("gone", "gone", Constant())], tmp_path / "run", limit=1)
    result = run(data, rows, tmp_path / "run")
    assert (result.skipped, result.there) == ({"gone": "no such model"}, 4)
    assert [info.key for info in result.run.rows] == ["c", "gone"]


def test_missing_and_broken_files_are_named_and_the_rest_goes_on(data, tmp_path):
    (tmp_path / "data" / "depth" / "room_0.npy").unlink()
    (tmp_path / "data" / "rgb" / "room_1.png").write_bytes(b"no picture")
    result = run(data, [Row("c", "c", Constant())], tmp_path / "run")
    assert list(result.missing) == ["rgb/room_0"]
    assert result.missing["rgb/room_0"].endswith("room_0.npy")
    assert result.run.names == NAMES[1:]
    ((_, _, name, reason),) = result.failed
    assert (name, result.made) == ("rgb/room_1", 1)
    assert "room_1.png" in reason
    for path in (tmp_path / "data" / "depth").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="none of its 3 photos is there with its truth"):
        run(data, [Row("c", "c", Constant())], tmp_path / "run")


def test_what_fails_for_all_for_another_reason_ends_the_run(data, tmp_path):
    class Broken(SerialEngine):
        def run(self, spec, tasks):
            yield from ()
            raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        run(data, [row()], tmp_path / "run", engine=Broken())


class Stopped(EvaluationProgress):
    """Ctrl-C once so many predictions are there."""

    def __init__(self, after):
        self.left, self.seen = after, []

    def begin(self, there, to_make):
        self.seen.append((there, to_make))

    def done(self, row, outcome, seconds_left):
        self.left -= 1
        self.seen.append((outcome.task.name, outcome.task.seed, seconds_left >= 0))
        if not self.left:
            raise KeyboardInterrupt


def test_an_interrupted_run_goes_on(data, tmp_path):
    progress = Stopped(after=2)
    with pytest.raises(KeyboardInterrupt):
        run(data, [row()], tmp_path / "run", seeds=(0, 1), progress=progress)
    assert progress.seen == [(0, 6), ("rgb/room_0", 0, True), ("rgb/room_1", 0, True)]
    folder = tmp_path / "run" / "predictions" / "mfh" / "seed_0" / "rgb"
    (folder / ".mfh-0123.npz").write_bytes(b"half")
    result = run(data, [row()], tmp_path / "run", seeds=(0, 1))
    assert (result.there, result.made) == (2, 4)
    assert sorted(path.name for path in folder.iterdir()) == [
        f"room_{index}.npz" for index in range(3)
    ]


def paintings(work):
    return {
        path: path.stat().st_mtime_ns
        for path in work.rglob("painted*/*.png")
        if path.stem.isdecimal()
    }


def test_rows_of_more_and_fewer_paintings_share_them(data, tmp_path):
    work = tmp_path / "work"
    rows = {count: row(f"n{count}", paintings=count) for count in (1, 2, 4)}
    run(data, [rows[1], rows[4]], tmp_path / "run", work=work, limit=1)
    first = paintings(work)
    assert len(first) == 4
    result = run(data, [rows[2]], tmp_path / "other", work=work, limit=1)
    assert paintings(work) == first, "nothing is painted again"
    assert result.run.predictions("n2", 0).read("rgb/room_0").report["counts"]["painted"] == 2
    fresh = run(data, [rows[2]], tmp_path / "fresh", limit=1)
    for key, depth_m in depths(fresh).items():
        np.testing.assert_array_equal(depths(result)[key], depth_m)
    # Other strips are other paintings, beside these.
    run(data, [row("wide", strip_min_ratio=0.5)], tmp_path / "wide", work=work, limit=1)
    assert len(paintings(work)) == 6
    pictures = [path for path in work.rglob("*.png") if "painted" not in path.parent.name]
    assert {path.name for path in pictures} == {"photo.png"}, "records alone"


def test_oracles_are_fitted_to_the_truth_in_the_space_of_the_row(data, tmp_path):
    exact = SimulatedErrors.none()
    spaces = {
        space: row(space, "simulated:oracle", exact, head_space=space)
        for space in ("disparity", "depth")
    }
    people = row("people", errors=exact)
    offset = row("offset", "simulated:oracle", exact, fit_scale=False)
    result = run(data, [people, *spaces.values(), offset], tmp_path / "run", limit=1)
    truth = data.truth(data.samples()[0])
    error = {
        key: np.abs(depth_m / truth - 1).mean() for (key, _, _), depth_m in depths(result).items()
    }
    # The simulated model gives disparity: in its space alone the fit is exact.
    assert error["disparity"] < 1e-3
    assert 0.02 < error["depth"] < 0.3
    assert error["offset"] > 0.5
    report = result.run.predictions("depth", 0).read("rgb/room_0").report
    assert report["head"]["space"] == "depth"
    assert report["parts"]["disparity"].startswith("simulated")
    assert report["parts"]["head"] == "silog over the truth"
    with pytest.raises(SettingsError, match="the robust head is for people, not for the truth"):
        OracleSpec(settings_from("default")).make()
    with pytest.raises(SettingsError, match="there are mfh, mfh:oracle, simulated, simulated:orac"):
        mfh_spec("simulate")


def test_nobody_to_measure_is_a_failure_without_a_picture(data, tmp_path):
    nobody = replace(SimulatedErrors.none(), nobody=1.0)
    result = run(data, [row(errors=nobody)], tmp_path / "run", limit=1)
    ((_, _, _, reason),) = result.failed
    assert reason.startswith("no metric scale: none of 2 painted photos gave a person")
    assert not list((tmp_path / "run").rglob("contact_sheet*"))


def test_the_error_that_a_loss_does_not_know_is_not_kept(data, tmp_path):
    rows = [row(paintings=6), row("robust", head_method="robust", paintings=6)]
    result = run(data, rows, tmp_path / "run", limit=1)
    kept = {
        key: result.run.predictions(key, 0).read("rgb/room_0").relative_error
        for key in ("mfh", "robust")
    }
    assert math.isnan(kept["mfh"])
    assert 0 < kept["robust"] < 1


def test_a_report_holds_what_a_method_says(data, tmp_path):
    result = run(data, [Row("c", "c", Constant())], tmp_path / "run", limit=1)
    report = result.run.predictions("c", 0).read("rgb/room_0").report
    assert {"counts", "head"}.isdisjoint(report)
    assert report["mfh"] == version("mfh")


def test_time_left_is_what_predictions_took():
    now = [0.0]
    left = TimeLeft({"slow": 3, "quick": 4}, clock=lambda: now[0])
    assert math.isnan(left.seconds)
    assert left.count == 7
    now[0] = 10
    left.made("slow")
    assert left.seconds == 2 * 10 + 4 * 10
    now[0] = 11
    left.made("quick")
    assert left.seconds == 2 * 10 + 3 * 1
    assert left.skipped("slow") == 2
    now[0] = 13
    left.made("quick")
    assert left.seconds == 2 * 1.5
    left.skipped("quick")
    assert left.seconds == 0


def test_specifications_are_plain_values():
    spec = row().spec
    assert json.loads(json.dumps(spec.as_dict())) == spec.as_dict()
    assert {"seed", "device", "painter"}.isdisjoint(spec.as_dict()["settings"])
    learned = mfh_spec("mfh", settings_from("paper", **{"painter.batch": 3})).as_dict()["settings"]
    assert "batch" not in learned["painter"]
    assert learned["people"]["detector"] in ("mask-rcnn", "vitdet-h"), "what auto is here"

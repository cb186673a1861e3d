"""The Ray engine: the outcomes of one process, whatever happens to workers."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from ray_methods import Product, Rigged
from simulated_room import room

from mfh.errors import InputError, MissingPartError, SettingsError
from mfh.evaluation.engines import ray_crew
from mfh.evaluation.engines.base import Outcome, Task
from mfh.evaluation.engines.ray_crew import slots
from mfh.evaluation.engines.ray_engine import RayEngine
from mfh.evaluation.engines.ray_worker import Reply, on_this_machine
from mfh.evaluation.engines.serial_engine import SerialEngine
from mfh.evaluation.methods.base import Case, MethodSpec
from mfh.evaluation.methods.mfh_specs import OracleSpec, mfh_spec
from mfh.models.download import TransferError
from mfh.records import MetricDepth
from mfh.settings import settings_from
from mfh.simulation import SimulatedErrors

NO_RAY = 'the package ray is not installed: pip install "ray>=2.45"'
PHOTO, TRUTH_M = room(120, 160)


@pytest.fixture(scope="module")
def paths() -> Iterator[None]:
    """Workers find the modules of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def ray(paths: None) -> Any:
    """The package, not connected to a cluster."""
    if sys.platform == "win32":
        pytest.skip("workers are killed with SIGKILL, which Windows has not")
    return pytest.importorskip("ray", reason=NO_RAY)


@pytest.fixture(scope="module")
def cluster(ray: Any) -> Iterator[Any]:
    """The package, connected to a cluster that several tests use."""
    ray.init(
        "local", num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield ray
    ray.shutdown()


def task(name: str, seed: int = 0, case: Any = None) -> Task:
    def load() -> Case:
        return Case(name, PHOTO, seed, truth=TRUTH_M)

    return Task(name, seed, case or load)


def in_this_process(spec: MethodSpec, tasks: Sequence[Task]) -> dict[str, MetricDepth]:
    outcomes = list(SerialEngine().run(spec, tasks))
    assert [each.failure for each in outcomes] == [""] * len(tasks)
    return {each.task.name: each.depth for each in outcomes if each.depth is not None}


def as_bytes(depth: MetricDepth | None) -> tuple[Any, ...]:
    """Everything a prediction says, to the bit."""
    assert depth is not None
    error_map = depth.relative_error_map
    said = (depth.camera, depth.counts, dict(depth.parts), depth.warnings, depth.painting)
    numbers = None
    if depth.head is not None:
        head = depth.head
        numbers = (head.scale, head.offset, head.loss, head.covariance.tobytes())
    maps = (depth.depth_m.tobytes(), None if error_map is None else error_map.tobytes())
    return (*maps, numbers, *said)


def kill_named_in(file: Path) -> None:
    """Kill the process that a file names, once there is that file."""
    while not file.exists():
        time.sleep(0.01)
    os.kill(int(file.read_text()), signal.SIGKILL)


def assert_gone(processes: Iterable[int]) -> None:
    """Processes that were told to end take a moment where the machine is busy."""
    deadline = time.monotonic() + 60
    while any(map(psutil.pid_exists, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, processes))


def process_of(outcome: Outcome) -> int:
    return int(outcome.worker.rpartition(" ")[2])


def test_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPartError, match='pip install "ray>=2.45"'):
        RayEngine()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workers": 0}, "0 workers; expected 1 or more"),
        ({"gpus_per_worker": 1.5}, "1.5 GPUs per worker; expected 0 to 1, or a whole number"),
        ({"gpus_per_worker": -1}, "-1 GPUs per worker"),
    ],
)
def test_numbers_that_cannot_be_are_refused(given, said):
    with pytest.raises(SettingsError, match=said):
        RayEngine(**given)


@pytest.mark.parametrize(("gpus", "room_for"), [(0, 14), (1, 5), (0.5, 8), (0.4, 8), (2, 2)])
def test_counts_the_workers_a_cluster_has_room_for(gpus, room_for):
    nodes = [
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 3.0}},
        {"Alive": True, "Resources": {"CPU": 2.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 4.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    assert slots(nodes, gpus) == room_for


def test_records_are_kept_where_the_parent_of_their_folder_is(tmp_path):
    def folder_on_worker(work: Path) -> Path | None:
        return on_this_machine(Case("a", PHOTO, work=work)).work

    assert folder_on_worker(tmp_path / "a") == tmp_path / "a"
    assert folder_on_worker(tmp_path / "not there" / "a") is None


def test_an_error_comes_back_as_the_class_of_the_project_that_it_is():
    with pytest.raises(MissingPartError, match="no host"):
        Reply.refusal(TransferError("no host")).unpacked()
    with pytest.raises(InputError, match="not a photo"):
        Reply.refusal(InputError("not a photo")).unpacked()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no connection to a Ray cluster at 127.0.0.1:1: .*ray start --head"),
        ("ray://127.0.0.1:1", "no connection to a Ray cluster at ray://127.0.0.1:1"),
        ("somewhere", "Ray address somewhere: expected auto, HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there_is_refused_at_once(ray, address, said):
    if ray.is_initialized():
        pytest.skip("this process is connected to a cluster")
    with pytest.raises(SettingsError, match=said):
        next(RayEngine(address=address).run(Product(), [task("a")]))


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_changes_nothing(ray, tmp_path):
    """On a cluster of the engine's own, which is gone afterwards."""
    settings = settings_from(paintings=2, target_error=0, working_short_side_px=120)
    spec = mfh_spec("simulated", settings)
    tasks = [task(f"room/{seed}", seed) for seed in range(6)]
    expected = in_this_process(spec, tasks)
    assert len({depth.depth_m.tobytes() for depth in expected.values()}) == len(tasks)

    hanging = tmp_path / "hangs"
    killer = threading.Thread(target=kill_named_in, args=(hanging,), daemon=True)
    killer.start()
    rigged = Rigged(spec, str(tmp_path), {"room/2": "hang once"}, needs_truth=True)
    outcomes = list(RayEngine(workers=3).run(rigged, tasks))
    killed = int(hanging.read_text())
    assert not killer.is_alive()
    assert sorted(each.task.name for each in outcomes) == [each.name for each in tasks]
    for outcome in outcomes:
        assert outcome.task in tasks
        assert not outcome.failure
        assert as_bytes(outcome.depth) == as_bytes(expected[outcome.task.name])
        assert outcome.seconds > 0
        assert outcome.worker.startswith("node ")
        assert outcome.task.name != "room/2" or process_of(outcome) != killed
    made = {int(path.name.partition("_")[2]) for path in tmp_path.glob("made_*")}
    assert killed in made
    assert len(made) > 1
    assert_gone(made)
    assert not ray.is_initialized()


@pytest.mark.slow
def test_photos_that_fail_kill_or_cannot_be_loaded_are_outcomes(cluster, tmp_path):
    def unreadable() -> Case:
        raise InputError("photo d: not an image")

    rules = {"b": "die", "c": "refuse", "e": "die once"}
    spec = Rigged(Product(), str(tmp_path), rules)
    tasks = [
        *(task(name, seed) for seed, name in enumerate("abc")),
        task("d", case=unreadable),
        *(task(name, seed) for seed, name in enumerate("efg", 5)),
    ]
    outcomes = {each.task.name: each for each in RayEngine(workers=2).run(spec, tasks)}
    assert sorted(outcomes) == list("abcdefg")
    failures = {name: each.failure for name, each in outcomes.items() if each.failure}
    assert sorted(failures) == list("bcd")
    assert failures["b"].startswith("3 workers that predicted it died, the last node ")
    assert failures["c"] == "c: refused"
    assert failures["d"] == "photo d: not an image"
    assert all(outcomes[name].depth is None for name in failures)
    # The products tell whether workers compute with as many threads as this process.
    alike = [each for each in tasks if each.name in "aefg"]
    for name, depth in in_this_process(Product(), alike).items():
        assert as_bytes(outcomes[name].depth) == as_bytes(depth)


@pytest.mark.slow
def test_photos_are_loaded_shortly_before_their_turn(cluster, tmp_path):
    """The truth is sent; the machine's memory holds few photos at a time."""
    loaded: list[str] = []

    def load(name: str) -> Case:
        loaded.append(name)
        return Case(name, PHOTO, truth=TRUTH_M)

    names = [f"{number:02d}" for number in range(12)]
    spec = Rigged(Product(), str(tmp_path), dict.fromkeys(names, "truth"), needs_truth=True)
    tasks = [task(name, case=partial(load, name)) for name in names]
    for done, outcome in enumerate(RayEngine(workers=1).run(spec, tasks)):
        assert len(loaded) <= done + 4
        np.testing.assert_array_equal(outcome.depth.depth_m, TRUTH_M)
    assert loaded == names


@pytest.mark.slow
def test_workers_live_on_from_row_to_row(cluster, tmp_path):
    """Within a context; they turn to the next method, and those that died between are replaced."""
    tasks = [task(name, seed) for seed, name in enumerate("abcd")]
    good = Rigged(Product(), str(tmp_path), {})
    truth = Rigged(Product(), str(tmp_path), dict.fromkeys("abcd", "truth"), needs_truth=True)
    refused = OracleSpec(settings_from(head_method="robust"), SimulatedErrors.none())

    with RayEngine(workers=1) as engine:
        first = list(engine.run(good, tasks))
        with pytest.raises(SettingsError, match="take one of the paper's losses"):
            list(engine.run(refused, tasks))
        second = list(engine.run(truth, tasks))
        (process,) = {process_of(each) for each in (*first, *second)}
        for outcome in second:
            np.testing.assert_array_equal(outcome.depth.depth_m, TRUTH_M)
        os.kill(process, signal.SIGKILL)
        third = {each.task.name: each for each in engine.run(Product(), tasks)}
        assert process not in {process_of(each) for each in third.values()}
        for name, depth in in_this_process(Product(), tasks).items():
            assert as_bytes(third[name].depth) == as_bytes(depth)
        # A run that is left early gives up its photos, not the workers.
        run = engine.run(good, tasks)
        next(run)
        run.close()
        assert len(list(engine.run(good, tasks))) == len(tasks)
    assert cluster.is_initialized()


@pytest.mark.slow
def test_closing_stops_the_work(cluster, tmp_path):
    spec = Rigged(Product(), str(tmp_path), {"b": "sleep"})
    run = RayEngine(workers=2).run(spec, [task("a"), task("b"), task("c"), task("b")])
    assert next(run).task.name in "ac"
    run.close()
    processes = [int(path.name.partition("_")[2]) for path in tmp_path.glob("made_*")]
    assert processes
    assert_gone(processes)
    assert cluster.is_initialized()


@pytest.mark.slow
def test_what_would_fail_for_all_is_raised(cluster, tmp_path, monkeypatch):
    oracle = OracleSpec(settings_from(head_method="robust"), SimulatedErrors.none())
    with pytest.raises(SettingsError, match="take one of the paper's losses"):
        list(RayEngine(workers=1).run(oracle, [task("a")]))

    bug = Rigged(Product(), str(tmp_path), {"a": "bug"})
    with pytest.raises(RuntimeError, match=r"(?s)in node .*in predict.*a bug of the method"):
        list(RayEngine(workers=1).run(bug, [task("a")]))

    monkeypatch.setattr(ray_crew, "version", {"mfh": "9.8", "numpy": np.__version__}.get)
    with pytest.raises(MissingPartError, match=r"has mfh \S+ \(here 9.8\).*install mfh==9.8 numpy"):
        list(RayEngine(workers=1).run(Product(), [task("a")]))


def test_nothing_to_do_starts_nothing(ray):
    assert list(RayEngine(address="ray://nowhere:1").run(Product(), [])) == []

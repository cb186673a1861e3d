"""The workers of the Ray engine: started, given methods and photos, heard, replaced, killed."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from mfh.errors import MissingPartError
from mfh.evaluation.engines.ray_worker import Reply
from mfh.evaluation.methods.base import MethodSpec

_Job = TypeVar("_Job")

_FAILED_STARTS = 3
"""When so many workers in a row died before they had started, no more are started."""
_PATIENCE_S = 60.0
"""Whoever waits longer for the first worker is told so."""
_PACKAGES = ("mfh", "numpy")
"""Packages whose versions must be the driver's."""
_THREADS = (
    "OMP_NUM_THREADS",
    "OMP_DYNAMIC",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "MKL_DYNAMIC",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What says how many threads compute: with another number sums are split, and rounded, otherwise.
Ray would set the first to the number of CPU cores that a worker reserves."""


class _WorkerLost(Exception):  # noqa: N818 - an event, not an error of anybody's
    """A worker died, or what it said was lost."""


class _Worker:
    """A worker of a crew.

    name: its machine and process, once it has started. spec: of the method it has; b"" for none.
    """

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.name = ""
        self.spec = b""


class Crew(Generic[_Job]):
    """Workers that hold a method, to be given jobs one by one; a context, which ends with them.

    ray: the package, connected to a cluster; gpus: reserved for each worker.

    A worker starts, makes the method that the crew is at (`at`), and is then ready for jobs. When
    the crew turns to another method, it makes that one beside the one it has.
    """

    def __init__(self, ray: Any, gpus: float) -> None:
        self._ray = ray
        self._gpus = gpus
        self._actor = ray.remote(_actor_class())
        self._order: dict[str, Any] = {
            "versions": {package: version(package) for package in _PACKAGES},
            "threads": {name: os.environ.get(name) for name in _THREADS},
            "folder": str(Path.cwd()),
            "on_gpu": gpus > 0,
        }
        self._spec = b""
        self._idle: list[_Worker] = []
        self._starting: dict[Any, _Worker] = {}
        self._making: dict[Any, tuple[_Worker, bytes]] = {}
        self._busy: dict[Any, tuple[_Worker, _Job]] = {}
        self._failed_starts = 0
        self._warn = True

    def __enter__(self) -> Crew[_Job]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        making = [worker for worker, _ in self._making.values()]
        for worker in (*self._idle, *self._starting.values(), *making):
            self._ray.kill(worker.actor)

    @contextmanager
    def at(self, spec: MethodSpec) -> Iterator[None]:
        """Predict with the method of a spec; workers that are at it when this ends are killed."""
        self._spec = self._ray.cloudpickle.dumps(spec)
        self._failed_starts = 0
        try:
            yield
        finally:
            for worker, _ in self._busy.values():
                self._ray.kill(worker.actor)
            self._busy.clear()

    @property
    def has_ready(self) -> bool:
        """Whether a worker that has the method is free."""
        return any(worker.spec == self._spec for worker in self._idle)

    def grow(self, wanted: int) -> None:
        """Let workers make the method, those that are there first, until so many have it.

        Raises `MissingPartError` where there is none, and those that were started all died.
        """
        others = [worker for worker in self._idle if worker.spec != self._spec]
        ready = len(self._idle) - len(others)
        here = ready + len(self._starting) + len(self._making) + len(self._busy)
        for worker in others[: max(0, wanted - here)]:
            self._idle.remove(worker)
            self._making[worker.actor.make.remote(self._spec)] = worker, self._spec
            here += 1
        if self._failed_starts >= _FAILED_STARTS:
            if here:
                return
            raise MissingPartError(
                f"Ray engine: {self._failed_starts} workers in a row died as they started; Ray's "
                "logs on their machine (/tmp/ray/session_latest/logs) say why"
            )
        for _ in range(wanted - here):
            actor = self._actor.options(
                num_cpus=1, num_gpus=self._gpus, max_restarts=0, scheduling_strategy="SPREAD"
            ).remote()
            self._starting[actor.start.remote(**self._order)] = _Worker(actor)

    def give(self, job: _Job, shipped: Any) -> None:
        """Let a free worker predict a shipped case; `shipped` is Ray's reference to it."""
        worker = next(worker for worker in self._idle if worker.spec == self._spec)
        self._idle.remove(worker)
        self._busy[worker.actor.predict.remote(shipped)] = worker, job

    def answer(self, *, wait: bool) -> tuple[_Job, Reply | None, str] | None:
        """A job that came to an end, if any did, its worker's reply, and that worker's name.

        wait: until something happens, be it another thing; else only look. The reply is None where
        the worker died. Raises why a worker cannot make the method.
        """
        awaited = [*self._starting, *self._making, *self._busy]
        if not awaited:
            return None
        done, _ = self._ray.wait(awaited, num_returns=1, timeout=_PATIENCE_S if wait else 0)
        if not done:
            if wait:
                self._say_what_is_awaited()
            return None
        (said,) = done
        if said in self._starting:
            self._started(self._starting.pop(said), said)
            return None
        if said in self._making:
            self._made(*self._making.pop(said), said)
            return None
        worker, job = self._busy.pop(said)
        try:
            reply: Reply = self._heard(worker, said)
        except _WorkerLost:
            self._failed_starts = 0
            return job, None, worker.name
        self._idle.append(worker)
        return job, reply, worker.name

    def _started(self, worker: _Worker, said: Any) -> None:
        """Take in a worker that says that it has started, or why not."""
        try:
            worker.name, versions = self._heard(worker, said)
        except _WorkerLost:
            self._failed_starts += 1
            return
        if versions != self._order["versions"]:
            self._ray.kill(worker.actor)
            raise MissingPartError(_other_versions(worker.name, versions, self._order["versions"]))
        self._idle.append(worker)

    def _made(self, worker: _Worker, spec: bytes, said: Any) -> None:
        """Take in a worker that says that it has a method, or why not."""
        try:
            refusal: Reply | None = self._heard(worker, said)
        except _WorkerLost:
            # One that has worked before may have died between two methods, of anything.
            self._failed_starts += not worker.spec
            return
        self._idle.append(worker)
        if refusal is None:
            worker.spec = spec
            self._failed_starts, self._warn = 0, False
        elif spec == self._spec:
            refusal.unpacked()

    def _heard(self, worker: _Worker, said: Any) -> Any:
        """What a worker said.

        Raises `_WorkerLost`, and `RuntimeError` for an error that is not one of `mfh.errors`.
        """
        errors = self._ray.exceptions
        try:
            return self._ray.get(said)
        except errors.RayTaskError as error:
            self._ray.kill(worker.actor)
            name = worker.name or "a worker"
            raise RuntimeError(f"unexpected error in {name}:\n{error}") from None
        except errors.RayError as error:
            # It may be out of reach only, and must not go on beside the one that replaces it.
            self._ray.kill(worker.actor)
            raise _WorkerLost from error

    def _say_what_is_awaited(self) -> None:
        """Say once that nobody has started, and what for a worker waits."""
        if not self._warn:
            return
        self._warn = False
        there = self._ray.cluster_resources()
        warnings.warn(
            f"no worker has started in {_PATIENCE_S:.0f} s: each waits for 1 CPU core and "
            f"{self._gpus:g} GPUs of a cluster that has {there.get('CPU', 0):g} and "
            f"{there.get('GPU', 0):g}, perhaps in use by others; see them with: ray status",
            stacklevel=2,
        )


def slots(nodes: Sequence[Mapping[str, Any]], gpus: float) -> int:
    """How many workers the nodes of a cluster have room for, with 1 CPU core and some GPUs each.

    nodes: as `ray.nodes()` gives them.
    """
    total = 0
    for node in nodes:
        there = node["Resources"] if node["Alive"] else {}
        room = int(there.get("CPU", 0))
        if gpus:
            here = int(there.get("GPU", 0))
            # Ray gives parts of one GPU, never parts of several.
            room = min(room, here * math.floor(1 / gpus) if gpus <= 1 else here // int(gpus))
        total += room
    return total


def _other_versions(name: str, there: Mapping[str, str], here: Mapping[str, str]) -> str:
    words = [
        (f"{package} {there[package]}" if there[package] else f"no {package}") + f" (here {ours})"
        for package, ours in here.items()
        if there[package] != ours
    ]
    wanted = " ".join(f"{package}=={ours}" for package, ours in here.items())
    return (
        f"Ray engine: {name} has {' and '.join(words)}; results would not be comparable: install "
        f"the same there, with: pip install {wanted}"
    )


def _actor_class() -> type:
    """The class of the actors, which does nothing that a machine without mfh could not do.

    It is a local one, so that Ray ships its code instead of the name of its module.
    """

    class MfhWorker:
        def start(
            self,
            versions: dict[str, str],
            threads: dict[str, str | None],
            folder: str,
            on_gpu: bool,
        ) -> tuple[str, dict[str, str]]:
            """Make ready: where it is, and its versions of packages."""
            # ruff: noqa: PLC0415
            import os
            from importlib import metadata
            from pathlib import Path

            from ray import util

            node_ip: Any = util.get_node_ip_address
            here = {}
            for package in versions:
                try:
                    here[package] = metadata.version(package)
                except metadata.PackageNotFoundError:
                    here[package] = ""
            name = f"node {node_ip()}, process {os.getpid()}"
            if Path(folder).is_dir():
                os.chdir(folder)
            if not on_gpu:
                os.environ["CUDA_VISIBLE_DEVICES"] = ""
            self._threads = threads
            return name, here

        def make(self, spec: bytes) -> Reply | None:
            """Make a method: None, or why it could not."""
            # Ray sets one of the variables anew for each call.
            self._set_threads()
            # Not before: libraries read these variables when they are loaded.
            from mfh.errors import MfhError
            from mfh.evaluation.engines.ray_worker import Predictor, Reply

            try:
                self._predictor = Predictor(spec)
            except MfhError as error:
                return Reply.refusal(error)
            return None

        def predict(self, shipped: Any) -> Reply:
            """Predict a case."""
            self._set_threads()
            return self._predictor.predict(shipped)

        def _set_threads(self) -> None:
            import os

            for variable, value in self._threads.items():
                if value is None:
                    os.environ.pop(variable, None)
                else:
                    os.environ[variable] = value

    return MfhWorker

"""Predictions by several processes on one or more machines, through Ray.

Importing this module does not import Ray.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from mfh.errors import MfhError, MissingPartError, SettingsError
from mfh.evaluation.engines.base import OpenedEngine, Outcome, Task
from mfh.evaluation.engines.ray_crew import Crew, slots
from mfh.evaluation.engines.ray_worker import Reply
from mfh.evaluation.methods.base import MethodSpec

_AHEAD = 2
"""How many photos are loaded before a worker is free for them."""
_DEATHS = 3
"""A photo that so many workers died of is given up."""
_KNOCK_S = 10.0
"""How long a cluster may take to answer at all."""


@dataclass(eq=False)
class _Job:
    """A task whose photo is loaded; deaths: how many workers died of it."""

    task: Task
    shipped: Any
    deaths: int = 0


class RayEngine(OpenedEngine):
    """Computes predictions with the workers of a Ray cluster; see `mfh.evaluation.engines`.

    address: of a cluster that runs: "auto" for the one this machine is part of, "HOST:PORT", or
        "ray://HOST:PORT"; None starts one of this machine alone, which ends with the context. Where
        the program has connected to Ray before, that connection is used and kept.
    workers: how many; None takes as many as the cluster has room for: one for each GPU (or part of
        it), or for each CPU core where there is none.
    gpus_per_worker: GPUs that are reserved for each, a part of one or a whole number; 0 computes on
        the CPU. None is one where the cluster has GPUs.

    Photos are loaded by the driver, a few ahead of the workers, and sent with their truth where the
    method needs it: workers need `mfh`, but no data set. An idle worker takes the next photo. One
    that dies is replaced and its photo predicted again; a photo that three workers died of is an
    outcome with `failure`. Within a context workers live on from run to run, and let go of a method
    once the next is made, so that two that share models load them once. Workers compute with the
    driver's environment variables for numbers of threads, so that on equal machines the results are
    those of one process, bit for bit.

    Raises `MissingPartError` where Ray is not installed, and `SettingsError` for a number of
    workers or GPUs that cannot be. The first run of a context connects, and raises `SettingsError`
    where the cluster cannot be reached. `run` raises, besides what its contract says,
    `MissingPartError` where its machines have another `mfh` or numpy or their workers do not start,
    and `RuntimeError`, with the worker's traceback, for an error in a worker that is not one of
    `mfh.errors`.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        gpus_per_worker: float | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise SettingsError(f"Ray engine: {workers} workers; expected 1 or more")
        gpus = gpus_per_worker
        if gpus is not None and not (0 <= gpus <= 1 or (gpus > 1 and gpus == int(gpus))):
            raise SettingsError(
                f"Ray engine: {gpus:g} GPUs per worker; expected 0 to 1, or a whole number"
            )
        self.address = address
        self.workers = workers
        self.gpus_per_worker = gpus_per_worker
        self._ray = _import_ray()
        self._held = ExitStack()
        self._opened: tuple[Crew[_Job], int] | None = None

    def run(self, spec: MethodSpec, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Give the outcome of each task as it is done; see `mfh.evaluation.engines.base.Engine`."""
        if not tasks:
            return
        with self:
            if self._opened is None:
                self._opened = self._started()
            crew, workers = self._opened
            with crew.at(spec):
                yield from self._outcomes(crew, tasks, workers)

    def _open(self) -> None:
        """Connecting waits for a run that has something to do."""

    def _close(self) -> None:
        self._opened = None
        self._held.close()

    def _started(self) -> tuple[Crew[_Job], int]:
        """A crew of a cluster, and how many workers it is to have; both end with the context."""
        self._held.enter_context(self._connected())
        nodes = self._ray.nodes()
        gpus = self.gpus_per_worker
        if gpus is None:
            gpus = min(1.0, sum(node["Resources"].get("GPU", 0.0) for node in nodes))
        workers = self.workers or max(1, slots(nodes, gpus))
        return self._held.enter_context(Crew[_Job](self._ray, gpus)), workers

    def _outcomes(self, crew: Crew[_Job], tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
        to_load = deque(tasks)
        waiting: deque[_Job] = deque()
        left = len(tasks)
        while left:
            crew.grow(min(workers, left))
            while waiting and crew.has_ready:
                job = waiting.popleft()
                crew.give(job, job.shipped)
            behind = bool(to_load) and len(waiting) < _AHEAD
            answer = crew.answer(wait=not behind)
            outcome = None
            if answer is not None:
                job, reply, worker = answer
                if reply is None:
                    job.deaths += 1
                outcome = _outcome(job, reply, worker)
                if outcome is None:
                    waiting.appendleft(job)
            elif behind:
                loaded = self._load(to_load.popleft())
                if isinstance(loaded, Outcome):
                    outcome = loaded
                else:
                    waiting.append(loaded)
            if outcome is not None:
                left -= 1
                yield outcome

    def _load(self, task: Task) -> _Job | Outcome:
        """Load a task's photo, and send it to where workers take it from."""
        try:
            case = task.case()
        except MfhError as error:
            return Outcome.failed(task, error)
        shipped = replace(case, work=case.work and case.work.absolute())
        return _Job(task, self._ray.put(shipped))

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Be connected to a cluster."""
        if self._ray.is_initialized():
            yield
            return
        place = _host_and_port(self.address)
        own: dict[str, Any] = {}
        if self.address is None:
            # Room for every worker that was asked for, however few the cores are.
            own = {
                "num_cpus": max(os.cpu_count() or 1, self.workers or 1),
                "include_dashboard": False,
            }
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            if place is not None:
                # Where nobody listens, Ray would try for minutes.
                socket.create_connection(place, timeout=_KNOCK_S).close()
            self._ray.init(
                self.address or "local", log_to_driver=False, logging_level=logging.ERROR, **own
            )
        except ImportError as error:
            raise MissingPartError(
                f"Ray cannot connect to {self.address} ({error}); get what it needs with: "
                'pip install "ray[client]"'
            ) from error
        except (OSError, RuntimeError, ValueError) as error:
            where = "on this machine" if self.address is None else f"at {self.address}"
            raise SettingsError(
                f"no connection to a Ray cluster {where}: {str(error).rstrip('.')}; start one with "
                "`ray start --head`, or give no address for one of this machine alone"
            ) from error
        try:
            yield
        finally:
            self._ray.shutdown()


def _outcome(job: _Job, reply: Reply | None, worker: str) -> Outcome | None:
    """What became of a job; None where it is to be done again.

    reply: None where the worker died.
    """
    if reply is None:
        if job.deaths < _DEATHS:
            return None
        failure = (
            f"{job.deaths} workers that predicted it died, the last {worker}: killed, out of "
            "memory, or crashed; Ray's logs on that machine (/tmp/ray/session_latest/logs) say more"
        )
        return Outcome(job.task, None, failure, worker=worker)
    try:
        depth = reply.unpacked()
    except MfhError as error:
        return Outcome.failed(job.task, error, worker)
    return Outcome(job.task, depth, seconds=reply.seconds, worker=worker)


def _host_and_port(address: str | None) -> tuple[str, int] | None:
    """Where a cluster listens; None where Ray finds that out. Raises `SettingsError`."""
    if address is None or address == "auto":
        return None
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        raise SettingsError(
            f"Ray address {address}: expected auto, HOST:PORT (of `ray start`, port 6379), or "
            "ray://HOST:PORT (port 10001)"
        )
    return host.strip("[]"), int(port)


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingPartError(
            f'the package ray cannot be imported ({error}); get it with: pip install "ray>=2.45"'
        ) from error

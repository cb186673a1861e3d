"""Predictions in this process, one after the other."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from mfh.errors import MfhError
from mfh.evaluation.engines.base import OpenedEngine, Outcome, Task
from mfh.evaluation.methods.base import Case, Method, MethodSpec


class SerialEngine(OpenedEngine):
    """Computes predictions one after the other; see `mfh.evaluation.engines.base.Engine`.

    While one photo is computed the next is decoded. The method of the last run is kept until the
    next one's is made, so that two that share models load them once.
    """

    def __init__(self) -> None:
        self._method: Method | None = None

    def run(self, spec: MethodSpec, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Give the outcomes in the order of the tasks."""
        if not tasks:
            return
        with self, ThreadPoolExecutor(1) as background:
            method = self._method = spec.make()
            try:
                for task, coming in _decoded_ahead(tasks, background):
                    yield _outcome(method, task, coming)
            finally:
                background.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> None:
        """Nothing is needed before a run."""

    def _close(self) -> None:
        self._method = None


def _outcome(method: Method, task: Task, coming: Future[Case]) -> Outcome:
    """Predict a case once it is decoded."""
    try:
        case = coming.result()
        started = time.perf_counter()
        depth = method.predict(case)
    except MfhError as error:
        return Outcome.failed(task, error)
    return Outcome(task, depth, seconds=time.perf_counter() - started)


def _decoded_ahead(
    tasks: Sequence[Task], background: ThreadPoolExecutor
) -> Iterator[tuple[Task, Future[Case]]]:
    """Each task with its case, the next one's decoding being under way."""
    coming = background.submit(tasks[0].case)
    for index, task in enumerate(tasks):
        present = coming
        if index + 1 < len(tasks):
            coming = background.submit(tasks[index + 1].case)
        yield task, present

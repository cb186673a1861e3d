"""Predictions in this process, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from mfh.errors import MfhError, MissingPartError, ModelError, SettingsError
from mfh.evaluation.engines import Outcome, Task
from mfh.evaluation.methods import Case, Method, MethodSpec

_OF_ALL = (MissingPartError, ModelError, SettingsError)


class SerialEngine:
    """Computes predictions one after the other; see `mfh.evaluation.engines.Engine`.

    While one photo is computed the next is decoded. The method of the last run is kept until the
    next one's is made, so that two that share models load them once.
    """

    def __init__(self) -> None:
        self._method: Method | None = None

    def run(self, spec: MethodSpec, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Give the outcomes in the order of the tasks."""
        if not tasks:
            return
        method = self._method = spec.make()
        background = ThreadPoolExecutor(1)
        try:
            for task, coming in _decoded_ahead(tasks, background):
                started = time.perf_counter()
                try:
                    case = coming.result()
                    started = time.perf_counter()
                    depth = method.predict(case)
                except _OF_ALL:
                    raise
                except MfhError as error:
                    yield Outcome(task, None, str(error), time.perf_counter() - started)
                else:
                    yield Outcome(task, depth, seconds=time.perf_counter() - started)
        finally:
            background.shutdown(cancel_futures=True)


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

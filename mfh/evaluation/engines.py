"""Where predictions are computed: in this process, or by workers elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol as Interface

from mfh.evaluation.methods import Case, MethodSpec
from mfh.records import MetricDepth


@dataclass(frozen=True, eq=False)
class Task:
    """One prediction to make.

    case: loads the photo (and makes the case) when it is its turn; raises `MfhError`.
    """

    name: str
    seed: int
    case: Callable[[], Case]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a task: depth, or why there is none.

    seconds: how long the prediction took.
    worker: which worker did it, for people; "" in this process.
    """

    task: Task
    depth: MetricDepth | None
    failure: str = ""
    seconds: float = 0.0
    worker: str = ""


class Engine(Interface):
    """Computes predictions."""

    def run(self, spec: MethodSpec, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Give the outcome of each task as it is done, in any order, each exactly once.

        A task that fails with an `MfhError` of its own is an outcome with `failure`; what would
        fail for all (`MissingPartError`, `ModelError`, `SettingsError`) is raised. Closing the
        iterator stops the work.
        """
        ...

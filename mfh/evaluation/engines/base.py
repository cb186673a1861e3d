"""Where predictions are computed: in this process, or by workers elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol as Interface
from typing import TypeVar

from mfh.errors import MfhError, MissingPartError, ModelError, SettingsError
from mfh.evaluation.methods.base import Case, MethodSpec
from mfh.records import MetricDepth

_Engine = TypeVar("_Engine", bound="OpenedEngine")

OF_ALL = (MissingPartError, ModelError, SettingsError)
"""Errors that every photo of a method would meet; any other `MfhError` is that of one photo."""


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

    @classmethod
    def failed(cls, task: Task, error: MfhError, worker: str = "") -> Outcome:
        """What becomes of a task that ends in an error. Raises it again if it is one `OF_ALL`."""
        if isinstance(error, OF_ALL):
            raise error
        return cls(task, None, failure=str(error), worker=worker)


class Engine(Interface):
    """Computes predictions.

    A context: what it loads and starts for one run serves the next ones, until the context ends.
    Contexts of one engine may be nested; the outermost counts. A run outside of any has its own.
    """

    def __enter__(self) -> Engine: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def run(self, spec: MethodSpec, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Give the outcome of each task as it is done, in any order, each exactly once.

        A task that fails with an `MfhError` of its own is an outcome with `failure`; what would
        fail for all (`OF_ALL`) is raised. Closing the iterator stops the work.
        """
        ...


class OpenedEngine(ABC):
    """The context of an engine: opened by the outermost `with`, and closed at its end."""

    _contexts = 0

    def __enter__(self: _Engine) -> _Engine:
        if not self._contexts:
            self._open()
        self._contexts += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._contexts -= 1
        if not self._contexts:
            self._close()

    @abstractmethod
    def _open(self) -> None:
        """Make ready for runs."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of what runs loaded and started."""

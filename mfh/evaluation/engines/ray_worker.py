"""What a worker of the Ray engine does, in its own process, perhaps on another machine.

Needs nothing of Ray but its pickler, and is imported by workers only once their process computes
with as many threads as the driver's.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass, replace
from typing import Any

from mfh import errors
from mfh.errors import MfhError
from mfh.evaluation.methods.base import Case
from mfh.records import MetricDepth


@dataclass(frozen=True)
class Reply:
    """What became of a case: a pickled `MetricDepth`, or an error of `mfh.errors`.

    depth: pickled, so that who reads it owns its arrays: those that Ray unpickles lie in memory
        that goes when Ray does.
    error: the name of its class; "" where there is none.
    """

    depth: bytes = b""
    seconds: float = 0.0
    error: str = ""
    message: str = ""

    @classmethod
    def refusal(cls, error: MfhError) -> Reply:
        """An error, as the class of `mfh.errors` that it is a case of."""
        known = next(each for each in type(error).__mro__ if each.__module__ == errors.__name__)
        return cls(error=known.__name__, message=str(error))

    def unpacked(self) -> MetricDepth:
        """The depth. Raises the error where there is one."""
        if self.error:
            raise getattr(errors, self.error)(self.message)
        depth: MetricDepth = pickle.loads(self.depth)
        return depth


class Predictor:
    """A method made from its pickled spec, which keeps the models it loads.

    Raises what the spec's `make` raises.
    """

    def __init__(self, spec: bytes) -> None:
        self._method = pickle.loads(spec).make()

    def predict(self, case: Case) -> Reply:
        """Predict a case; errors that are not of `mfh.errors` are raised."""
        case = on_this_machine(case)
        started = time.perf_counter()
        try:
            depth = self._method.predict(case)
        except MfhError as error:
            return Reply.refusal(error)
        seconds = time.perf_counter() - started
        return Reply(_pickled(depth), seconds)


def on_this_machine(case: Case) -> Case:
    """A case of another machine: records are kept only where their folder's parent exists."""
    if case.work is None or case.work.parent.is_dir():
        return case
    return replace(case, work=None)


def _pickled(depth: MetricDepth) -> bytes:
    # Pickle itself refuses the read-only mappings of the records.
    from ray import cloudpickle  # noqa: PLC0415 - the driver imports this module without Ray

    pickle_it: Any = cloudpickle.dumps
    pickled: bytes = pickle_it(depth)
    return pickled

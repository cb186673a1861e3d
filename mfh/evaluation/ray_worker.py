"""What a worker of the Ray engine does, in its own process, perhaps on another machine.

Needs nothing of Ray but its pickler, and is imported by workers only once their process computes
with as many threads as the driver's.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh import errors
from mfh.errors import MfhError
from mfh.evaluation.methods import Case
from mfh.records import MetricDepth, Photo


@dataclass(frozen=True, eq=False)
class ShippedCase:
    """A `Case` that can be sent: the path of its folder as text, its truth (H, W) as an array."""

    name: str
    photo: Photo
    seed: int
    work: str | None
    truth: NDArray[np.float32] | None

    def case(self) -> Case:
        """The case on this machine; records are kept only where the folder's parent exists."""
        work = None if self.work is None else Path(self.work)
        return Case(
            name=self.name,
            photo=self.photo,
            seed=self.seed,
            work=work if work is not None and work.parent.is_dir() else None,
            truth=None if self.truth is None else partial(_given, self.truth),
        )


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

    def predict(self, shipped: ShippedCase) -> Reply:
        """Predict a case; errors that are not of `mfh.errors` are raised."""
        started = time.perf_counter()
        try:
            depth = self._method.predict(shipped.case())
        except MfhError as error:
            return Reply.refusal(error)
        seconds = time.perf_counter() - started
        return Reply(_pickled(depth), seconds)


def _pickled(depth: MetricDepth) -> bytes:
    # Pickle itself refuses the read-only mappings of the records.
    from ray import cloudpickle  # noqa: PLC0415 - the driver imports this module without Ray

    pickle_it: Any = cloudpickle.dumps
    pickled: bytes = pickle_it(depth)
    return pickled


def _given(truth: NDArray[Any]) -> NDArray[Any]:
    return truth

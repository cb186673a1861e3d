"""Predictions on disk: float32 metres, compressed, one file a photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class StoredPrediction:
    """A prediction as it is kept.

    depth_m: (H, W) float32, metres; inf where the method says no more than "far".
    relative_error: 1 sigma the method itself expects, as a fraction; NaN where it cannot tell.
    seconds: how long it took.
    report: what else the method says, plain JSON values (counts, warnings, parts, device, worker).
    """

    depth_m: NDArray[np.float32]
    relative_error: float = float("nan")
    seconds: float = float("nan")
    report: Mapping[str, Any] = field(default_factory=dict)


class PredictionFolder:
    """The predictions of one row and one seed: `RUN/predictions/ROW/seed_K/NAME.npz`.

    A prediction that failed leaves `NAME.failed.txt` with the reason instead, which a later
    prediction removes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        """Whether there is a prediction of a sample; written files are always whole."""
        raise NotImplementedError

    def write(self, name: str, prediction: StoredPrediction) -> None:
        """Keep a prediction, atomically. Raises `OutputError`."""
        raise NotImplementedError

    def read(self, name: str) -> StoredPrediction:
        """A prediction that was kept. Raises `InputError` naming the file."""
        raise NotImplementedError

    def failed(self, name: str, reason: str) -> None:
        """Keep why there is none. Raises `OutputError`."""
        raise NotImplementedError

    def failure(self, name: str) -> str:
        """Why there is none; "" where nothing was kept."""
        raise NotImplementedError

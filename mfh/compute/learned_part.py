"""What every part that runs a learned model has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mfh.compute.placement import Placement
from mfh.models.weights import Weights
from mfh.settings import Device, Precision


class LearnedPart(ABC):
    """A part with weights: its name, where it computes, and what its results depend on.

    weights: the model's files, loaded when first used, and kept.
    device, precision: as in `mfh.Settings`.
    """

    part: ClassVar[str]
    """What kind of part it is, for its fingerprint."""

    def __init__(self, weights: Weights, device: Device, precision: Precision) -> None:
        self.name = weights.name
        self._weights = weights
        self._placement = Placement(device, precision)

    @property
    def device(self) -> str:
        """The device in words."""
        return self._placement.device_name

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything a result depends on besides the stage's inputs.

        Versions of the libraries and the device are left out: with others a result is as good as
        before.
        """
        return {
            "part": self.part,
            "weights": dict(self._weights.identity),
            **self._depends_on(),
            "precision": self._placement.dtype_name,
        }

    @abstractmethod
    def _depends_on(self) -> Mapping[str, Any]:
        """What results depend on besides weights and precision."""

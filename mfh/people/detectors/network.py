"""What detectors that are networks have in common: device, precision, batches, weights.

Imports torch; `mfh.people.detectors` imports it only when a detector is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mfh.compute import choose_device, choose_dtype, device_name, in_batches
from mfh.errors import InputError
from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people.detection import Detections
from mfh.settings import Device, Precision

Network = Callable[[float], nn.Module]


class NetworkDetector(ABC):
    """A detector (`mfh.people.detection.Detector`) that is one network.

    The network is built and loaded at first use, and kept. Only the parts that cost time compute in
    the chosen precision (`compute_in`); proposals, region pooling, non-maximum suppression, scores
    and masks stay in float32, since half precision does not hold a box's coordinates to a pixel.

    weights: where its weights file lies.
    settings: which detections count, and how many images go through at once.
    device, precision: as in `mfh.Settings`.
    network: makes the untrained network whose weights the file holds, told the score that
        detections must exceed; by default the published one.

    Raises `SettingsError` where the device asked for is not here.
    """

    file: ClassVar[str]
    """The weights file, by its publisher's name."""
    remedy: ClassVar[str]
    """What to do where memory does not suffice for one image."""

    def __init__(
        self,
        weights: Weights,
        settings: PeopleSettings = PeopleSettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        network: Network | None = None,
    ) -> None:
        self._weights = weights
        self._settings = settings
        self._device = choose_device(device)
        self._dtype = choose_dtype(precision, self._device)
        self._untrained = network
        self.name = weights.name
        self.device = device_name(self._device)
        self.fingerprint: Mapping[str, Any] = {
            "part": type(self).__name__,
            "weights": dict(weights.identity),
            "min_score": settings.min_score,
            "precision": str(self._dtype).removeprefix("torch."),
        }

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Detections]:
        """Give the people of each image (H, W, 3) RGB, in order, the most certain first.

        Raises `InputError` for weights that are missing or are not this network's,
        `MissingPartError` where a package is missing, and `NotEnoughMemoryError` where memory does
        not suffice for a single image.
        """
        # Images of different sizes would be padded to a common one, and so influence each other.
        for _, alike in groupby(images, key=np.shape):
            yield from in_batches(
                list(alike), self._settings.detector_batch, self._find, remedy=self.remedy
            )

    @abstractmethod
    def _load(self, path: Path) -> nn.Module:
        """The network with the weights of a file, on the CPU."""

    @abstractmethod
    def _find(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The people of images of one size."""

    @cached_property
    def _network(self) -> Any:
        return self._load(self._weights.file(self.file)).eval().to(self._device)


def compute_in(module: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Let a part of a network compute in `dtype`, as mixed precision does, and give float32."""
    if dtype == torch.float32:
        return
    module.forward = torch.autocast(device.type, dtype)(module.forward)
    module.register_forward_hook(lambda module, inputs, output: _float32(output))


def _float32(output: Tensor | Mapping[str, Tensor]) -> Tensor | dict[str, Tensor]:
    if isinstance(output, Mapping):
        return {name: tensor.float() for name, tensor in output.items()}
    return output.float()


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, advice: str) -> None:
    """Load a file's tensors into a network that must have exactly these.

    advice: what to do where it does not.

    Raises `InputError`, naming what is missing, unexpected, or of another size.
    """
    wanted = network.state_dict()
    resized = [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    faults = {"of another size": resized}
    if not resized:
        # Tells what is missing: older files lack counters that it then adds itself.
        loaded = network.load_state_dict(tensors, strict=False)
        faults = {"missing": loaded.missing_keys, "unexpected": loaded.unexpected_keys}
    said = [
        f"{len(names)} tensors {fault} ({', '.join(names[:3])}{', ...' if names[3:] else ''})"
        for fault, names in faults.items()
        if names
    ]
    if said:
        raise InputError(f"{path}: not the weights of this network: {'; '.join(said)}. {advice}")

"""What networks that look at images have in common: device, precision, batches, weights.

Imports torch; `mfh.people.detectors` imports it only when a detector is asked for.
"""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mfh.compute import LearnedPart, Placement, in_batches
from mfh.errors import ModelError
from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people.detection import Detections
from mfh.settings import Device, Precision

_BATCH = 4

Network = Callable[[float], nn.Module]
ItemT = TypeVar("ItemT")


class ImageNetwork(LearnedPart):
    """A part that is one network, which finds something of the people in images.

    The network is built and loaded at first use, and kept. Only the parts that cost time compute in
    the chosen precision (`compute_in`); all else stays in float32, since half precision does not
    hold a coordinate to a pixel.

    weights: where its weights file lies.
    settings: `detector_batch`, how many images go through at once.
    device, precision: as in `mfh.Settings`.
    """

    file: ClassVar[str]
    """The weights file, by its publisher's name."""
    remedy: ClassVar[str]
    """What to do where memory does not suffice for one image."""

    def __init__(
        self, weights: Weights, settings: PeopleSettings, device: Device, precision: Precision
    ) -> None:
        super().__init__(weights, device, precision)
        self._settings = settings

    @abstractmethod
    def _load(self, path: Path) -> nn.Module:
        """The network with the weights of a file, on the CPU."""

    @cached_property
    def _network(self) -> Any:
        path = self._weights.file(self.file)
        with self._placement.loading(self.name, self.remedy):
            return self._load(path).eval().to(self._placement.device)

    def _look_at(
        self,
        items: Sequence[ItemT],
        image_of: Callable[[ItemT], NDArray[np.uint8]],
        find: Callable[[Any, Sequence[ItemT]], list[Detections]],
    ) -> Iterator[Detections]:
        """What the network finds in each item, in order, given batches of images of one size."""
        # Images of different sizes would be padded to a common one, and so influence each other.
        for _, alike in groupby(items, key=lambda item: image_of(item).shape):
            batch = self._placement.batch(self._settings.detector_batch, on_gpu=_BATCH)
            run = partial(find, self._network)
            yield from in_batches(list(alike), batch, run, remedy=self.remedy)


class NetworkDetector(ImageNetwork):
    """A detector (`mfh.people.detection.Detector`) that is one network.

    Proposals, region pooling, non-maximum suppression, scores and masks stay in float32. See
    `ImageNetwork` for the arguments that are not here.

    settings: which detections count, and how many images go through at once.
    network: makes the untrained network whose weights the file holds, told the score that
        detections must exceed; by default the published one.
    """

    def __init__(
        self,
        weights: Weights,
        settings: PeopleSettings = PeopleSettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        network: Network | None = None,
    ) -> None:
        super().__init__(weights, settings, device, precision)
        self._untrained = network

    def _depends_on(self) -> Mapping[str, Any]:
        return {
            "min_score": self._settings.min_score,
            "mask_threshold": self._settings.mask_threshold,
        }

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Detections]:
        """Give the people of each image (H, W, 3) RGB, in order, the most certain first.

        Raises `ModelError` for weights that are missing or are not this network's,
        `MissingPartError` where a package is missing, `NotEnoughMemoryError` where memory does not
        suffice for the network or a single image, and `SettingsError` where the device asked for
        is not here.
        """
        return self._look_at(images, lambda image: image, self._find)

    @abstractmethod
    def _find(self, network: Any, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The people that the network sees in images of one size."""


def compute_in(module: nn.Module, placement: Placement) -> None:
    """Let a part of a network compute in a precision, as mixed precision does, and give float32."""
    if placement.dtype == torch.float32:
        return
    forward: Any = type(module).forward
    # A module whose forward() holds it would outlive its last user, and so would its weights.
    reference = weakref.ref(module)

    def computed(*inputs: Any, **named: Any) -> Tensor | dict[str, Tensor]:
        with torch.autocast(placement.device.type, placement.dtype):
            output = forward(reference(), *inputs, **named)
        return _float32(output)

    module.forward = computed


def _float32(output: Tensor | Mapping[str, Tensor]) -> Tensor | dict[str, Tensor]:
    if isinstance(output, Mapping):
        return {name: tensor.float() for name, tensor in output.items()}
    return output.float()


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, advice: str) -> None:
    """Load a file's tensors into a network that must have exactly these.

    advice: what to do where it does not.

    Raises `ModelError`, naming what is missing, unexpected, or of another size.
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
        raise ModelError(f"{path}: not the weights of this network: {'; '.join(said)}. {advice}")

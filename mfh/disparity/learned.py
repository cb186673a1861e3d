"""What parts that run a relative model have in common: loading, batches, checked maps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.compute import LearnedPart, in_batches
from mfh.errors import InputError, NumericsError
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Disparity, PaintedPhotos, Photo, Space
from mfh.settings import Device, Precision

_BATCH = 8


class LearnedDisparity(LearnedPart):
    """A relative model as a part (`mfh.stages.DisparityEstimator`).

    weights: the model's files, loaded at first use and kept.
    settings: see `DisparitySettings`; a kind of model may have its own size.
    device, precision: as in `mfh.Settings`.
    """

    remedy: ClassVar[str]
    """What to do where memory does not suffice."""

    def __init__(
        self,
        weights: Weights,
        settings: DisparitySettings = DisparitySettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        super().__init__(weights, device, precision)
        self._settings = settings

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the relative disparity, or relative depth, of each image, in order, each (1, H, W).

        Raises `ModelError` for files that cannot be used, `NotEnoughMemoryError`, `NumericsError`
        for maps that are not finite, and `InputError` for those that are the same everywhere.
        """
        run = partial(self._run, self._model)
        batch = self._placement.batch(self._settings.batch, on_gpu=_BATCH)
        yield from in_batches(list(images.images), batch, run, remedy=self.remedy)

    def _run(self, model: Any, images: Sequence[NDArray[np.uint8]]) -> list[Disparity]:
        space, maps = self._predict(model, images)
        return [self._checked(values, space) for values in maps]

    def _checked(self, values: NDArray[np.float32], space: Space) -> Disparity:
        """A map (H, W) as a record; overflow, underflow and foreign weights leave none."""
        finite = bool(np.isfinite(values).all())
        if finite and values.min() < values.max():
            return Disparity(values[None], space, self.name)
        fault = f"is {values.flat[0]:g} everywhere" if finite else "holds NaN or infinite values"
        computed = f"{self.name}: its map, computed in {self._placement.dtype_name},"
        message = f"{computed} {fault}; {self._placement.remedy}"
        raise InputError(message) if finite else NumericsError(message)

    @cached_property
    def _model(self) -> Any:
        with self._placement.loading(self.name, self.remedy):
            return self._load()

    @abstractmethod
    def _load(self) -> Any:
        """The model, on its device."""

    @abstractmethod
    def _predict(
        self, model: Any, images: Sequence[NDArray[np.uint8]]
    ) -> tuple[Space, NDArray[np.float32]]:
        """In which space the model's maps are, and the maps (B, H, W) of the images."""

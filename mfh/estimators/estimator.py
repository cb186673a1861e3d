"""What an estimator of metric depth offers, and the result it gives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mfh.compute import LearnedPart, in_batches
from mfh.errors import NumericsError
from mfh.models.weights import Weights
from mfh.progress import Progress
from mfh.records import MetricDepth, Photo

CameraUse = Literal["camera not used", "camera used: focal length", "camera used: intrinsics"]

REMEDY = "use --device cpu, or smaller photos"


class Estimator(Protocol):
    """A method that gives the metric depth of a photo by itself."""

    def predict(self, photo: Photo) -> MetricDepth:
        """The depth of a photo, at its size. Raises errors of `mfh.errors`."""
        ...


class EstimatorPrediction(Protocol):
    """What comes of a photo: depth, and the files that tell of it."""

    @property
    def depth(self) -> MetricDepth:
        """The result."""
        ...

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long each stage took."""
        ...

    def write(self, folder: str | Path, **options: Any) -> dict[str, Path]:
        """Write every result file; options are those of `mfh.results.write_results`."""
        ...


@runtime_checkable
class RecordingEstimator(Estimator, Protocol):
    """An estimator that keeps records in a folder, and goes on from those of an earlier run."""

    def run(
        self, photo: Photo, *, folder: str | Path | None = None, progress: Progress | None = None
    ) -> EstimatorPrediction:
        """The depth of a photo, with what it was made from. Raises errors of `mfh.errors`.

        folder: where records are kept, and reused from; progress: is told what happens.
        """
        ...


class LearnedEstimator(LearnedPart):
    """An estimator with weights of its own (`Estimator`).

    camera_use: what it takes of the photo's camera.
    """

    camera_use: CameraUse

    def predict(self, photo: Photo) -> MetricDepth:
        """The depth of a photo, in metres, with what gave it and whether that used the camera.

        Raises `MissingPartError` where code it needs is not here, `ModelError` for files that
        cannot be used, `NotEnoughMemoryError`, and `NumericsError` for depth that is not finite.
        """
        (depth_m,) = in_batches(
            [photo], 1, lambda photos: [self._run(each) for each in photos], remedy=REMEDY
        )
        if not np.isfinite(depth_m).all():
            raise NumericsError(
                f"{self.name}: its depth, computed in {self._placement.dtype_name}, holds NaN or "
                f"infinite values; {self._placement.remedy}"
            )
        warnings: tuple[str, ...] = ()
        if self.camera_use == "camera not used":
            warnings = (
                f"{self.name} does not take the camera: its metres hold for cameras like those it "
                "was trained with",
            )
        return MetricDepth(
            depth_m=depth_m,
            camera=photo.camera,
            parts={
                "estimator": self.name,
                "camera": self.camera_use,
                **_revision(self._weights),
            },
            device=self.device,
            warnings=warnings,
        )

    @abstractmethod
    def _run(self, photo: Photo) -> NDArray[np.float32]:
        """Depth (H, W) in metres."""


def _revision(weights: Weights) -> dict[str, str]:
    """Which weights of a model of the hub they are; its id alone may come to mean others."""
    revision = weights.identity.get("revision", "")
    return {"revision": str(revision)} if revision else {}

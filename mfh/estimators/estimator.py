"""What an estimator of metric depth offers, and the result it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mfh.compute import Placement, in_batches
from mfh.errors import NumericsError
from mfh.models.weights import Weights
from mfh.records import MetricDepth, Photo

CameraUse = Literal["camera not used", "camera used: focal length", "camera used: intrinsics"]

REMEDY = "use --device cpu, or smaller photos"


class Estimator(Protocol):
    """A method that gives the metric depth of a photo by itself."""

    def predict(self, photo: Photo) -> MetricDepth:
        """The depth of a photo, at its size. Raises errors of `mfh.errors`."""
        ...


def predict_with(
    run: Callable[[Photo], NDArray[np.float32]],
    photo: Photo,
    *,
    name: str,
    weights: Weights,
    placement: Placement,
    camera_use: CameraUse,
) -> MetricDepth:
    """The result of a model, with what it is and whether it used the camera.

    run: gives depth (H, W) in metres.

    Raises `NotEnoughMemoryError`, and `NumericsError` for depth that is not finite.
    """
    (depth_m,) = in_batches(
        [photo], 1, lambda photos: [run(each) for each in photos], remedy=REMEDY
    )
    if not np.isfinite(depth_m).all():
        raise NumericsError(
            f"{name}: its depth, computed in {placement.dtype_name}, holds NaN or infinite values; "
            + placement.remedy
        )
    warnings: tuple[str, ...] = ()
    if camera_use == "camera not used":
        warnings = (
            f"{name} does not take the camera: its metres hold for cameras like those it was "
            "trained with",
        )
    return MetricDepth(
        depth_m=depth_m,
        camera=photo.camera,
        parts={"estimator": name, "camera": camera_use, **_revision(weights)},
        device=placement.device_name,
        warnings=warnings,
    )


def _revision(weights: Weights) -> dict[str, str]:
    """Which weights of a model of the hub they are; its id alone may come to mean others."""
    revision = weights.identity.get("revision", "")
    return {"revision": str(revision)} if revision else {}

"""The simulated relative depth model: an affine of true disparity, as wrong as it is told to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.records import Disparity, PaintedPhotos, Photo
from mfh.simulation.noise import smooth_field
from mfh.simulation.scene import Painting, paintings_of
from mfh.simulation.world import SimulatedView, SimulatedWorld

_SMOOTH_LENGTH = 0.25
_LOCAL_LENGTH = 0.025
"""Over what the two errors vary, as fractions of the image's longer side."""
_COMMON_VARIANCE = 0.8
"""The share of the smooth error's variance that the photo and its paintings have in common."""
_RANGE = (5.0, 40.0)
_FLOOR = (0.05, 0.3)
"""What the photo's disparity spans, and where it starts as a fraction of that."""


class SimulatedDisparity:
    """Estimates relative disparity, knowing the truth (`mfh.stages.DisparityEstimator`).

    Without errors it is `scale / depth + offset` with one unknown scale and offset for the photo
    and all its paintings.
    """

    name = "simulated: affine of true disparity"

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the estimates depend on besides the photo and its paintings."""
        return self._world.fingerprint(
            "disparity_smooth",
            "disparity_local",
            "disparity_affine_scale",
            "disparity_affine_offset",
        )

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the relative disparity of the photo and of its paintings, in order."""
        view = self._world.at(photo)
        true = 1 / view.depth_m.astype(np.float64)
        rng = view.stream("disparity")
        span = rng.uniform(*_RANGE)
        scale = span / max(float(np.ptp(true)), 1e-3 * float(true.max()))
        offset = span * rng.uniform(*_FLOOR) - scale * float(true.min())

        for painting in paintings_of(images):
            if painting.is_photo:
                estimated = scale * _estimated(view, None) + offset
            else:
                rng = view.stream("disparity affine", painting)
                own_scale = np.exp(view.errors.disparity_affine_scale * rng.standard_normal())
                own_offset = span * view.errors.disparity_affine_offset * rng.standard_normal()
                estimated = own_scale * (scale * _estimated(view, painting) + offset) + own_offset
            yield Disparity(estimated[None].astype(np.float32), model=self.name)


def _estimated(view: SimulatedView, painting: Painting | None) -> NDArray[np.float64]:
    """Metric disparity (H, W) in 1/m of the photo or a painting, with the errors of its shape."""
    errors = view.errors
    scene = None if painting is None else view.scene(painting)
    depth_m = view.depth_m if scene is None else scene.depth_m
    longer_px = max(depth_m.shape)
    log_error = np.zeros(depth_m.shape)
    if errors.disparity_smooth:
        for share, rng in (
            (_COMMON_VARIANCE, view.stream("disparity smooth, common")),
            (1 - _COMMON_VARIANCE, view.stream("disparity smooth", painting)),
        ):
            field = smooth_field(depth_m.shape, _SMOOTH_LENGTH * longer_px, rng)
            log_error += errors.disparity_smooth * np.sqrt(share) * field
    if errors.disparity_local:
        rng = view.stream("disparity local", painting)
        log_error += errors.disparity_local * smooth_field(
            depth_m.shape, _LOCAL_LENGTH * longer_px, rng
        )
        for figure in scene.figures if scene else ():
            log_error[figure.visible] += errors.disparity_local * rng.standard_normal()
        # Outside its strip a painting shows the same people as the photo does, pixel by pixel.
        rng = view.stream("disparity of the people of the photo")
        for figure in view.people:
            shown = figure.visible if painting is None else figure.visible & ~painting.strip
            log_error[shown] += errors.disparity_local * rng.standard_normal()
    return np.exp(log_error) / depth_m

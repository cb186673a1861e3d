"""The simulated painter: draws rendered people into a photo, where they could stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mfh.records import PaintingPlan, Photo
from mfh.simulation.noise import smooth_field
from mfh.simulation.scene import paintings_of
from mfh.simulation.shading import draw, light_of
from mfh.simulation.world import SimulatedWorld

_REPAINT_BLUR_PX = 0.7
_REPAINT_SHADE = 0.04


class SimulatedPainter:
    """Paints people into a photo by drawing them (`mfh.stages.Painter`).

    Of people who stand in the photo itself it leaves what lies outside the strip.
    """

    name = "simulated: rendered bodies"

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything a painting depends on besides the photo and its plan."""
        return self._world.fingerprint()

    def paint(self, photo: Photo, plan: PaintingPlan) -> Iterator[NDArray[np.uint8]]:
        """Give the painted photos (H, W, 3) one by one, in the plan's order."""
        view = self._world.at(photo)
        light = light_of(photo.image, view.floor)
        empty = self._world.empty_image(photo.shape)
        for painting in paintings_of(plan):
            figures = view.scene(painting).figures
            rng = view.stream("paint", painting)
            image = photo.image
            if view.people:
                image = np.where(painting.strip[..., None], empty, image)
            if not figures:
                yield _repainted(image, painting.strip, rng)
                continue
            yield draw(
                image,
                figures,
                painting.strip,
                view.empty_depth_m,
                view.camera,
                view.floor,
                light,
                rng,
            )


def _repainted(
    image: NDArray[np.uint8], strip: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Repaint a strip with what is there already, a little softer and shaded otherwise."""
    soft = gaussian_filter(image.astype(np.float32), (_REPAINT_BLUR_PX, _REPAINT_BLUR_PX, 0))
    shade = 1 + _REPAINT_SHADE * smooth_field(strip.shape, 0.2 * max(strip.shape), rng)
    painted = np.rint((soft * shade[..., None]).clip(0, 255)).astype(np.uint8)
    return np.where(strip[..., None], painted, image)

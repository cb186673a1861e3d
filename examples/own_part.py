"""A part of your own in the place of a stage: here, what estimates relative disparity.

    python examples/own_part.py

The painter and the people measurer are simulated, as in `mfh demo`. The estimator below stands for
any network: it gets images and gives one map for each, larger where nearer, in any scale.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mfh import Disparity, MetricFromHuman, PaintedPhotos, Photo, settings_from
from mfh.evaluation import errors_against_truth
from mfh.simulation import (
    SimulatedErrors,
    SimulatedWorld,
    load_demo_scene,
    simulated_parts,
)
from mfh.stages import DisparityEstimator


class CoarseDisparity:
    """Another estimator's maps in 255 steps, as 8-bit pictures hold them.

    `name` is what results call it. `fingerprint` lets a run folder reuse what it made, so it names
    everything that matters to the result: here the other estimator, too.
    """

    name = "disparity in 255 steps"

    def __init__(self, estimator: DisparityEstimator) -> None:
        self.fingerprint = {"part": self.name, "of": getattr(estimator, "fingerprint", None)}
        self._estimator = estimator

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give a map (1, H, W) for the photo, and one for each painted photo."""
        for fine in self._estimator.estimate(photo, images):
            low, high = fine.values.min(), fine.values.max()
            steps = np.round((fine.values - low) / (high - low) * 255)
            yield Disparity(steps.astype(np.float32), fine.space, self.name)


def main() -> None:
    """Predict the demo scene's depth with that part, and print the error."""
    photo, true_m = load_demo_scene()
    parts = simulated_parts(SimulatedWorld(photo, true_m, SimulatedErrors.none()))
    parts["disparity"] = CoarseDisparity(parts["disparity"])
    depth = MetricFromHuman(**parts, settings=settings_from("fast")).predict(photo)
    errors = errors_against_truth(depth.depth_m, true_m)
    print(f"{depth.counts.people} people, AbsRel {errors['abs_rel']:.1%}")


if __name__ == "__main__":
    main()

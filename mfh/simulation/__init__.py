"""Stand-ins for the learned stages that know the truth, with the errors of real models on request.

They prove everything but the learned models: every part's name starts with "simulated".
"""

from __future__ import annotations

from mfh.parts import Parts
from mfh.simulation.demo_scene import load_demo_scene
from mfh.simulation.detector import SimulatedDetector
from mfh.simulation.disparity import SimulatedDisparity
from mfh.simulation.error_model import SimulatedErrors
from mfh.simulation.measurer import SimulatedKeypointMeasurer, SimulatedMeasurer
from mfh.simulation.painter import SimulatedPainter
from mfh.simulation.truth import Truth, load_truth
from mfh.simulation.world import SimulatedWorld

__all__ = [
    "SimulatedDetector",
    "SimulatedDisparity",
    "SimulatedErrors",
    "SimulatedKeypointMeasurer",
    "SimulatedMeasurer",
    "SimulatedPainter",
    "SimulatedWorld",
    "Truth",
    "load_demo_scene",
    "load_truth",
    "simulated_parts",
]


def simulated_parts(world: SimulatedWorld) -> Parts:
    """Give simulated parts for a `MetricFromHuman`, for the photo of a world."""
    return Parts(
        painter=SimulatedPainter(world),
        people=SimulatedMeasurer(world),
        disparity=SimulatedDisparity(world),
    )

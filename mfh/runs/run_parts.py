"""The parts of one run, what they are called, and where they compute."""

from __future__ import annotations

from typing import TypedDict

from mfh.runs.stage_runner import part_name
from mfh.stages import DepthRenderer, DisparityEstimator, HeadFitter, Painter, PeopleMeasurer


class RunParts(TypedDict):
    """The parts of one run; None where it does without."""

    painter: Painter | None
    people: PeopleMeasurer | None
    renderer: DepthRenderer
    disparity: DisparityEstimator
    head: HeadFitter


def names_of(parts: RunParts) -> dict[str, str]:
    """What the parts call themselves, but for those that a run does without."""
    without = {"renderer"} if parts["people"] is None else set()
    return {
        name: part_name(part)
        for name, part in parts.items()
        if part is not None and name not in without
    }


def device_of(parts: RunParts) -> str:
    """Where the learned parts compute; each of them says so itself."""
    learned = (parts["painter"], parts["people"], parts["disparity"])
    devices = [getattr(part, "device", "") for part in learned]
    return ", ".join(dict.fromkeys(filter(None, devices)))

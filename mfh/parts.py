"""Which part does each stage: the user's files where they are given, else a learned one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from mfh.disparity import DisparityFiles
from mfh.errors import InputError, MissingPartError
from mfh.models import default_model
from mfh.painting import PaintedFiles
from mfh.people import PeopleFiles
from mfh.records import Space
from mfh.stages import DisparityEstimator, Painter, PeopleMeasurer

STAGES = ("painted", "people", "disparity")


class Parts(TypedDict):
    """The parts of a `MetricFromHuman` that have no default."""

    painter: Painter
    people: PeopleMeasurer
    disparity: DisparityEstimator


def parts_from(use: Mapping[str, str | Path], disparity_space: Space = "disparity") -> Parts:
    """The parts for files given as `use`: "painted", "people" and "disparity" to a path each.

    Raises `InputError` for another stage or unusable files, and `MissingPartError`, naming the
    model and what stands in for it, where a stage has no files.
    """
    unknown = [stage for stage in use if stage not in STAGES]
    if unknown:
        raise InputError(f"use: stage {unknown[0]!r} is unknown; there are {', '.join(STAGES)}")
    missing = [stage for stage in STAGES if stage not in use]
    if missing:
        raise MissingPartError(_missing(missing))
    painted = PaintedFiles(use["painted"])
    return Parts(
        painter=painted,
        people=PeopleFiles(use["people"], painted.names),
        disparity=DisparityFiles(use["disparity"], disparity_space, painted.names),
    )


def _missing(stages: list[str]) -> str:
    models = [default_model(stage) for stage in stages]
    lines = [
        f"  {stage}: {model.title} ({model.id})"
        for stage, model in zip(stages, models, strict=True)
    ]
    options = " ".join(f"--use {stage}=PATH" for stage in stages)
    return (
        "this version of mfh does not yet run the learned parts itself; missing for this photo:\n"
        + "\n".join(lines)
        + f"\nrun them with their own tools and give what they made: mfh predict PHOTO {options}\n"
        "or see the whole flow with simulated parts: mfh demo"
    )

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
    painted = PaintedFiles(use["painted"]) if "painted" in use else None
    names = None if painted is None else painted.names
    people = PeopleFiles(use["people"], names) if "people" in use else None
    disparity = None
    if "disparity" in use:
        disparity = DisparityFiles(use["disparity"], disparity_space, names)
    # Asked last: files that are given and wrong are named whatever else is missing.
    if painted is None or people is None or disparity is None:
        raise MissingPartError(_missing(use, disparity_space))
    return Parts(painter=painted, people=people, disparity=disparity)


def _missing(use: Mapping[str, str | Path], disparity_space: Space) -> str:
    models = {stage: default_model(stage) for stage in STAGES if stage not in use}
    lines = [f"  {stage}: {model.title} ({model.id})" for stage, model in models.items()]
    options = [f"--use {_option(stage, use.get(stage, 'PATH'))}" for stage in STAGES]
    if disparity_space != "disparity":
        options.append(f"--disparity-space {disparity_space}")
    return (
        "this version of mfh does not yet run the learned parts itself; missing for this photo:\n"
        + "\n".join(lines)
        + "\nrun them with their own tools, as docs/your_own_parts.md tells, and give what they "
        f"made: mfh predict PHOTO {' '.join(options)}\n"
        "or see the whole flow with simulated parts: mfh demo"
    )


def _option(stage: str, path: str | Path) -> str:
    text = f"{stage}={path}"
    return f'"{text}"' if any(map(str.isspace, text)) else text

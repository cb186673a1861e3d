"""Running the method for a command: progress, results, summary."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mfh.evaluation import errors_against_truth
from mfh.known_distances import KnownDistance
from mfh.pipeline import MetricFromHuman
from mfh.progress import Progress
from mfh.records import MetricDepth, Photo
from mfh.results import summary_lines
from mfh.results.formats import DEFAULT_FORMATS
from mfh.settings import Settings

from .terminal import TerminalProgress, interruptible, show_summary

if TYPE_CHECKING:
    from mfh.simulation import SimulatedErrors, SimulatedWorld


class PhotoPrediction(Protocol):
    """What comes of a photo: `mfh.prediction.Prediction`, or an estimator's `Estimate`."""

    @property
    def depth(self) -> MetricDepth:
        """The result."""
        ...

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long each stage took."""
        ...

    def write(self, folder: str | Path, **options: Any) -> dict[str, Path]:
        """Write every result file into a folder."""
        ...


class PhotoMethod(Protocol):
    """What predicts photos: `mfh.MetricFromHuman`, or a `PhotoEstimator`."""

    @property
    def settings(self) -> Settings | None:
        """What results tell of Metric from Human's settings."""
        ...

    def run(
        self,
        photo: Photo,
        *,
        landmarks: Sequence[KnownDistance] = (),
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> PhotoPrediction:
        """Metric depth of a photo."""
        ...


def run_and_write(
    method: PhotoMethod,
    photo: Photo,
    folder: Path,
    *,
    landmarks: Sequence[KnownDistance] = (),
    formats: Sequence[str] = DEFAULT_FORMATS,
    truth_m: NDArray[np.float32] | None = None,
    simulated_errors: SimulatedErrors | None = None,
    notes: tuple[str, ...] = (),
    resumes: bool = True,
) -> None:
    """Predict, write every result into the run folder, and print a summary.

    landmarks: the photo's known distances.
    formats: what to write, by `mfh.results.formats.FORMATS`.
    truth_m: true depth (H, W), NaN where unknown, to print the error against.
    simulated_errors: what simulated stages were told to do wrong, for the summary.
    notes: what to say besides the result's own warnings.
    resumes: whether an interrupted run goes on where it stopped.
    """
    with interruptible(resumes=resumes), TerminalProgress() as progress:
        prediction = method.run(photo, landmarks=landmarks, folder=folder, progress=progress)
        errors = (
            None if truth_m is None else errors_against_truth(prediction.depth.depth_m, truth_m)
        )
        started = time.perf_counter()
        prediction.write(
            folder,
            formats=formats,
            errors=errors,
            settings=method.settings,
            simulated_errors=simulated_errors.as_dict() if simulated_errors else None,
            progress=progress,
        )
        seconds = {**prediction.seconds, "writing": time.perf_counter() - started}
    lines = summary_lines(prediction.depth, errors=errors, timings=seconds)
    show_summary(photo.name, lines, (*notes, *prediction.depth.warnings), folder)


def run_simulated(
    world: SimulatedWorld,
    settings: Settings,
    folder: Path,
    *,
    landmarks: Sequence[KnownDistance] = (),
    formats: Sequence[str] = DEFAULT_FORMATS,
    notes: tuple[str, ...] = (),
) -> None:
    """`run_and_write` of a world's photo with simulated stages, against its truth.

    formats, notes: see there.
    """
    from mfh.simulation import simulated_parts  # noqa: PLC0415 - runs without it do not load it

    if len(world.people) < world.people_in_photo:
        place = f"{len(world.people)} of {world.people_in_photo} people have a place in the photo"
        notes = (*notes, place)
    run_and_write(
        MetricFromHuman(**simulated_parts(world), settings=settings),
        world.photo,
        folder,
        landmarks=landmarks,
        formats=formats,
        truth_m=world.depth_m,
        simulated_errors=world.errors,
        notes=notes,
    )

"""Running the method for a command: progress, results, summary."""

from __future__ import annotations

from pathlib import Path

from mfh.pipeline import MetricFromHuman, Prediction
from mfh.records import Photo


def run_and_write(
    method: MetricFromHuman,
    photo: Photo,
    folder: Path,
    *,
    truth: object = None,
    notes: tuple[str, ...] = (),
) -> Prediction:
    """Predict, write every result into the run folder, and print a summary."""
    raise NotImplementedError

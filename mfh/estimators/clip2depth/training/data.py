"""Which photos a training takes, and which it holds out; importing this loads no model library."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mfh.datasets import DataSet, Sample
from mfh.datasets.missing import missing_files
from mfh.errors import InputError
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.training.photos import TrainingPhotos
from mfh.training.splits import hold_out

# Cameras that are looked at: a data set has few, and photos have to be read for theirs.
_CAMERAS = 50


@dataclass(frozen=True)
class TrainingData:
    """The photos of one training.

    training, validation: never of the same scene, but where there is only one.
    missing: files of the data set that are not there, by the name of their photo.
    """

    data_set: DataSet
    training: TrainingPhotos
    validation: TrainingPhotos
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def depth_range_m(self) -> tuple[float, float]:
        """Least and most depth that the model gives: what counts of the truth, from 1 mm on."""
        protocol = self.data_set.protocol
        return max(protocol.min_m, 1e-3), protocol.max_m

    def as_dict(self) -> dict[str, Any]:
        """What tells these photos from others, wherever they lie; plain JSON values."""
        return {
            "data_set": self.data_set.name,
            "options": dict(self.data_set.options),
            "training_photos": _told(self.training.samples),
            "validation_photos": _told(self.validation.samples),
            "depth_range_m": list(self.depth_range_m),
        }

    def focal_length_widths(self) -> float:
        """The median focal length over width of up to 50 training photos, spread evenly."""
        photos = self.training
        chosen = _spread(range(len(photos)), _CAMERAS)
        cameras = [photos.data_set.photo(photos.samples[index]).camera for index in chosen]
        return float(median(camera.fx / camera.width for camera in cameras))


def training_data(data_set: DataSet, settings: TrainingSettings) -> TrainingData:
    """Split the photos of a data set that are there, as the settings say.

    Raises `InputError` where too few are there, or some are for testing.
    """
    samples = data_set.samples()
    missing = missing_files(data_set, samples)
    there = [sample for sample in samples if sample.name not in missing]
    if not there:
        raise InputError(
            f"{data_set.title}: none of its {len(samples)} photos is there with its depth, e.g. "
            f"{next(iter(missing.values()), data_set.root)}"
        )
    chosen = _spread(there, settings.limit or len(there))
    training, validation = hold_out(data_set, chosen, settings.validation_fraction, settings.seed)
    return TrainingData(
        data_set,
        TrainingPhotos(data_set, training, settings.crop),
        TrainingPhotos(data_set, validation, settings.crop),
        missing,
    )


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """So many items, spread evenly: the first ones would all be of one scene."""
    if count >= len(items):
        return list(items)
    return [items[number * len(items) // count] for number in range(count)]


def _told(samples: Sequence[Sample]) -> str:
    """How many photos, and a digest of their names in order."""
    digest = hashlib.sha256("\n".join(sample.name for sample in samples).encode()).hexdigest()
    return f"{len(samples)} ({digest[:16]})"

"""Which photos a training takes, and which it holds out; importing this loads no model library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from mfh.datasets import DataSet
from mfh.datasets.missing import samples_there
from mfh.datasets.photo_files import identities
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.training.photos import TrainingPhotos
from mfh.training.splits import hold_out

# Cameras that are looked at: a data set has few, and photos have to be read for theirs.
_CAMERAS = 50
# Photos whose files are looked into, to tell them from others of the same size.
_LOOKED_INTO = 100


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
            "training_photos": self._training_photos,
            "validation_photos": self._validation_photos,
            "depth_range_m": list(self.depth_range_m),
        }

    @cached_property
    def _training_photos(self) -> str:
        return _told(self.training)

    @cached_property
    def _validation_photos(self) -> str:
        return _told(self.validation)

    def focal_length_widths(self) -> float:
        """The median focal length over width of up to 50 training photos, spread evenly."""
        photos = self.training
        chosen = _spread(range(len(photos)), _CAMERAS)
        cameras = [photos.data_set.photo(photos.samples[index]).camera for index in chosen]
        return float(median(camera.fx / camera.width for camera in cameras))


def training_data(data_set: DataSet, settings: TrainingSettings) -> TrainingData:
    """Split the photos of a data set that are there, as the settings say.

    One photo is read, as a crop that does not fit it would fit none.

    Raises `InputError` where too few are there, some are for testing, or that one cannot be read.
    """
    there, missing = samples_there(data_set, data_set.samples())
    chosen = _spread(there, settings.limit or len(there))
    training, validation = hold_out(data_set, chosen, settings.validation_fraction, settings.seed)
    photos = TrainingPhotos(data_set, training, settings.crop)
    photos[0]
    return TrainingData(
        data_set, photos, TrainingPhotos(data_set, validation, settings.crop), missing
    )


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """So many items, spread evenly: the first ones would all be of one scene."""
    if count >= len(items):
        return list(items)
    return [items[number * len(items) // count] for number in range(count)]


def _told(photos: TrainingPhotos) -> str:
    """How many photos, and a digest of what tells them from others, wherever they lie.

    That is names in order, what an index file states, and the sizes of all files. Looking into all
    of them would take minutes on a network's drive, so that it is done for some.
    """
    data_set, samples = photos.data_set, photos.samples
    sizes: dict[Path, int] = {}
    lines = []
    for sample in samples:
        files = data_set.files(sample)
        for path in files:
            if path not in sizes:
                sizes[path] = path.stat().st_size if path.is_file() else -1
        lines.append([sample.name, sample.stated, *(sizes[path] for path in files)])
    content = identities(data_set, _spread(samples, _LOOKED_INTO))
    digest = hashlib.sha256(json.dumps([lines, list(content.values())]).encode()).hexdigest()
    return f"{len(samples)} ({digest[:16]})"

"""Photos with labelled pixels to train on; importing this loads no model library."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import Sample
from mfh.datasets.labels import Labelled, Labels
from mfh.datasets.missing import missing_files
from mfh.errors import InputError, SettingsError
from mfh.files.reading import absent
from mfh.records import Photo


@dataclass(frozen=True, eq=False)
class LabelledPhoto:
    """A photo with its labels; its pixels are read when they are asked for.

    x_px, y_px: (N,) whole pixels of the photo, N at least 1.
    depth_m: (N,) metres, z.
    """

    data_set: Labels
    sample: Sample
    x_px: NDArray[np.int32]
    y_px: NDArray[np.int32]
    depth_m: NDArray[np.float32]

    def photo(self) -> Photo:
        """Read it. Raises `InputError` that names the line of the labels."""
        return self.data_set.photo(self.sample)


@dataclass(frozen=True)
class LabelledFile:
    """The photos of one file of labels.

    weight: how often one is asked about, compared with other files.
    missing: photos that are not there, by name.
    """

    data_set: Labels
    photos: tuple[LabelledPhoto, ...]
    weight: float
    missing: Mapping[str, str]
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """What tells it from others, plain JSON values."""
        return {
            "name": self.data_set.root.name,
            "photos": len(self.photos),
            "labels": sum(len(photo.depth_m) for photo in self.photos),
            "labelled": self.photos[0].sample.extra["labelled"],
            "weight": self.weight,
            "sha256": self.digest,
        }


def labelled_files(
    paths: Sequence[Path],
    weights: Sequence[float] = (),
    *,
    images: str | None = None,
    labelled: Labelled = "auto",
) -> tuple[LabelledFile, ...]:
    """Read files of labels, all of their lines.

    weights: how often each file is asked about, compared with the others; by default as often as it
        has photos.
    images, labelled: as `mfh.datasets.labels.Labels` has them.

    Raises `InputError` for lines that are wrong and for a file none of whose photos is there, and
    `SettingsError` for weights that are not positive, or not as many as files.
    """
    if not paths:
        raise InputError("no file of labels; give at least one .jsonl")
    if weights and len(weights) != len(paths):
        raise SettingsError(f"{len(weights)} weights for {len(paths)} files; give one a file")
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            raise SettingsError(f"weight {weight:g} of a file; weights are positive")
    for path in paths:
        if not path.exists():
            raise absent(path)
    read = [_read(Labels(path, labelled=labelled, images=images)) for path in paths]
    chosen = weights or [float(len(photos)) for photos, _, _ in read]
    return tuple(
        LabelledFile(photos[0].data_set, photos, weight, missing, digest)
        for (photos, missing, digest), weight in zip(read, chosen, strict=True)
    )


def _read(data_set: Labels) -> tuple[tuple[LabelledPhoto, ...], dict[str, str], str]:
    samples = data_set.samples()
    missing = missing_files(data_set, samples)
    photos = tuple(_photo(data_set, sample) for sample in samples if sample.name not in missing)
    if not photos:
        raise InputError(
            f"{samples[0].truth}: none of its {len(samples)} photos is there, e.g. "
            f"{next(iter(missing.values()))}; say where they are with --images"
        )
    stated = "\n".join(f"{photo.sample.name}\n{photo.sample.stated}" for photo in photos)
    return photos, missing, hashlib.sha256(stated.encode()).hexdigest()


def _photo(data_set: Labels, sample: Sample) -> LabelledPhoto:
    x_px, y_px, depth_m = data_set.points(sample)
    return LabelledPhoto(data_set, sample, x_px, y_px, depth_m)


def draw_photos(files: Sequence[LabelledFile], count: int, seed: int) -> NDArray[np.int64]:
    """Which photo each of `count` questions is about: (count, 2), indices of file and photo.

    Files are drawn by their weights; of a file, every photo comes before any comes again.
    """
    shares = np.array([each.weight for each in files])
    random = np.random.default_rng([seed, 0])
    of_file = random.choice(len(files), size=count, p=shares / shares.sum())
    drawn = np.empty((count, 2), np.int64)
    drawn[:, 0] = of_file
    for number, each in enumerate(files):
        places = np.flatnonzero(of_file == number)
        photos = len(each.photos)
        rounds = -(-len(places) // photos)
        of_rounds = np.random.default_rng([seed, 1, number])
        order = [of_rounds.permutation(photos) for _ in range(rounds)]
        drawn[places, 1] = np.concatenate([*order, np.empty(0, np.int64)])[: len(places)]
    return drawn

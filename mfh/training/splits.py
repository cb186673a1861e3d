"""Holding photos out for validation, whole scenes at a time, and keeping test photos out."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence

from mfh.datasets import kitti_frames, nyu_splits
from mfh.datasets.base import DataSet, Sample
from mfh.errors import InputError, SettingsError

_SHOWN = 3


def hold_out(
    data_set: DataSet, samples: Sequence[Sample], fraction: float, seed: int
) -> tuple[list[Sample], list[Sample]]:
    """Split photos into those to train on and those to validate with, both in their order.

    Photos of one scene are too alike to validate with, so whole scenes are held out: rooms of NYU
    Depth V2, drives of KITTI, scenes of DIODE and ETH3D, folders of other data sets. Which ones
    depends on their names and the seed alone, not on the order of the samples. Scenes are drawn as
    long as they fit into the fraction; where none does, the smallest is held out, so that neither
    part is ever empty. Where all photos are of one scene, single photos are held out, with a
    `UserWarning` that validation will look better than it is.

    fraction: the share of the photos to hold out, between 0 and 1. seed: which ones.

    Raises `SettingsError` for a fraction that is none, and `InputError` for fewer than two photos.
    """
    if not 0 < fraction < 1:
        raise SettingsError(
            f"fraction {fraction:g} of the photos to hold out; give one between 0 and 1, e.g. 0.05"
        )
    if len(samples) < 2:
        raise InputError(
            f"{data_set.root}: {len(samples)} photos to train on; there must be at least two, one "
            "to train on and one to validate with"
        )
    scenes = [scene_of(data_set, sample) for sample in samples]
    if len(set(scenes)) == 1:
        warnings.warn(
            f"{data_set.root}: all {len(samples)} photos are of one scene ({scenes[0] or '.'}), so "
            "single photos are held out for validation; they are like those that are trained on, "
            "and validation will look better than it is. Give photos of several scenes, a folder "
            "each",
            stacklevel=2,
        )
        scenes = [sample.name for sample in samples]
    held = _drawn(scenes, fraction, seed)
    pairs = list(zip(samples, scenes, strict=True))
    return [s for s, scene in pairs if scene not in held], [
        s for s, scene in pairs if scene in held
    ]


def scene_of(data_set: DataSet, sample: Sample) -> str:
    """What place a photo was taken in, as far as its name tells."""
    folders, _, _ = sample.name.rpartition("/")
    if data_set.name == "nyu":
        return nyu_splits.scene_of(sample.name) or folders
    if data_set.name in ("kitti", "diode", "eth3d"):
        return folders.partition("/")[0]
    return folders


def not_for_training(data_set: DataSet, samples: Sequence[Sample]) -> list[str]:
    """The names of photos of NYU Depth V2 or KITTI that are not of the training scenes or drives.

    None of other data sets, whose splits are not known.
    """
    is_for_training = {
        "nyu": lambda name: nyu_splits.scene_of(name) is not None,
        "kitti": kitti_frames.is_for_training,
    }.get(data_set.name)
    if is_for_training is None:
        return []
    return [sample.name for sample in samples if not is_for_training(sample.name)]


def require_no_test_photos(data_set: DataSet, samples: Sequence[Sample]) -> None:
    """Refuse the photos of `not_for_training`. Raises `InputError` that names some."""
    others = not_for_training(data_set, samples)
    if others:
        whose = TESTED[data_set.name]
        more = len(others) - _SHOWN
        named = f"{', '.join(others[:_SHOWN])}{f' and {more} more' if more > 0 else ''}"
        raise InputError(
            f"{data_set.root}: {len(others)} of {len(samples)} photos are not for training "
            f"({named}): {whose}. Train on split=train, or leave them out of the list"
        )


TESTED: Mapping[str, str] = {
    "nyu": "they are of the official test split or of videos that may show its scenes",
    "kitti": "their drives are those of Eigen's test split",
}
"""Why photos of a data set are not for training, by its name."""


def _drawn(scenes: Sequence[str], fraction: float, seed: int) -> set[str]:
    """The scenes to hold out; `scenes` names that of each photo."""
    sizes: dict[str, int] = {}
    for scene in scenes:
        sizes[scene] = sizes.get(scene, 0) + 1

    def place(scene: str) -> str:
        return hashlib.sha256(f"{seed}/{scene}".encode()).hexdigest()

    room = math.floor(fraction * len(scenes) + 0.5)
    held = set()
    for scene in sorted(sizes, key=place):
        if sizes[scene] <= room:
            held.add(scene)
            room -= sizes[scene]
    if len(held) == len(sizes):
        held.discard(max(held, key=place))
    return held or {min(sizes, key=lambda scene: (sizes[scene], place(scene)))}

"""The training photos of NYU Depth V2, and lists of photos that people bring along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mfh.datasets.base import Sample
from mfh.datasets.index_file import require_unique, sample_name
from mfh.datasets.nyu_layouts import (
    BTS,
    any_there,
    found_below,
    frames_in,
    labelled_samples,
    places_of,
)
from mfh.datasets.nyu_splits import official_training_split, training_videos
from mfh.datasets.stored_files import places_below, read_list, subfolders
from mfh.errors import InputError

EXPECTED = (
    "sync/SCENE/rgb_NNNNN.jpg and sync_depth_NNNNN.png (BTS), or the labelled photos: "
    "official_splits/train/SCENE/rgb_NNNNN.jpg and sync_depth_NNNNN.png (BTS), or "
    "train/SCENE/rgb_NNNN.png and depth_NNNN.png (Marigold)"
)
"""The training layouts that are read, in words."""

WHERE = (
    "Get sync.zip as pytorch/README.md of https://github.com/cleinc/bts says into sync/ (or "
    "convert the raw data with its utils/sync_project_frames_multi_threads.m), or the 795 labelled "
    "photos: nyu_depth_v2_labeled.mat (2.8 GB) from "
    "https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html, converted with its "
    "utils/extract_official_train_test_set_from_mat.py."
)

# Where the folder of the videos is below the root.
_SYNC_PLACES = (".", "sync", "*/sync", "*/*/sync")
_LIST_PLACES = (
    *_SYNC_PLACES,
    *places_of("train")[1:],
    *places_of("test")[1:],
    "official_splits",
    "*",
)


@dataclass(frozen=True)
class Listing:
    """Photos of a split, and where they were found, in words.

    The words say as well what was left out.
    """

    samples: list[Sample]
    words: str


def training_listing(root: Path) -> Listing | None:
    """The photos of the training videos, or else the labelled training photos; None for neither.

    Of the videos every frame counts whose photo or depth is there, of the labelled photos all 795.
    """
    return _of_the_videos(root) or _of_the_labelled(root)


def listed(root: Path, path: Path) -> Listing:
    """The photos of a list file, a line a photo: "SCENE/rgb_NNNNN.jpg SCENE/DEPTH.png FOCAL".

    Paths are relative to the root or to a folder below it that a split is usually in: the first in
    which any of the photos or depth maps is. A slash at the beginning means nothing (BTS has one),
    the focal length may be missing, and lines whose depth is "None" are left out.

    Raises `InputError` for a file that cannot be read, a line that names no photo and depth, and a
    photo that is listed twice.
    """
    pairs = []
    for number, line in enumerate(read_list(path), start=1):
        words = line.split()
        if not words or line.lstrip().startswith("#") or "None" in words[1:]:
            continue
        if len(words) < 2 or not words[1].lower().endswith(".png"):
            raise InputError(
                f"{path}, line {number}: {line.strip()[:80]!r} names no photo and depth; expected "
                "e.g. kitchen_0028b/rgb_00045.jpg kitchen_0028b/sync_depth_00045.png 518.8579"
            )
        where = f"{path}, line {number}"
        pairs.append((sample_name(words[0]), where, *(word.lstrip("/\\") for word in words[:2])))
    if not pairs:
        raise InputError(f"{path}: names no photo with truth; expected one a line")
    require_unique(((name, where) for name, where, *_ in pairs), "list each photo once")
    for folder in places_below(root, _LIST_PLACES):
        samples = [Sample(name, folder / photo, folder / truth) for name, _, photo, truth in pairs]
        if any_there(samples):
            return Listing(samples, f"list {path}, of {folder}")
    samples = [Sample(name, root / photo, root / truth) for name, _, photo, truth in pairs]
    return Listing(samples, f"list {path}, of which nothing is in {root}")


def _of_the_videos(root: Path) -> Listing | None:
    known = frozenset(training_videos())
    for folder in places_below(root, _SYNC_PLACES):
        scenes = [scene for scene in subfolders(folder) if scene.name in known]
        samples = [
            Sample(
                f"{scene.name}/rgb_{frame:05d}",
                scene / BTS.photo.format(frame),
                scene / BTS.truth.format(frame),
            )
            for scene in scenes
            for frame in frames_in(scene, BTS)
        ]
        if not samples:
            continue
        words = f"training videos, {folder}: {_scene_count(samples)} of {len(known)} videos"
        others = len(subfolders(folder)) - len(scenes)
        left_out = f"; {others} other folders there are no training videos and are left out"
        return Listing(samples, words + (left_out if others else ""))
    return None


def _of_the_labelled(root: Path) -> Listing | None:
    found = found_below(root, places_of("train"))
    if found is None:
        return None
    samples = labelled_samples(*found, official_training_split())
    if not any_there(samples):
        return None
    return Listing(samples, f"labelled training photos, {found[1].words}, {found[0]}")


def _scene_count(samples: Sequence[Sample]) -> int:
    return len({sample.photo.parent for sample in samples})

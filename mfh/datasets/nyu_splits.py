"""Which photos of NYU Depth V2 are for testing, and which for training.

Three lists are shipped: the two official splits of the 1449 labelled frames, and the raw videos
that are trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources


def official_test_split() -> list[tuple[int, str]]:
    """Number, counted from 0, and scene type of the 654 photos, by number."""
    frames = []
    for scene_type, ranges in _lines("nyu_test.txt"):
        frames += [(frame, scene_type) for span in ranges for frame in _frames(span)]
    return sorted(frames)


def official_training_split() -> list[tuple[int, str]]:
    """Number, counted from 0, and scene ("kitchen_0003") of the 795 photos, by number."""
    frames = []
    for scene_type, scenes in _lines("nyu_train.txt"):
        for scene in scenes:
            name, _, ranges = scene.partition("=")
            for span in ranges.split(","):
                frames += [(frame, f"{scene_type}_{name}") for frame in _frames(span)]
    return sorted(frames)


def training_videos() -> list[str]:
    """The 284 videos ("kitchen_0028b") from which training photos are taken, by name."""
    lines = _lines("nyu_train_scenes.txt")
    return sorted(f"{scene_type}_{name}" for scene_type, names in lines for name in names)


def scene_of(name: str) -> str | None:
    """The scene ("kitchen_0028") of a training photo by a sample's name, None where it is none.

    The name of a frame of a training video ("kitchen_0028b/rgb_00045"), or of an official training
    photo ("kitchen/rgb_00002" as BTS has it, "kitchen_0003/rgb_0003" as Marigold). Videos whose
    names differ in a letter show one scene.
    """
    *folders, stem = name.split("/")
    folder = folders[-1] if folders else ""
    videos, labelled = _training()
    number = re.fullmatch(r"rgb_(\d{4,5})", stem)
    if number is None:
        return None
    if len(number[1]) == 4:  # Marigold's, which counts from 1.
        scene = labelled.get(int(number[1]) - 1)
        return scene if folder == scene else None
    if folder in videos:
        return re.sub(r"(?<=\d)[a-z]$", "", folder)
    scene = labelled.get(int(number[1]))
    return scene if scene is not None and folder == type_of(scene) else None


def type_of(scene: str) -> str:
    """The type of a scene: "home_office" of "home_office_0004"."""
    return scene.rpartition("_")[0]


@cache
def _training() -> tuple[frozenset[str], dict[int, str]]:
    return frozenset(training_videos()), dict(official_training_split())


def _lines(file: str) -> Iterator[tuple[str, list[str]]]:
    """What stands before the colon, and the words after it, of each entry of a shipped list."""
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    for key, words in re.findall(r"^(\w+):((?:\s+[\w=,-]+(?!\S))+)$", text, re.MULTILINE):
        yield key, words.split()


def _frames(span: str) -> range:
    low, _, high = span.partition("-")
    return range(int(low), int(high or low) + 1)

"""How the files of NYU Depth V2 are named on people's disks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mfh.datasets.base import Sample
from mfh.datasets.nyu_splits import type_of
from mfh.datasets.stored_files import holds, places_below, subfolders


@dataclass(frozen=True)
class Layout:
    """How files are named.

    any_of: what photos and truths of any frame match. first: the number of the data set's first.
    frame, scene: what the names of such files (with the frame's number) and of their folders match.
    """

    words: str
    any_of: tuple[str, str]
    photo: str
    truth: str
    first: int
    frame: str
    scene: str


BTS = Layout(
    "BTS layout",
    ("*/rgb_?????.jpg", "*/sync_depth_?????.png"),
    "rgb_{:05d}.jpg",
    "sync_depth_{:05d}.png",
    first=0,
    frame=r"(?:rgb|sync_depth)_(\d{5})\.(?:jpg|png)",
    scene=r"[a-z_]+[a-z]",
)
MARIGOLD = Layout(
    "Marigold layout",
    ("*/rgb_????.png", "*/depth_????.png"),
    "rgb_{:04d}.png",
    "depth_{:04d}.png",
    first=1,
    frame=r"(?:rgb|depth)_(\d{4})\.png",
    scene=r"[a-z_]+_\d+[a-z]?",
)


def places_of(split: str) -> tuple[str, ...]:
    """Where the folder of scenes of an official split is below the root."""
    return (".", split, f"official_splits/{split}", f"*/{split}", f"*/official_splits/{split}")


def found_below(root: Path, places: Iterable[str]) -> tuple[Path, Layout] | None:
    """The first of the places that holds photos or truths, and their layout."""
    for folder in places_below(root, places):
        for layout in (BTS, MARIGOLD):
            if holds(folder, *layout.any_of):
                return folder, layout
    return None


def labelled_samples(
    folder: Path, layout: Layout, frames: Iterable[tuple[int, str]]
) -> list[Sample]:
    """Frames of the official splits, whether their files are there or not.

    frames: number, from 0, and scene type or scene. Names are made of scene type and number, as
        BTS's files are. A photo's folder is that in which it or its depth is; where neither is
        there, it is known in BTS's layout alone, whose folders are scene types.
    """
    there = _scenes_by_number(folder, layout)
    samples = []
    for frame, scene in frames:
        kind = type_of(scene) if re.search(r"_\d+$", scene) else scene
        number = frame + layout.first
        home = folder / there.get(number, kind if layout is BTS else f"{kind}_*")
        photo, truth = (home / name.format(number) for name in (layout.photo, layout.truth))
        samples.append(Sample(f"{kind}/rgb_{frame:05d}", photo, truth))
    return samples


def frames_in(scene: Path, layout: Layout) -> list[int]:
    """The numbers of the frames of which photo or depth is in a folder, ascending."""
    found = (re.fullmatch(layout.frame, path.name) for path in scene.iterdir())
    return sorted({int(match[1]) for match in found if match})


def any_there(samples: Iterable[Sample]) -> bool:
    """Whether any file of the samples is there."""
    return any(sample.photo.is_file() or sample.truth.is_file() for sample in samples)


def _scenes_by_number(folder: Path, layout: Layout) -> dict[int, str]:
    """The folder in which each labelled photo, or its depth, is."""
    scenes = [path for path in subfolders(folder) if re.fullmatch(layout.scene, path.name)]
    return {number: scene.name for scene in scenes for number in frames_in(scene, layout)}

"""Telling by its files which data set a folder is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_MOST_FOLDERS = 50
_LONGEST_LINE = 2**20

# What no other data set has: the name on the command line, the title, and paths below its root.
_SIGNATURES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "nyu",
        "NYU Depth V2",
        (
            "official_splits/test/*/sync_depth_*.png",
            "test/*/sync_depth_*.png",
            "*/sync_depth_*.png",
            "test/*/filled_*.png",
        ),
    ),
    (
        "kitti",
        "KITTI",
        ("raw/2011_*_*", "2011_*_*/2011_*_sync", "gts/2011_*_sync", "*/2011_*_sync/proj_depth"),
    ),
    ("ibims", "iBims-1", ("ibims1_core_raw", "mask_invalid")),
    (
        "diode",
        "DIODE",
        (
            "val/indoors/scene_*",
            "indoors/scene_*/scan_*",
            "scene_*/scan_*/*_depth_mask.npy",
        ),
    ),
    (
        "eth3d",
        "ETH3D",
        (
            "*/dslr_calibration_jpg",
            "rgb/*/dslr_calibration_jpg",
            "depth/*_dslr_depth",
            "*_dslr_depth",
            "*/ground_truth_depth/dslr_images",
        ),
    ),
    ("folder", "a folder of photos with depth maps", ("index.csv", "index.jsonl")),
)


def recognise(root: Path) -> tuple[str, str] | None:
    """The name and title of the data set that a folder looks like, None for none."""
    for name, title, patterns in _SIGNATURES:
        if any(_has(root, pattern) for pattern in patterns):
            return name, title
    if any(_holds_labels(path) for path in islice(sorted(root.glob("*.jsonl")), _MOST_FOLDERS)):
        return "labels", "labelled pixels"
    if (root / "depth").is_dir() and any((root / name).is_dir() for name in ("rgb", "images")):
        return "folder", "a folder of photos with depth maps"
    return None


def looks_like(name: str, root: Path) -> str:
    """What to run instead where a folder, or one in it, looks like another data set; "" for none.

    name: the data set that was looked for, which a folder inside may be.
    """
    if not root.is_dir():
        return ""
    found = recognise(root)
    if found and found[0] != name:
        return f"this looks like {found[1]}: mfh evaluate {found[0]} --data {quoted(root)}"
    for folder, inside, title in recognise_inside(root):
        return (
            f"the folder {folder.name} in it looks like {title}: "
            f"mfh evaluate {inside} --data {quoted(folder)}"
        )
    return ""


def recognise_inside(root: Path) -> Iterator[tuple[Path, str, str]]:
    """The folders in a folder that look like data sets, with the name and title of each."""
    folders = sorted(path for path in root.glob("*") if path.is_dir())
    for folder in islice(folders, _MOST_FOLDERS):
        found = recognise(folder)
        if found:
            yield folder, *found


def _has(root: Path, pattern: str) -> bool:
    return next(iter(root.glob(pattern)), None) is not None


def _holds_labels(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = json.loads(file.readline(_LONGEST_LINE))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "pixel_coords" in first


def quoted(path: Path | str) -> str:
    """A path, or text, as a command takes it: in quotes where it holds a space."""
    return f'"{path}"' if " " in str(path) else str(path)

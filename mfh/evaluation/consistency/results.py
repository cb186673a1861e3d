"""What the measures leave in a run's folder: lines as CSV, and a summary as JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mfh.evaluation.consistency.kitti_drive import KittiDrive
from mfh.evaluation.consistency.kitti_objects import KittiObjects
from mfh.evaluation.consistency.spatial import ClassScore, ObjectDepth
from mfh.evaluation.consistency.temporal import PairScore, RowConsistency, frame_scores
from mfh.files import atomic_path, json_number, write_json

FORMAT = 1
"""The version of `summary.json`."""


def write_temporal(
    folder: Path, drive: KittiDrive, scores: Sequence[PairScore], rows: Sequence[RowConsistency]
) -> tuple[Path, ...]:
    """Write `pairs.csv`, `frames.csv` and `summary.json`; their paths. Raises `OutputError`."""
    pairs, frames, summary = (folder / name for name in ("pairs.csv", "frames.csv", "summary.json"))
    _write_csv(
        pairs,
        ("row", "frame", "neighbour", "inconsistency", "pixels", "covered", "failure"),
        [
            (s.row, s.target, s.source, s.inconsistency, s.pixels, s.covered, s.failure)
            for s in scores
        ],
    )
    _write_csv(
        frames,
        ("row", "frame", "inconsistency"),
        [(each.row, each.frame, each.inconsistency) for each in frame_scores(scores)],
    )
    _write_summary(
        summary,
        {
            "measure": "temporal inconsistency",
            "drive": drive.drive.name,
            "frames": list(drive.frames),
            "rows": [
                {
                    "key": row.row,
                    "label": row.label,
                    "inconsistency": json_number(row.mean),
                    "interval": [json_number(end) for end in row.interval],
                    "frames": row.frames,
                    "pairs": row.pairs,
                    "covered": json_number(row.covered),
                }
                for row in rows
            ],
            "failed": [[s.row, s.target, s.source, s.failure] for s in scores if s.failure],
        },
    )
    return pairs, frames, summary


def write_spatial(
    folder: Path,
    data_set: KittiObjects,
    depths: Sequence[ObjectDepth],
    scores: Sequence[ClassScore],
    failed: Sequence[tuple[str, str, str]],
) -> tuple[Path, ...]:
    """Write `objects.csv` and `summary.json`; their paths. Raises `OutputError`."""
    objects, summary = (folder / name for name in ("objects.csv", "summary.json"))
    _write_csv(
        objects,
        ("row", "photo", "class", "height_px", "predicted_m", "true_m", "occluded", "truncated"),
        [
            (
                each.row,
                each.labelled.image,
                each.labelled.kind,
                each.labelled.height_px,
                each.predicted_m,
                each.labelled.z_m,
                each.labelled.occluded,
                each.labelled.truncated,
            )
            for each in depths
        ],
    )
    _write_summary(
        summary,
        {
            "measure": "spatial continuity",
            "max_occlusion": data_set.max_occlusion,
            "max_truncation": data_set.max_truncation,
            "classes": [
                {
                    "key": score.row,
                    "label": score.label,
                    "class": score.kind,
                    "count": score.count,
                    "rank_correlation": json_number(score.rank_correlation),
                    "true_rank_correlation": json_number(score.true_rank_correlation),
                    "abs_rel": json_number(score.abs_rel),
                }
                for score in scores
            ],
            "failed": [list(each) for each in failed],
        },
    )
    return objects, summary


def _write_summary(path: Path, values: dict[str, Any]) -> None:
    write_json(path, {"format": FORMAT, "mfh": version("mfh"), **values})


def _write_csv(path: Path, header: Sequence[str], lines: Sequence[Sequence[str | float]]) -> None:
    """RFC 4180, every digit, NaN as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    for line in lines:
        writer.writerow("" if isinstance(x, float) and math.isnan(x) else x for x in line)
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.getvalue().encode("utf-8", "replace"))

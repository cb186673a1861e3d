"""Whether what is predicted smaller in a photo is farther away: depth of objects by their height.

CLIP2Depth, section 4.2, "Spatial Continuity". The paper shows plots; the numbers are added here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError, MfhError
from mfh.evaluation.consistency.kitti_objects import CLASSES, KittiObjects, LabelledObject
from mfh.evaluation.consistency.temporal import SEED
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.scoring.scores import NOT_PREDICTED
from mfh.progress import Progress

STAGE = "comparing objects"
"""What `object_depths` is called in its progress."""


@dataclass(frozen=True)
class ObjectDepth:
    """What a row predicts of an object: the median depth inside its box, metres."""

    row: str
    labelled: LabelledObject
    predicted_m: float


@dataclass(frozen=True)
class ClassScore:
    """What a row predicts of a class.

    count: objects.
    rank_correlation: Spearman's, of predicted depth and height of the box; -1 where every higher
        box is nearer. true_rank_correlation: that of the label's depth. NaN where either is the
        same for all.
    abs_rel: the mean of |predicted - z| / z, z being the label's; NaN without objects.
    """

    row: str
    label: str
    kind: str
    count: int
    rank_correlation: float
    true_rank_correlation: float
    abs_rel: float


def object_depths(
    run: RunInfo, data_set: KittiObjects, names: Sequence[str], progress: Progress | None = None
) -> tuple[list[ObjectDepth], list[tuple[str, str, str]]]:
    """The depth of every object that counts in these photos, of all rows of a run, by rows.

    names: of samples of the data set.

    Returns also (row, photo, reason) of each prediction that is missing or cannot be used.
    """
    progress = progress or Progress()
    progress.start(STAGE, len(names))
    wanted = set(names)
    depths: Mapping[str, list[ObjectDepth]] = {row.key: [] for row in run.rows}
    failed = []
    for name, objects in groupby(data_set.objects, key=lambda each: each.image):
        if name not in wanted:
            continue
        in_photo = list(objects)
        for row in run.rows:
            try:
                depth_m = data_set.protocol.scored(_prediction(run, row.key, name))
                depths[row.key].extend(
                    ObjectDepth(row.key, each, median_in_box(depth_m, each)) for each in in_photo
                )
            except MfhError as error:
                failed.append((row.key, name, str(error)))
        progress.advance(STAGE)
    progress.finish(STAGE, "")
    return [each for of_row in depths.values() for each in of_row], failed


def median_in_box(depth_m: NDArray[np.floating], labelled: LabelledObject) -> float:
    """The median depth of the pixels that a box touches. Raises `InputError` where it has none."""
    left, top, right, bottom = labelled.box_px
    height, width = depth_m.shape
    rows = slice(max(0, math.floor(top + 0.5)), min(height, math.floor(bottom + 0.5) + 1))
    columns = slice(max(0, math.floor(left + 0.5)), min(width, math.floor(right + 0.5) + 1))
    inside = depth_m[rows, columns]
    if not inside.size:
        raise InputError(
            f"photo {labelled.image}: the box {labelled.box_px} of a {labelled.kind} lies outside "
            f"of its {width} x {height} px; take KITTI's own labels and photos"
        )
    return float(np.median(inside))


def class_scores(run: RunInfo, depths: Sequence[ObjectDepth]) -> list[ClassScore]:
    """What each row comes to, of each class."""
    return [
        _class_score(
            row.key,
            row.label,
            kind,
            [each for each in depths if (each.row, each.labelled.kind) == (row.key, kind)],
        )
        for row in run.rows
        for kind in CLASSES
    ]


def _class_score(row: str, label: str, kind: str, depths: Sequence[ObjectDepth]) -> ClassScore:
    predicted_m = np.array([each.predicted_m for each in depths])
    true_m = np.array([each.labelled.z_m for each in depths])
    height_px = np.array([each.labelled.height_px for each in depths])
    return ClassScore(
        row,
        label,
        kind,
        len(depths),
        rank_correlation(predicted_m, height_px),
        rank_correlation(true_m, height_px),
        float(np.mean(np.abs(predicted_m - true_m) / true_m)) if depths else math.nan,
    )


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation, equal values sharing their mean rank; NaN of a constant."""
    from scipy.stats import rankdata  # noqa: PLC0415 - takes half a second

    if not len(first) or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def _prediction(run: RunInfo, row: str, name: str) -> NDArray[np.float32]:
    folder = run.predictions(row, SEED)
    if not folder.file(name).exists():
        raise InputError(folder.failure(name) or NOT_PREDICTED)
    return folder.read(name).depth_m

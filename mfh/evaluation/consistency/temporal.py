"""How far depth predicted of one frame is from the truth of the next, and of the one before.

CLIP2Depth, section 4.2, "Temporal Consistency".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import Sample
from mfh.errors import InputError, MfhError
from mfh.evaluation.consistency.kitti_drive import KittiDrive, Pair
from mfh.evaluation.consistency.kitti_motion import camera_poses
from mfh.evaluation.consistency.reprojection import inconsistency, reproject
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.score import at_size
from mfh.evaluation.scoring.scores import NOT_PREDICTED
from mfh.evaluation.scoring.statistics import mean_interval
from mfh.progress import Progress
from mfh.records import Intrinsics

STAGE = "comparing frames"
"""What `score_drive` is called in its progress."""

SEED = 0
"""That of the predictions which are compared."""


@dataclass(frozen=True)
class PairScore:
    """What the prediction of one frame is worth seen from a neighbour.

    row: whose prediction. target, source: numbers of the frames.
    inconsistency: the mean over pixels of |d' - d| / |d' + d|, as `reprojection.inconsistency`.
    pixels: how many counted: those with truth within the range and the crop of KITTI's protocol, on
        which depth landed. covered: their share of the pixels with such truth.
    failure: why there is no score; the numbers are NaN and 0 then.
    """

    row: str
    target: int
    source: int
    inconsistency: float = math.nan
    pixels: int = 0
    covered: float = math.nan
    failure: str = ""


@dataclass(frozen=True)
class FrameScore:
    """The mean over the neighbours of one frame."""

    row: str
    frame: int
    inconsistency: float


@dataclass(frozen=True)
class RowConsistency:
    """What a row comes to.

    mean: over frames, each the mean of its pairs. interval: 95 %, by percentile bootstrap over
        frames; NaN of fewer than 5. covered: the mean over pairs.
    """

    row: str
    label: str
    mean: float
    interval: tuple[float, float]
    frames: int
    pairs: int
    covered: float


def camera_motions(
    drive: KittiDrive, pairs: Iterable[Pair]
) -> dict[tuple[int, int], NDArray[np.float64]]:
    """The transform (4, 4) from the camera of the source to that of the target, by both frames.

    Raises `InputError` for poses or calibration that are missing or cannot be read.
    """
    both = [(_frame(pair.target), _frame(pair.source)) for pair in pairs]
    poses = camera_poses(drive.drive, (frame for numbers in both for frame in numbers))
    return {
        (target, source): np.asarray(np.linalg.solve(poses[target], poses[source]), np.float64)
        for target, source in both
    }


def score_drive(
    run: RunInfo,
    drive: KittiDrive,
    pairs: Sequence[Pair],
    motions: Mapping[tuple[int, int], NDArray[np.float64]],
    progress: Progress | None = None,
) -> list[PairScore]:
    """Score every row of a run on every pair of frames, by rows and frames.

    pairs: as `KittiDrive.pairs` gives them.
    motions: as `camera_motions` gives them.

    Predictions are clipped to the range of KITTI's protocol before they are reprojected, as they
    are when depth is scored. Whatever keeps a pair from being scored is its `failure`.

    Raises `InputError` where the first photo cannot be read, which gives the camera of all.
    """
    progress = progress or Progress()
    progress.start(STAGE, len(pairs))
    camera = drive.photo(pairs[0].source).camera
    scores = []
    for _, of_target in groupby(pairs, key=lambda pair: pair.target.name):
        neighbours = list(of_target)
        true_m = _truth(drive, neighbours[0].target)
        for pair in neighbours:
            motion = motions[_frame(pair.target), _frame(pair.source)]
            scores += [_score(run, row.key, pair, true_m, camera, motion) for row in run.rows]
            progress.advance(STAGE)
    progress.finish(STAGE, "")
    order = {row.key: index for index, row in enumerate(run.rows)}
    return sorted(scores, key=lambda score: order[score.row])


def frame_scores(scores: Sequence[PairScore]) -> list[FrameScore]:
    """The mean of the pairs of each row and frame, in their order."""
    found: dict[tuple[str, int], list[float]] = {}
    for score in scores:
        if not score.failure:
            found.setdefault((score.row, score.target), []).append(score.inconsistency)
    return [FrameScore(row, frame, float(np.mean(some))) for (row, frame), some in found.items()]


def row_consistencies(rows: Sequence[RowInfo], scores: Sequence[PairScore]) -> list[RowConsistency]:
    """What each row comes to; NaN for one that has no score."""
    return [_row_consistency(row, [each for each in scores if each.row == row.key]) for row in rows]


def _row_consistency(row: RowInfo, scores: Sequence[PairScore]) -> RowConsistency:
    known = [score for score in scores if not score.failure]
    of_frames = np.array([score.inconsistency for score in frame_scores(known)])
    return RowConsistency(
        row.key,
        row.label,
        float(of_frames.mean()) if len(of_frames) else math.nan,
        mean_interval(of_frames),
        len(of_frames),
        len(known),
        float(np.mean([score.covered for score in known])) if known else math.nan,
    )


def _score(
    run: RunInfo,
    row: str,
    pair: Pair,
    true_m: NDArray[np.float32] | MfhError,
    camera: Intrinsics,
    motion: NDArray[np.float64],
) -> PairScore:
    of_pair = partial(PairScore, row, _frame(pair.target), _frame(pair.source))
    folder = run.predictions(row, SEED)
    try:
        if isinstance(true_m, MfhError):
            raise true_m
        if not folder.file(pair.source.name).exists():
            raise InputError(folder.failure(pair.source.name) or NOT_PREDICTED)
        predicted_m = at_size(folder.read(pair.source.name), true_m.shape)
        counted = KittiDrive.protocol.valid(true_m)
        seen_m = reproject(KittiDrive.protocol.scored(predicted_m), camera, motion)
        seen = counted & np.isfinite(seen_m)
        if not seen.any():
            raise InputError("no depth of the neighbour lands on a pixel whose truth counts")
        mean = float(inconsistency(seen_m[seen], true_m[seen]).mean())
    except MfhError as error:
        return of_pair(failure=str(error))
    pixels = int(seen.sum())
    return of_pair(inconsistency=mean, pixels=pixels, covered=pixels / int(counted.sum()))


def _truth(drive: KittiDrive, sample: Sample) -> NDArray[np.float32] | MfhError:
    try:
        return drive.truth(sample)
    except MfhError as error:
        return error


def _frame(sample: Sample) -> int:
    return int(sample.extra["frame"])

"""Scoring predictions against truth, without any model library."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import DataSet, Sample
from mfh.datasets.protocol import Protocol
from mfh.errors import InputError, MfhError, SettingsError
from mfh.evaluation.metrics import PIECE, error_sums, errors_from_sums
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.scoring.scores import METRICS, NOT_PREDICTED, PREFIXES, PhotoScore
from mfh.evaluation.scoring.truth_alignment import TruthAlignment, align_to_truth
from mfh.files.user_files import check_same_picture, resize_map, resize_mask
from mfh.progress import Progress

STAGE = "scoring"
"""What `score_run` is called in its progress."""

# Each holds a truth and a prediction, which together may take half a gigabyte.
_MOST_THREADS = 8

# Of a normal distribution 68 % and 90 % lie within so many standard deviations.
_SIGMAS = {"interval68": 1.0, "interval90": 1.645}


def score(
    prediction: StoredPrediction, true_m: NDArray[np.float32], protocol: Protocol
) -> dict[str, float]:
    """Score one prediction: the values that `PhotoScore` names.

    true_m: (H, W) metres, NaN where unknown. A prediction of another size of the same view is
        resized to it, bilinearly, pixel centres at (0.5, 0.5).

    A prediction that is NaN or not positive at a pixel that counts is scored as the cap, as `inf`
    is, and `unusable` is the share of them. Scale and offset are found before the prediction is
    clipped to the protocol's range, from pixels where it is finite, and what they give is clipped
    then. Both are NaN where nothing finite is predicted.

    Of a sparse prediction the pixels count that it is of. One without a depth is never right: it is
    scored as the cap, and counts against delta1 to delta3 also where the truth is near the cap.

    Raises `InputError` where no pixel of the truth counts, the prediction cannot show the same
    view, or the protocol's crop is not for the truth's size.
    """
    depth_m = at_size(prediction, true_m.shape)
    counted = scored_pixels(prediction, depth_m, true_m, protocol)
    true = true_m[counted]
    if not len(true):
        raise InputError(
            f"no pixel of the truth counts: none lies between {protocol.min_m:g} and "
            f"{protocol.max_m:g} m (crop: {protocol.crop})"
        )
    predicted = depth_m[counted]
    said = predicted > 0
    predicted[~said] = np.inf
    alignment = align_to_truth(predicted, true, protocol.max_m)
    errors = _errors(predicted, true, alignment, protocol)
    if prediction.sparse:
        _count_as_wrong(errors, true[~said], len(true), protocol)
    return {
        **errors,
        "scale_error": alignment.ratio - 1,
        "pixels": float(len(true)),
        "unusable": 1 - float(said.mean()),
        "relative_error": prediction.relative_error,
        "seconds": prediction.seconds,
        **_intervals(alignment.ratio, prediction.relative_error),
    }


def score_run(
    run: RunInfo, data_set: DataSet, jobs: int = 0, progress: Progress | None = None
) -> list[PhotoScore]:
    """Score every prediction of a run, by rows, seeds and photos in their order.

    jobs: threads; 0 takes one a processor, at most 8. The scores do not depend on it.
    progress: is told of each photo, of stage "scoring".

    Whatever keeps a photo from being scored is the `failure` of its scores. Raises `InputError`
    where the data set's folder is not laid out as it should be, or holds the truth of none of the
    run's photos, and `SettingsError` for fewer than no threads.
    """
    if jobs < 0:
        raise SettingsError(
            f"scoring: {jobs} threads; expected 1 or more, or 0 for one a processor"
        )
    progress = progress or Progress()
    samples = {sample.name: sample for sample in data_set.samples()}
    _require_any(run, data_set, samples)
    found: dict[tuple[str, int, str], PhotoScore] = {}
    progress.start(STAGE, len(run.names))
    tasks = (partial(_score_photo, run, data_set, name, samples.get(name)) for name in run.names)
    for scores in _in_threads(tasks, jobs or min(_MOST_THREADS, os.cpu_count() or 1)):
        found.update({(each.row, each.seed, each.name): each for each in scores})
        progress.advance(STAGE)
    progress.finish(STAGE, "")
    return [
        found[row.key, seed, name] for row in run.rows for seed in row.seeds for name in run.names
    ]


def _require_any(run: RunInfo, data_set: DataSet, samples: Mapping[str, Sample]) -> None:
    """Refuse a data set that has nothing to do with the run, which would leave it no score."""
    known = [samples[name] for name in run.names if name in samples]
    if not run.names or any(sample.truth.is_file() for sample in known):
        return
    looked = f"no file {known[0].truth}" if known else f"no photo named {run.names[0]}"
    raise InputError(
        f"{data_set.root}: the truth of none of the {len(run.names)} photos of {run.folder} is "
        f"there, e.g. {looked}; say where the data set lies that it was predicted on (--data, "
        "--data-option)"
    )


def _in_threads(
    tasks: Iterator[Callable[[], list[PhotoScore]]], jobs: int
) -> Iterator[list[PhotoScore]]:
    """Run tasks in threads, a few ahead, and give what they give as it comes.

    NumPy, zlib and Pillow let other threads run while they compute.
    """
    with ThreadPoolExecutor(jobs) as pool:
        running: set[Future[list[PhotoScore]]] = set()
        try:
            while True:
                running.update(pool.submit(task) for task in islice(tasks, 2 * jobs - len(running)))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()


def _score_photo(
    run: RunInfo, data_set: DataSet, name: str, sample: Sample | None
) -> list[PhotoScore]:
    """The scores of one photo, of all rows and seeds; its truth is read once."""
    scores = []
    true_m: NDArray[np.float32] | MfhError | None = None
    for row in run.rows:
        for seed in row.seeds:
            values: dict[str, float] = {}
            failure = version = ""
            folder = run.predictions(row.key, seed)
            try:
                if sample is None:
                    raise InputError(f"not in the data set at {data_set.root}")
                if not folder.file(name).exists():
                    raise InputError(folder.failure(name) or NOT_PREDICTED)
                prediction = folder.read(name)
                version = str(prediction.report.get("mfh", ""))
                if true_m is None:
                    true_m = _truth(data_set, sample)
                if isinstance(true_m, MfhError):
                    raise true_m
                values = score(prediction, true_m, data_set.protocol)
            except MfhError as error:
                failure = str(error).encode("utf-8", "replace").decode("utf-8")
            scores.append(PhotoScore(row.key, seed, name, values, failure, version))
    return scores


def _truth(data_set: DataSet, sample: Sample) -> NDArray[np.float32] | MfhError:
    try:
        return data_set.truth(sample)
    except MfhError as error:
        return error


def at_size(prediction: StoredPrediction, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The depth of a prediction at the truth's size (H, W): bilinear, pixel centres at (0.5, 0.5).

    What is nearest to a pixel that is infinite, or no depth (NaN, zero or less), is infinite or NaN
    itself; between the others depth is interpolated. Raises `InputError` where the two differ in
    aspect, and so cannot show the same view, and for a sparse prediction of another size.
    """
    depth_m = prediction.depth_m
    if depth_m.shape == shape:
        return depth_m
    height, width = shape
    if prediction.sparse:
        raise InputError(
            f"{prediction.title} is of some pixels of {depth_m.shape[1]} x {depth_m.shape[0]} px, "
            f"but the truth is {width} x {height} px; predict it again with this data set"
        )
    check_same_picture(prediction.title, (depth_m.shape[0], depth_m.shape[1]), (height, width))
    finite = (depth_m > 0) & np.isfinite(depth_m)
    if finite.all():
        return resize_map(depth_m, height, width)
    weight = resize_map(finite.astype(np.float32), height, width)
    with np.errstate(invalid="ignore"):
        resized = resize_map(np.where(finite, depth_m, np.float32(0)), height, width) / weight
    resized[~resize_mask(finite, height, width)] = np.nan
    resized[resize_mask(depth_m == np.inf, height, width)] = np.inf
    return resized


def scored_pixels(
    prediction: StoredPrediction,
    depth_m: NDArray[np.float32],
    true_m: NDArray[np.float32],
    protocol: Protocol,
) -> NDArray[np.bool_]:
    """The pixels (H, W) that a prediction is scored at: all that count, or those it is of.

    depth_m: the prediction at the truth's size. Raises what `Protocol.valid` does.
    """
    counted = protocol.valid(true_m)
    return counted & ~np.isnan(depth_m) if prediction.sparse else counted


def _errors(
    predicted_m: NDArray[np.float32],
    true_m: NDArray[np.float32],
    alignment: TruthAlignment,
    protocol: Protocol,
) -> dict[str, float]:
    """The nine metrics and their "scaled_" and "affine_" forms, each clipped to the range.

    predicted_m, true_m: (n,), the pixels that count.
    """
    aligned = math.isfinite(alignment.scale)
    scale = alignment.scale if aligned else 1.0
    sums = np.zeros((3 if aligned else 1, 10))
    # The log differences of the forms are about 0 but for the first.
    shifts = (math.log(1 / scale), 0.0, 0.0)
    for start in range(0, len(true_m), PIECE):
        true = true_m[start : start + PIECE].astype(np.float64)
        predicted = predicted_m[start : start + PIECE].astype(np.float64)
        log_true = np.log(true)
        forms = [predicted]
        if aligned:
            scaled = scale * predicted
            forms += [scaled, alignment.affine(scaled)]
        for index, form in enumerate(forms):
            protocol.clip(form)
            sums[index] += error_sums(form, true, np.log(form) - log_true, shifts[index])
    values: dict[str, float] = {}
    for index, prefix in enumerate(PREFIXES):
        if index < len(sums):
            errors = errors_from_sums(sums[index], len(true_m))
        else:
            errors = dict.fromkeys(METRICS, math.nan)
        values.update({prefix + name: errors[name] for name in METRICS})
    return values


def _count_as_wrong(
    errors: dict[str, float], unknown_m: NDArray[np.float32], count: int, protocol: Protocol
) -> None:
    """Take out of delta1 to delta3 what was scored as the cap and came near the truth by that.

    unknown_m: the truth of each pixel without a depth. count: of all pixels.
    """
    ratio = protocol.max_m / unknown_m.astype(np.float64)
    for power in (1, 2, 3):
        wrong = int(np.count_nonzero(ratio < 1.25**power))
        for name in (f"{prefix}delta{power}" for prefix in PREFIXES):
            if math.isfinite(errors[name]):
                errors[name] = (round(errors[name] * count) - wrong) / count


def _intervals(ratio: float, relative_error: float) -> dict[str, float]:
    """Whether the error of the scale lies in the intervals that the method itself expects."""
    known = math.isfinite(ratio) and not math.isnan(relative_error)
    return {
        name: float(abs(math.log(ratio)) <= sigmas * relative_error) if known else math.nan
        for name, sigmas in _SIGMAS.items()
    }

"""What a result says, as JSON for programs and as short lines for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.files import json_number
from mfh.records import Counts, Intrinsics, MetricDepth, MetricHead
from mfh.results.asked import ASKED, AskedPoint
from mfh.results.percentiles import finite_percentiles
from mfh.results.uncertainty import (
    error_in_words,
    kinds_in_words,
    landmarks_in_words,
    percent_in_words,
    scale_in_words,
)
from mfh.runs.record_files import head_as_dict
from mfh.settings import Settings

_PERCENTS = (5, 50, 95)
_LEAST_TOLD_SHARE = 0.0005


def summary_dict(
    result: MetricDepth,
    *,
    name: str = "photo",
    errors: Mapping[str, float] | None = None,
    timings: Mapping[str, float] | None = None,
    settings: Settings | None = None,
    simulated_errors: Mapping[str, float] | None = None,
    method: Mapping[str, Any] | None = None,
    asked: Sequence[AskedPoint] = (),
    files: Mapping[str, Path] | None = None,
    too_far_for_png_px: int | None = None,
) -> dict[str, Any]:
    """Give everything worth knowing about a result as JSON values; what is unknown is null.

    name: the photo's.
    errors: against true depth, as `mfh.evaluation.depth_errors` gives them.
    timings: seconds for each stage.
    simulated_errors: how wrong simulated stages were told to be.
    method: which one it is where it is not Metric from Human, e.g. `EstimatorSpec.as_dict()`.
    asked: the points that a model was asked about, with what it said.
    files: what was written, by what it is.
    too_far_for_png_px: how many pixels the 16-bit PNG could not hold.
    """
    camera = result.camera
    error_map = result.relative_error_map
    summary: dict[str, Any] = {
        "mfh": version("mfh"),
        "simulated": result.simulated,
        "photo": {"name": name, "width": camera.width, "height": camera.height},
        "depth_m": {
            **_percentiles(result.depth_m),
            "infinite_share": _share(np.isinf(result.depth_m)),
            "unknown_share": _share(np.isnan(result.depth_m)),
        },
        "relative_error": json_number(result.relative_error),
        "relative_error_map": None if error_map is None else _percentiles(error_map),
        "camera": {**asdict(camera), "horizontal_fov_deg": camera.horizontal_fov_deg},
        "head": None if result.head is None else _head_dict(result.head),
        "counts": None if result.counts is None else result.counts.as_dict(),
        "painting": result.painting or None,
        "parts": dict(result.parts),
        "device": result.device or None,
        "warnings": list(result.warnings),
    }
    if errors is not None:
        summary["errors"] = {key: json_number(value) for key, value in errors.items()}
    if timings is not None:
        summary["seconds"] = {key: round(value, 3) for key, value in timings.items()}
    if settings is not None:
        summary["settings"] = settings.as_dict()
    if simulated_errors is not None:
        summary["simulated_errors"] = dict(simulated_errors)
    if method is not None:
        summary["method"] = dict(method)
    if asked:
        summary["asked"] = [asdict(point) for point in asked]
    if files is not None:
        summary["files"] = {key: path.name for key, path in files.items()}
    if too_far_for_png_px is not None:
        summary["too_far_for_png_px"] = too_far_for_png_px
    return summary


def summary_lines(
    result: MetricDepth,
    *,
    errors: Mapping[str, float] | None = None,
    timings: Mapping[str, float] | None = None,
) -> list[tuple[str, str]]:
    """Give a result in a few (label, value) lines; the options are those of `summary_dict`."""
    lines = []
    if result.simulated:
        lines.append(("Simulated", _simulated_in_words(result)))
    lines += [
        ("Depth", _depth_in_words(result)),
        ("Scale", scale_in_words(result)),
    ]
    if result.head is None and result.parts:
        lines.append(("Estimated by", _parts_in_words(result.parts)))
    if errors is not None:
        lines.append(("Against truth", _errors_in_words(errors)))
    if result.counts is not None:
        lines += _landmark_lines(result.counts, result.painting)
    lines.append(("Camera", camera_in_words(result.camera)))
    if result.device:
        lines.append(("Computed on", result.device))
    if timings:
        lines.append(("Time", _times_in_words(timings)))
    return lines


def one_line(result: MetricDepth, seconds: float) -> str:
    """Give a result in a few words, for one line among those of other photos."""
    near, far = finite_percentiles(result.depth_m, (5, 95))
    depth = "no finite depth" if math.isnan(far) else f"{_metres(near)} to {_metres(far)}"
    error = ""
    counts = result.counts
    if result.knows_error:
        error = f", {percent_in_words(result.relative_error)}"
    elif counts is not None and math.isfinite(result.relative_error):
        kinds, within = kinds_in_words(counts), percent_in_words(result.relative_error)
        error = f", {kinds} agree to {within}"
    simulated = "simulated, " if result.simulated else ""
    landmarks = "" if counts is None else f"{landmarks_in_words(counts)}, "
    return f"{simulated}{depth}{error} ({landmarks}{seconds:.0f} s)"


def _head_dict(head: MetricHead) -> dict[str, Any]:
    values = head_as_dict(head)
    used = values.pop("used")
    return {**values, "owners": len(used), "owners_used": sum(used)}


def _simulated_in_words(result: MetricDepth) -> str:
    stages = [stage for stage, part in result.parts.items() if part.startswith("simulated")]
    return f"{', '.join(stages)}: stand-ins that know the truth"


def _parts_in_words(parts: Mapping[str, str]) -> str:
    """An estimator's name, and what else there is to say of it by what that is."""
    words = [
        text if name == "estimator" or text.startswith(name) else f"{name} {text}"
        for name, text in parts.items()
    ]
    return "; ".join(words)


def _depth_in_words(result: MetricDepth) -> str:
    near, median, far = finite_percentiles(result.depth_m, _PERCENTS)
    if math.isnan(median):
        return "no finite depth"
    words = f"{_metres(near)} to {_metres(far)} (5th to 95th percentile), median {_metres(median)}"
    if result.knows_error:
        words += f", {error_in_words(result)}"
    judge = "method" if result.head is None else "fit"
    for what, share in (
        (f"farther than the {judge} can tell", _share(np.isinf(result.depth_m))),
        ("unknown", _share(np.isnan(result.depth_m))),
    ):
        if share >= _LEAST_TOLD_SHARE:
            words += f"; {100 * share:.1f} % {what}"
    return words


def _metres(depth_m: float) -> str:
    return f"{depth_m:.1f} m" if depth_m >= 1 else f"{depth_m:.2f} m"


def _errors_in_words(errors: Mapping[str, float]) -> str:
    words = []
    if "scale_error" in errors:
        words.append(f"scale {100 * errors['scale_error']:+.1f} %")
    if "abs_rel" in errors:
        words.append(f"AbsRel {100 * errors['abs_rel']:.2f} %")
    if "delta1" in errors:
        words.append(f"delta1 {100 * errors['delta1']:.1f} %")
    if "rmse" in errors:
        words.append(f"RMSE {errors['rmse']:.3f} m")
    if errors.get("capped", 0) > 0:
        words.append(f"{100 * errors['capped']:.1f} % of them capped at {errors['cap_m']:.0f} m")
    return ", ".join(words)


def _landmark_lines(counts: Counts, painting: str) -> list[tuple[str, str]]:
    lines = []
    if counts.people or counts.painted or counts.set_aside:
        lines.append(("People", _people_in_words(counts)))
    for label, count in (
        ("Known distances", counts.points - counts.asked),
        ("Answers of a model", counts.asked),
    ):
        if count:
            lines.append((label, f"{'one' if count == 1 else count} used"))
    if painting.startswith(ASKED):
        lines.append(("Asked", painting.removeprefix(ASKED)))
    elif painting:
        lines.append(("Painted", painting))
    elif not counts.painted:
        label, words = lines.pop() if lines else ("People", "nobody used")
        lines.append((label, f"{words}; nothing painted"))
    if counts.rejected:
        reasons = sorted(counts.rejected.items(), key=lambda item: -item[1])
        lines.append(("Dropped", ", ".join(f"{reason} ({count})" for reason, count in reasons)))
    return lines


def _people_in_words(counts: Counts) -> str:
    found = counts.people + counts.set_aside
    of_all = f" of {found}" if counts.set_aside else ""
    used = f"{counts.people}{of_all} {'person' if found == 1 else 'people'} used"
    in_painted = f"{counts.kept} of {counts.painted} painted photos"
    if counts.in_photo == counts.people:
        used = "nobody used" if not counts.people else f"{used}, in the photo itself"
        return f"{used}; {in_painted} kept" if counts.painted else used
    in_photo = f"{counts.in_photo} in the photo and the others " if counts.in_photo else ""
    return f"{used}, {in_photo}in {in_painted}"


def camera_in_words(camera: Intrinsics) -> str:
    """Say what the camera is, and where that is known from."""
    focal = (
        f"f {camera.fx:.1f} px"
        if math.isclose(camera.fx, camera.fy, rel_tol=1e-3)
        else f"fx {camera.fx:.1f} px, fy {camera.fy:.1f} px"
    )
    source = f"{camera.source}: {camera.note}" if camera.note else camera.source
    return (
        f"{focal}, {camera.horizontal_fov_deg:.1f}° wide, {camera.width} x {camera.height} px "
        f"({source})"
    )


def _times_in_words(timings: Mapping[str, float]) -> str:
    parts = [f"{stage} {seconds:.1f}" for stage, seconds in timings.items() if seconds >= 0.05]
    total = f"{sum(timings.values()):.1f} s"
    return f"{total} ({', '.join(parts)})" if len(parts) > 1 else total


def _percentiles(values: NDArray[np.float32]) -> dict[str, float | None]:
    named = zip(_PERCENTS, finite_percentiles(values, _PERCENTS), strict=True)
    return {f"percentile_{percent}": json_number(value) for percent, value in named}


def _share(mask: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask)) / mask.size

"""All result files of one photo, in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.files import make_folder, remove_file, write_json
from mfh.progress import Progress
from mfh.records import AlignedDisparity, Landmarks, MetricDepth, PaintedPhotos, Photo
from mfh.results.asked import AskedPoint
from mfh.results.captions import caption
from mfh.results.contact_sheet import contact_sheet
from mfh.results.depth_files import PNG_VALUES, too_far_for_png_px
from mfh.results.formats import DEFAULT_FORMATS, FORMATS, Format, format_names
from mfh.results.picture_files import save_picture, write_error_picture
from mfh.results.report import REPORT_NAME, write_report
from mfh.results.summary import summary_dict
from mfh.settings import Settings
from mfh.taking_part import owners_of

FILES: Mapping[str, str] = {
    **{each.key: each.filename for each in FORMATS.values()},
    "error_picture": "error.png",
    "contact_sheet": "painted.png",
    "report": REPORT_NAME,
    "summary": "summary.json",
}


def write_results(
    folder: str | Path,
    photo: Photo,
    result: MetricDepth,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    images: PaintedPhotos | None = None,
    landmarks: Sequence[Landmarks] = (),
    verdicts: Sequence[str] = (),
    set_aside: Sequence[NDArray[np.bool_]] | None = None,
    aligned: AlignedDisparity | None = None,
    errors: Mapping[str, float] | None = None,
    timings: Mapping[str, float] | None = None,
    settings: Settings | None = None,
    simulated_errors: Mapping[str, float] | None = None,
    method: Mapping[str, Any] | None = None,
    asked: Sequence[AskedPoint] = (),
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Write a result's files into a folder, which is made where it is not there.

    The files of the formats, `report.html` and `summary.json`; with the picture in colours,
    `error.png` where the error of each pixel is known; and where images are given `painted.png`, a
    contact sheet. Each appears whole or not at all; the summary comes last, and an old one is
    removed first, so that a folder with a summary holds one complete result. What an earlier result
    left in other formats is removed.

    formats: names of `mfh.results.formats.FORMATS`.
    images, landmarks, verdicts, set_aside: the photo itself and its painted photos, as for
    `contact_sheet`; beside painted photos the photo is drawn only where something in it was
    measured. aligned: their disparity, by which the report tells the votes.
    errors, timings, settings, simulated_errors, method, asked: as for `summary_dict`; progress is
        told of the stage "results".
    Returns the paths, by what they are. Raises `InputError` for a format that is not known, and
    `OutputError`.
    """
    chosen = [FORMATS[name] for name in format_names(formats)]
    progress = progress or Progress()
    folder = make_folder(folder)
    paths = _paths(folder, result, chosen, with_sheet=images is not None)
    progress.start("results", len(paths))

    for each in chosen:
        each.write(paths[each.key], result, photo.image, title=photo.name)
        progress.advance("results")
    if "error_picture" in paths:
        write_error_picture(paths["error_picture"], result, photo.name)
        progress.advance("results")
    if images is not None:
        write_contact_sheet(
            folder,
            photo,
            images,
            landmarks,
            verdicts,
            set_aside=set_aside,
            note=caption(result, "Depth in metres"),
            simulated=result.simulated,
        )
        progress.advance("results")
    write_report(
        folder,
        photo,
        result,
        images=images,
        landmarks=landmarks,
        verdicts=verdicts,
        set_aside=set_aside,
        aligned=aligned,
        errors=errors,
        timings=timings,
        settings=settings,
        simulated_errors=simulated_errors,
        asked=asked,
        files=paths,
    )
    progress.advance("results")
    summary = summary_dict(
        result,
        name=photo.name,
        errors=errors,
        timings=timings,
        settings=settings,
        simulated_errors=simulated_errors,
        method=method,
        asked=asked,
        files=paths,
        too_far_for_png_px=too_far_for_png_px(result.depth_m) if "depth_mm" in paths else None,
    )
    if "depth_mm" in paths:
        summary["depth_mm_png"] = dict(PNG_VALUES)
    write_json(paths["summary"], summary)
    progress.advance("results")
    progress.finish("results", "")
    return paths


def _paths(
    folder: Path, result: MetricDepth, formats: Sequence[Format], *, with_sheet: bool
) -> dict[str, Path]:
    """Give the path of each file to write, by what it is; remove an earlier result's others."""
    remove_file(folder / FILES["summary"])
    for other in FORMATS.values():
        if other not in formats:
            other.remove(folder)
    optional = {
        "error_picture": FORMATS["png"] in formats and result.relative_error_map is not None,
        "contact_sheet": with_sheet,
    }
    keys = [each.key for each in formats]
    for key, wanted in optional.items():
        if wanted:
            keys.append(key)
        else:
            remove_file(folder / FILES[key])
    return {key: folder / FILES[key] for key in (*keys, "report", "summary")}


def write_contact_sheet(
    folder: str | Path,
    photo: Photo,
    images: PaintedPhotos,
    landmarks: Sequence[Landmarks],
    verdicts: Sequence[str],
    *,
    set_aside: Sequence[NDArray[np.bool_]] | None = None,
    note: str = "",
    simulated: bool = False,
) -> Path:
    """Write `painted.png` into a folder, and return its path.

    images, landmarks, verdicts, set_aside: as for `write_results`; note: a text to store in it.
    Raises `OutputError`.
    """
    path = make_folder(folder) / FILES["contact_sheet"]
    # Where nothing in the photo was measured, it has nothing to show beside painted photos.
    first = 1 if len(images) > 1 and not owners_of(landmarks[0]).size else 0
    sheet = contact_sheet(
        images.rest(first),
        landmarks[first:],
        verdicts[first:],
        set_aside=None if set_aside is None else set_aside[first:],
        camera=photo.camera,
        title=photo.name,
        simulated=simulated,
    )
    return save_picture(path, sheet, note)

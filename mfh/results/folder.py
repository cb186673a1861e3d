"""All result files of one photo, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mfh.files import atomic_path, make_folder, remove_file, write_json
from mfh.progress import Progress
from mfh.records import Landmarks, MetricDepth, PaintedPhotos, Photo
from mfh.results.contact_sheet import contact_sheet
from mfh.results.depth_files import write_depth_npz, write_depth_png_mm
from mfh.results.picture import depth_picture, error_picture
from mfh.results.point_cloud import write_point_cloud
from mfh.results.summary import camera_in_words, summary_dict
from mfh.results.uncertainty import error_in_words
from mfh.settings import Settings
from mfh.taking_part import owners_of

FILES: Mapping[str, str] = {
    "depth": "depth.npz",
    "depth_mm": "depth_mm.png",
    "picture": "depth.png",
    "error_picture": "error.png",
    "point_cloud": "points.ply",
    "contact_sheet": "painted.png",
    "summary": "summary.json",
}


def write_results(
    folder: str | Path,
    photo: Photo,
    result: MetricDepth,
    *,
    images: PaintedPhotos | None = None,
    landmarks: Sequence[Landmarks] = (),
    verdicts: Sequence[str] = (),
    set_aside: Sequence[NDArray[np.bool_]] | None = None,
    errors: Mapping[str, float] | None = None,
    timings: Mapping[str, float] | None = None,
    settings: Settings | None = None,
    simulated_errors: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Write a result's files into a folder, which is made where it is not there.

    `depth.npz`, `depth_mm.png`, `depth.png` (colours), `error.png` (colours, only where the error
    of each pixel is known), `points.ply`, `painted.png` (contact sheet, only where images are
    given) and `summary.json`. Each appears whole or not at all; the summary comes last, and an old
    one is removed first, so that a folder with a summary holds one complete result.

    images, landmarks, verdicts, set_aside: the photo itself and its painted photos, as for
    `contact_sheet`; beside painted photos the photo is drawn only where something in it was
    measured. errors, timings, settings, simulated_errors: as for `summary_dict`; progress is told
    of the stage "results".
    Returns the paths, by what they are. Raises `OutputError`.
    """
    progress = progress or Progress()
    paths = {what: make_folder(folder) / name for what, name in FILES.items()}
    remove_file(paths["summary"])
    error_map = result.relative_error_map
    if error_map is None:
        remove_file(paths.pop("error_picture"))  # of an earlier result
    if images is None:
        remove_file(paths.pop("contact_sheet"))
    progress.start("results", len(paths))

    write_depth_npz(paths["depth"], result)
    progress.advance("results")
    too_far_px = write_depth_png_mm(
        paths["depth_mm"],
        result.depth_m,
        camera=result.camera,
        error=error_in_words(result),
        simulated=result.simulated,
    )
    progress.advance("results")
    depth = (result.depth_m, depth_picture, "Depth in metres")
    _save_map(paths["picture"], *depth, photo.name, result)
    progress.advance("results")
    if error_map is not None:
        error = (error_map, error_picture, "Error of the depth in per cent")
        _save_map(paths["error_picture"], *error, photo.name, result)
        progress.advance("results")
    write_point_cloud(
        paths["point_cloud"],
        photo.image,
        result.depth_m,
        result.camera,
        relative_error=error_map,
        error=error_in_words(result),
        simulated=result.simulated,
    )
    progress.advance("results")
    if images is not None:
        write_contact_sheet(
            folder,
            photo,
            images,
            landmarks,
            verdicts,
            set_aside=set_aside,
            note=_note(result, "Depth in metres", camera_in_words(result.camera)),
            simulated=result.simulated,
        )
        progress.advance("results")
    summary = summary_dict(
        result,
        name=photo.name,
        errors=errors,
        timings=timings,
        settings=settings,
        simulated_errors=simulated_errors,
        files=paths,
        too_far_for_png_px=too_far_px,
    )
    write_json(paths["summary"], summary)
    progress.advance("results")
    progress.finish("results", "")
    return paths


def _save_map(
    path: Path,
    values: NDArray[np.float32],
    draw: Callable[..., Image.Image],
    what: str,
    title: str,
    result: MetricDepth,
) -> None:
    """Save a picture of a map, with what it shows below its title and, in full, in its text."""
    note = _note(result, what, result.camera.source)
    text = _note(result, what, camera_in_words(result.camera))
    _save(path, draw(values, title=title, note=note), text)


def _note(result: MetricDepth, what: str, camera: str) -> str:
    """Say what a picture shows, how far it may be off, and by which camera."""
    simulated = "Simulated. " if result.simulated else ""
    comma = "," if result.knows_error else ";"
    return f"{simulated}{what}{comma} {error_in_words(result)}; camera: {camera}"


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
    _save(path, sheet, note)
    return path


def _save(path: Path, picture: Image.Image, note: str) -> None:
    """Save a picture with where its metres come from in its text, which travels with it."""
    text = PngInfo()
    if note:
        text.add_text("Description", note)
    with atomic_path(path) as temporary:
        picture.save(temporary, pnginfo=text)

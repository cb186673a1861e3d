"""All result files of one photo, in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mfh.files import atomic_path, make_folder, remove_file, write_json
from mfh.progress import Progress
from mfh.records import Landmarks, MetricDepth, PaintedPhotos, Photo
from mfh.results.contact_sheet import contact_sheet
from mfh.results.depth_files import write_depth_npz, write_depth_png_mm
from mfh.results.picture import depth_picture
from mfh.results.point_cloud import write_point_cloud
from mfh.results.summary import agreement_in_words, camera_in_words, summary_dict
from mfh.settings import Settings

FILES: Mapping[str, str] = {
    "depth": "depth.npz",
    "depth_mm": "depth_mm.png",
    "picture": "depth.png",
    "point_cloud": "points.ply",
    "contact_sheet": "painted.png",
    "summary": "summary.json",
}


def write_results(
    folder: str | Path,
    photo: Photo,
    result: MetricDepth,
    *,
    images: PaintedPhotos,
    landmarks: Sequence[Landmarks],
    verdicts: Sequence[str],
    errors: Mapping[str, float] | None = None,
    timings: Mapping[str, float] | None = None,
    settings: Settings | None = None,
    simulated_errors: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Write a result's files into a folder, which is made where it is not there.

    `depth.npz`, `depth_mm.png`, `depth.png` (colours), `points.ply`, `painted.png` (contact sheet)
    and `summary.json`. Each appears whole or not at all; the summary comes last, and an old one is
    removed first, so that a folder with a summary holds one complete result.

    images, landmarks, verdicts: the photo itself and its painted photos, as for `contact_sheet`;
    the photo is drawn only where somebody in it was measured. errors, timings, settings,
    simulated_errors: as for `summary_dict`; progress is told of the stage "results".
    Returns the paths, by what they are. Raises `OutputError`.
    """
    progress = progress or Progress()
    paths = {what: make_folder(folder) / name for what, name in FILES.items()}
    progress.start("results", len(paths))
    remove_file(paths["summary"])

    write_depth_npz(paths["depth"], result)
    progress.advance("results")
    too_far_px = write_depth_png_mm(
        paths["depth_mm"], result.depth_m, camera=result.camera, simulated=result.simulated
    )
    progress.advance("results")
    picture = depth_picture(
        result.depth_m, title=photo.name, note=_note(result, result.camera.source)
    )
    text = _note(result, camera_in_words(result.camera))
    _save(paths["picture"], picture, text)
    progress.advance("results")
    write_point_cloud(
        paths["point_cloud"],
        photo.image,
        result.depth_m,
        result.camera,
        simulated=result.simulated,
    )
    progress.advance("results")
    write_contact_sheet(
        folder, photo, images, landmarks, verdicts, note=text, simulated=result.simulated
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


def _note(result: MetricDepth, camera: str) -> str:
    simulated = "Simulated. " if result.simulated else ""
    return f"{simulated}Depth in metres; {agreement_in_words(result)}; camera: {camera}"


def write_contact_sheet(
    folder: str | Path,
    photo: Photo,
    images: PaintedPhotos,
    landmarks: Sequence[Landmarks],
    verdicts: Sequence[str],
    *,
    note: str = "",
    simulated: bool = False,
) -> Path:
    """Write `painted.png` into a folder, and return its path.

    images, landmarks, verdicts: as for `write_results`; note: a text to store in it.
    Raises `OutputError`.
    """
    path = make_folder(folder) / FILES["contact_sheet"]
    first = 0 if (landmarks[0].owner >= 0).any() else 1
    sheet = contact_sheet(
        images.rest(first),
        landmarks[first:],
        verdicts[first:],
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

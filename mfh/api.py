"""`mfh.metric_depth`: the whole method in one call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mfh.camera import IntrinsicsLike
from mfh.known_distances import DistanceLike, check_distances, load_distances
from mfh.models import ModelStore
from mfh.models.needs import resolved
from mfh.part_settings import PeopleSettings
from mfh.parts import LearnedParts, learned_stages
from mfh.photos import PhotoLike, load_photo
from mfh.pipeline import MetricFromHuman
from mfh.progress import Progress
from mfh.records import MetricDepth, Space
from mfh.settings import GROUPS, Settings, settings_from


def metric_depth(
    image: PhotoLike,
    intrinsics: IntrinsicsLike | None = None,
    *,
    preset: str = "default",
    fov_deg: float | None = None,
    landmarks: DistanceLike | Sequence[DistanceLike] = (),
    use: Mapping[str, str | Path] | None = None,
    disparity_space: Space = "disparity",
    folder: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> MetricDepth:
    """Metric depth of one photo (Metric from Human, NeurIPS 2024).

    image: a path, a PIL image, an array (H, W, 3) of 8 or 16 bits or of floats in [0, 1], or such
        a torch tensor, of which (3, H, W) is understood as well.
    intrinsics: K as a 3x3 array or tensor in px, an `Intrinsics`, or a file (see `mfh.camera`);
        without it the photo's EXIF, `fov_deg`, or an assumption that is warned about.
    fov_deg: horizontal field of view in degrees, in place of `intrinsics`.
    landmarks: points of the photo whose distance from the camera was measured, e.g.
        `[(x, y, 2.40)]` in px and metres, also as an array or tensor, or a file of them (see
        `mfh.known_distances`). With them nobody is painted or measured, unless `paint` says so.
    use: files that stand in for a stage: "painted", "people", "disparity".
    disparity_space: what the files for "disparity" hold: "disparity" (larger = nearer) or "depth".
    folder: a run folder: every record is kept in it and reused from it, and every result file is
        written into it.
    preset, settings: "paper", "default" or "fast", and any field of `mfh.Settings`.

    Returns depth (H, W) in metres at the photo's own size, with the fit and its expected error.
    Weights that are missing are downloaded; models stay loaded for the next call, if it uses the
    same. What the user should know is in its `warnings`, and issued through Python's `warnings`.
    Raises errors of `mfh.errors`: bad input, a missing part, nothing to measure by.
    """
    chosen = settings_from(preset, **settings)
    photo = load_photo(image, intrinsics, fov_deg=fov_deg)
    distances = load_distances(landmarks)
    check_distances(distances, photo)
    known = bool(distances)
    store = ModelStore()
    people = resolved(chosen, store).people
    learned = _learned_parts(_of_parts(chosen), people, store.folder, store.offline, store.mirror)
    method = MetricFromHuman.from_settings(
        chosen, use=use, disparity_space=disparity_space, known_distances=known, learned=learned
    )
    prediction = method.run(photo, landmarks=distances, folder=folder, progress=progress)
    if folder is not None:
        prediction.write(folder, settings=chosen, progress=progress)
    stages = learned_stages(chosen.paint, use or {}, known_distances=known)
    for warning in (*learned.notes(stages), *prediction.depth.warnings):
        warnings.warn(warning, stacklevel=2)
    return prediction.depth


def _of_parts(settings: Settings) -> Settings:
    """The settings that learned parts depend on; the others at their defaults."""
    names = (*GROUPS, "device", "precision", "low_memory")
    return Settings(**{name: getattr(settings, name) for name in names})


@lru_cache(maxsize=1)
def _learned_parts(
    settings: Settings, people: PeopleSettings, folder: Path, offline: bool, mirror: str | Path
) -> LearnedParts:
    """The learned parts of the last call: a loop over photos loads them once.

    people: what "auto" is now: once SMPL was added, people are measured by the next call with it.
    """
    return LearnedParts(settings, ModelStore(folder, offline=offline, mirror=mirror))

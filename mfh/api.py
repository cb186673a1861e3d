"""`mfh.metric_depth`: the whole method in one call."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mfh.camera import IntrinsicsLike
from mfh.estimators.photo_estimator import PhotoEstimator
from mfh.estimators.spec import EstimatorSpec
from mfh.estimators.specs import other_method
from mfh.known_distances import DistanceLike, KnownDistance, check_distances, load_distances
from mfh.models import ModelStore
from mfh.models.needs import resolved
from mfh.part_settings import PeopleSettings
from mfh.parts import LearnedParts, learned_stages
from mfh.photos import PhotoLike, load_photo
from mfh.pipeline import MetricFromHuman
from mfh.progress import Progress
from mfh.records import MetricDepth, Photo, Space
from mfh.settings import GROUPS, Settings, settings_from


def metric_depth(
    image: PhotoLike,
    intrinsics: IntrinsicsLike | None = None,
    *,
    method: str = "mfh",
    preset: str = "default",
    fov_deg: float | None = None,
    landmarks: DistanceLike | Sequence[DistanceLike] = (),
    use: Mapping[str, str | Path] | None = None,
    disparity_space: Space = "disparity",
    folder: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> MetricDepth:
    """Metric depth of one photo, by Metric from Human (NeurIPS 2024) or another method.

    image: a path, a PIL image, an array (H, W, 3) of 8 or 16 bits or of floats in [0, 1], or such
        a torch tensor, of which (3, H, W) is understood as well.
    intrinsics: K as a 3x3 array or tensor in px, an `Intrinsics`, or a file (see `mfh.camera`);
        without it the photo's EXIF, `fov_deg`, or an assumption that is warned about.
    method: "mfh", or another as `mfh.estimators.estimator_spec` has it, e.g. "hub:ID",
        "metric3d", "unidepth" or "clip2depth:DIR". Those take the photo and its camera alone, and
        of the settings device and precision.
    fov_deg: horizontal field of view in degrees, in place of `intrinsics`.
    landmarks: points of the photo whose distance from the camera was measured, e.g.
        `[(x, y, 2.40)]` in px and metres, also as an array or tensor, or a file of them (see
        `mfh.known_distances`). With them nobody is painted or measured, unless `paint` says so.
    use: files that stand in for a stage: "painted", "people", "disparity".
    disparity_space: what the files for "disparity" hold: "disparity" (larger = nearer) or "depth".
    folder: a run folder: every record is kept in it and reused from it, and every result file is
        written into it. Of other methods "depthlm" alone keeps records: nothing is asked twice.
    preset, settings: "paper", "default" or "fast", and any field of `mfh.Settings`.

    Returns depth (H, W) in metres at the photo's own size, with the fit and its expected error;
    other methods have neither. Weights that are missing are downloaded; models stay loaded for the
    next call, if it uses the same. What the user should know is in its `warnings`, and issued
    through Python's `warnings`.
    Raises errors of `mfh.errors`: bad input, a missing part, nothing to measure by, and what
    another method does not take.
    """
    chosen = settings_from(preset, **settings)
    distances = load_distances(landmarks)
    given = {
        "landmarks": bool(distances),
        "use": bool(use),
        "disparity_space": disparity_space != "disparity",
        "preset": preset != "default",
        **dict.fromkeys(settings, True),
    }
    names = {name: name for name, is_given in given.items() if is_given}
    other = other_method(method, chosen, names)
    photo = load_photo(image, intrinsics, fov_deg=fov_deg)
    check_distances(distances, photo)
    if other is not None:
        depth = _estimated(other, chosen, photo, folder, progress)
        said = depth.warnings
    else:
        depth, notes = _measured(
            chosen, photo, distances, use or {}, disparity_space, folder, progress
        )
        said = (*notes, *depth.warnings)
    for warning in said:
        warnings.warn(warning, stacklevel=2)
    return depth


def _measured(
    settings: Settings,
    photo: Photo,
    distances: Sequence[KnownDistance],
    use: Mapping[str, str | Path],
    disparity_space: Space,
    folder: str | Path | None,
    progress: Progress | None,
) -> tuple[MetricDepth, tuple[str, ...]]:
    """The depth by Metric from Human, and what to say besides its warnings."""
    known = bool(distances)
    store = ModelStore()
    people = resolved(settings, store).people
    _estimator.cache_clear()
    learned = _learned_parts(_of_parts(settings), people, store.folder, store.offline, store.mirror)
    method = MetricFromHuman.from_settings(
        settings, use=use, disparity_space=disparity_space, known_distances=known, learned=learned
    )
    prediction = method.run(photo, landmarks=distances, folder=folder, progress=progress)
    if folder is not None:
        prediction.write(folder, settings=settings, progress=progress)
    stages = learned_stages(settings.paint, use, known_distances=known)
    return prediction.depth, learned.notes(stages)


def _estimated(
    spec: EstimatorSpec,
    settings: Settings,
    photo: Photo,
    folder: str | Path | None,
    progress: Progress | None,
) -> MetricDepth:
    """The depth by another method."""
    store = ModelStore()
    _learned_parts.cache_clear()
    # Where a folder's files have changed, the model is another.
    identity = json.dumps(spec.as_dict(), sort_keys=True)
    method = _estimator(spec, settings, identity, store.folder, store.offline, store.mirror)
    estimate = method.run(photo, folder=folder, progress=progress)
    if folder is not None:
        estimate.write(folder, progress=progress)
    return estimate.depth


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


@lru_cache(maxsize=1)
def _estimator(
    spec: EstimatorSpec,
    settings: Settings,
    identity: str,
    folder: Path,
    offline: bool,
    mirror: str | Path,
) -> PhotoEstimator:
    """The estimator of the last call.

    identity: tells what it depends on, which the spec does not tell of a folder's files.
    """
    return PhotoEstimator.from_spec(
        spec, settings, ModelStore(folder, offline=offline, mirror=mirror)
    )

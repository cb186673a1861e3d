"""An estimator used on photos as Metric from Human is; importing this loads no model library."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mfh.camera import assumption_warning, is_off_centre, off_centre_warning
from mfh.compute import choose_device
from mfh.errors import InputError
from mfh.estimators.estimator import Estimator, EstimatorPrediction, RecordingEstimator
from mfh.estimators.spec import EstimatorSpec
from mfh.files import make_folder
from mfh.known_distances import KnownDistance
from mfh.models import DownloadProgress, ModelStore
from mfh.progress import Progress
from mfh.records import Intrinsics, MetricDepth, Photo
from mfh.results.folder import write_results
from mfh.settings import Settings


@dataclass(frozen=True, eq=False)
class Estimate:
    """An estimator's result, as `mfh.prediction.Prediction` is that of Metric from Human.

    method: which estimator, as `EstimatorSpec.as_dict` has it.
    seconds: how long it took.
    """

    photo: Photo
    depth: MetricDepth
    method: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict)

    def write(self, folder: str | Path, **options: Any) -> dict[str, Path]:
        """Write every result file into a folder; options are those of `results.write_results`.

        Returns the paths, by what they are. Raises `OutputError`.
        """
        return write_results(
            folder,
            self.photo,
            self.depth,
            method=self.method,
            timings=self.seconds,
            **options,
        )


@dataclass(frozen=True, eq=False)
class RecordedEstimate:
    """The result of an estimator that keeps records, with which estimator it was."""

    prediction: EstimatorPrediction
    method: Mapping[str, Any]

    @property
    def depth(self) -> MetricDepth:
        """The result."""
        return self.prediction.depth

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long each stage took."""
        return self.prediction.seconds

    def write(self, folder: str | Path, **options: Any) -> dict[str, Path]:
        """Write every result file into a folder, as `Estimate.write` does."""
        return self.prediction.write(folder, method=self.method, **options)


class PhotoEstimator:
    """An estimator with the interface of `mfh.MetricFromHuman`.

    estimator: gives the depth; its models stay loaded.
    method: which one, as `EstimatorSpec.as_dict` has it.
    """

    settings: Settings | None = None
    """None of Metric from Human's settings: `method` has its own."""

    def __init__(self, estimator: Estimator, method: Mapping[str, Any]) -> None:
        self._estimator = estimator
        self._method = method

    @property
    def keeps_records(self) -> bool:
        """Whether a run goes on from what an interrupted one left in its folder."""
        return isinstance(self._estimator, RecordingEstimator)

    @classmethod
    def from_spec(
        cls,
        spec: EstimatorSpec,
        settings: Settings,
        store: ModelStore | None = None,
        progress: DownloadProgress | None = None,
    ) -> PhotoEstimator:
        """The estimator of a spec; weights that are not here are downloaded.

        settings: those that the spec was made with.
        store: where models are kept; by default the user's own. progress: is told of downloads.

        Raises `SettingsError` for a device that is not here, before anything is downloaded, and
        what `EstimatorSpec.prepare` and `make` raise.
        """
        choose_device(settings.device)
        spec.prepare(progress or DownloadProgress(), store)
        return cls(spec.make(store), spec.as_dict())

    def run(
        self,
        photo: Photo,
        *,
        landmarks: Sequence[KnownDistance] = (),
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> EstimatorPrediction:
        """Metric depth of a photo.

        landmarks: there must be none.
        folder: where results are to go, which is made where it is not there; an estimator that
            keeps records has them there.
        progress: is told of the stage "estimated", or of those of an estimator that keeps records.

        Raises `InputError` for landmarks, `OutputError` for a folder that cannot be made, and what
        `Estimator.predict` or `RecordingEstimator.run` raises.
        """
        if landmarks:
            raise InputError(
                f"{len(landmarks)} known distances are given, but this method takes none; leave "
                "them out, or use Metric from Human"
            )
        if folder is not None:
            # Before the work, for which there would be no place.
            make_folder(folder)
        if isinstance(self._estimator, RecordingEstimator):
            recorded = self._estimator.run(photo, folder=folder, progress=progress)
            return RecordedEstimate(recorded, self._method)
        progress = progress or Progress()
        progress.start("estimated", 1)
        started = time.perf_counter()
        depth = self._estimator.predict(photo)
        seconds = {"estimated": time.perf_counter() - started}
        progress.advance("estimated")
        progress.finish("estimated", "")
        used = depth.parts.get("camera") != "camera not used"
        warnings = (*_camera_warnings(depth.camera, used=used), *depth.warnings)
        for warning in warnings:
            progress.warn(warning)
        return Estimate(photo, replace(depth, warnings=warnings), self._method, seconds)


def _camera_warnings(camera: Intrinsics, *, used: bool) -> tuple[str, ...]:
    """What the user should know about the camera.

    used: whether depth depends on it.
    """
    warnings = []
    if camera.source == "assumed" and used:
        warnings.append(assumption_warning(camera))
    elif camera.source == "assumed":
        warnings.append(
            "The photo's focal length is not known: a horizontal field of view of "
            f"{camera.horizontal_fov_deg:.0f} degrees is assumed. Depth does not depend on it, but "
            "points and distances between them do. Give the camera with --intrinsics FILE (in "
            "Python intrinsics=), or its horizontal field of view with --fov DEGREES (fov_deg=)."
        )
    if is_off_centre(camera):
        warnings.append(off_centre_warning(camera))
    return tuple(warnings)

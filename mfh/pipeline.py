"""The whole method: one photo in, metric depth out; `MetricFromHuman.run` is the flow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh import record_files as files
from mfh.disparity import align_painted, upsample
from mfh.errors import InputError, NoLandmarksError
from mfh.files import make_folder, remove_file
from mfh.head import LandmarkHead
from mfh.painting import plan_paintings, strip_share
from mfh.photos import resize_photo
from mfh.progress import Progress
from mfh.records import (
    AlignedDisparity,
    Disparity,
    Landmarks,
    MetricDepth,
    MetricHead,
    PaintedPhotos,
    PaintingPlan,
    People,
    Photo,
)
from mfh.rendering import landmarks_from_people
from mfh.rendering.renderer import MeshRenderer
from mfh.results.folder import FILES
from mfh.run_folder import RunFolder
from mfh.settings import Settings
from mfh.stage_runner import StageRunner, part_name
from mfh.stages import (
    DepthRenderer,
    DisparityEstimator,
    HeadFitter,
    Painter,
    PeopleMeasurer,
    PlannedPainter,
)
from mfh.verdicts import counts_of, nobody_message, verdicts_of, warnings_of

# A person counts as painted when most of what is seen of it lies where the painter painted.
_PAINTED_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Prediction:
    """A result with every record it was made from.

    photo: the photo as given; `working`: as the stages saw it.
    verdicts: for each painted photo, why it took no part in the fit, "" where it did.
    seconds: how long each stage took.
    """

    photo: Photo
    working: Photo
    painted: PaintedPhotos
    people: tuple[People, ...]
    landmarks: tuple[Landmarks, ...]
    disparity: tuple[Disparity, Disparity]
    aligned: AlignedDisparity
    head: MetricHead
    depth: MetricDepth
    verdicts: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)


class MetricFromHuman:
    """Metric from Human (NeurIPS 2024), with interchangeable parts.

    painter, people, disparity: parts as in `mfh.stages`.
    renderer: rasterizes meshes to depth; by default what `settings.renderer` names.
    head: fits the metric head; by default the paper's, as the settings say.
    settings: everything else; by default the preset "default".
    """

    def __init__(
        self,
        painter: Painter,
        people: PeopleMeasurer,
        disparity: DisparityEstimator,
        renderer: DepthRenderer | None = None,
        head: HeadFitter | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.painter = painter
        self.people = people
        self.disparity = disparity
        self.renderer = renderer or MeshRenderer(self.settings.renderer, self.settings.device)
        self.head = head or LandmarkHead(
            self.settings.head_method,
            fit_scale=self.settings.fit_scale,
            fit_offset=self.settings.fit_offset,
        )

    def predict(
        self,
        photo: Photo,
        *,
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> MetricDepth:
        """Metric depth of a photo; see `run`."""
        return self.run(photo, folder=folder, progress=progress).depth

    def run(
        self,
        photo: Photo,
        *,
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Prediction:
        """Metric depth of a photo, with every record on the way.

        folder: a run folder; a record is reused from it where its settings and inputs have not
            changed, and an interrupted run goes on where it stopped.
        progress: is told what happens.

        Raises `NoLandmarksError` where nobody could be measured, with counts of why, and
        `OutputError` or `RunFolderError` for a folder that cannot be used.
        """
        progress = progress or Progress()
        working = resize_photo(photo, self.settings.working_short_side_px)
        runner = StageRunner(
            _digest(working),
            self.settings,
            None if folder is None else self._open(folder, working),
            progress,
        )

        painted = self._paint(working, runner)
        people = self._measure(working, painted, runner)
        landmarks = self._render(working, painted, people, runner)
        disparity = self._estimate(working, painted, runner)
        aligned = self._align(painted, disparity, runner)
        verdicts = verdicts_of(people, landmarks, aligned)
        head = self._fit(disparity, aligned, landmarks, verdicts, runner)

        depth_m = head.apply(upsample(disparity[0].values[0], photo.image))
        counts = counts_of(people, landmarks, verdicts)
        warnings = warnings_of(photo, head, counts, depth_m)
        for warning in warnings:
            progress.warn(warning)
        depth = MetricDepth(
            depth_m=depth_m,
            camera=photo.camera,
            head=head,
            relative_error=head.relative_error,
            counts=counts,
            parts=self._parts(),
            warnings=warnings,
        )
        return Prediction(
            photo=photo,
            working=working,
            painted=painted,
            people=people,
            landmarks=landmarks,
            disparity=disparity,
            aligned=aligned,
            head=head,
            depth=depth,
            verdicts=verdicts,
            seconds=runner.seconds,
        )

    def _paint(self, photo: Photo, runner: StageRunner) -> PaintedPhotos:
        settings = self.settings
        plan_settings: tuple[str, ...] = ()
        if isinstance(self.painter, PlannedPainter):
            plan = self.painter.plan(photo)
        else:
            plan_settings = ("paintings", "seed", "prompts", "strip_min_ratio", "strip_max_ratio")
            plan = plan_paintings(
                *photo.shape,
                settings.paintings,
                seed=settings.seed,
                prompts=settings.prompts,
                min_ratio=settings.strip_min_ratio,
                max_ratio=settings.strip_max_ratio,
            )
        images = runner.each(
            "painted",
            lambda start: _pictures(self.painter.paint(photo, plan.rest(start)), photo),
            part=self.painter,
            inputs=("photo",),
            settings=plan_settings,
            entries=plan.names,
            write=files.write_painted_image,
            read=files.read_painted_image,
            write_rest=lambda folder: files.write_plan(folder, plan),
        )
        return _as_painted(plan, images)

    def _measure(
        self, photo: Photo, painted: PaintedPhotos, runner: StageRunner
    ) -> tuple[People, ...]:
        return runner.each(
            "people",
            lambda start: _sized(self.people.measure(photo, painted.rest(start)), photo),
            part=self.people,
            inputs=("painted",),
            entries=painted.names,
            write=files.write_people,
            read=files.read_people,
        )

    def _render(
        self,
        photo: Photo,
        painted: PaintedPhotos,
        people: Sequence[People],
        runner: StageRunner,
    ) -> tuple[Landmarks, ...]:
        def make(start: int) -> Iterable[Landmarks]:
            for measured, strip in zip(people[start:], painted.repainted[start:], strict=True):
                depth_m = self.renderer(measured.vertices_m, measured.faces, photo.camera)
                # Without a mask of its own a person's mask is everywhere.
                seen = measured.mask & np.isfinite(depth_m)
                counted = strip_share(seen, strip) >= _PAINTED_SHARE
                # Of somebody painted nothing shows beyond the strip, however far mask and mesh go.
                within = strip | ~counted[:, None, None]
                yield landmarks_from_people(
                    replace(measured, mask=measured.mask & within),
                    depth_m,
                    erosion_px=self.settings.erosion_px,
                    counted=None if self.settings.strangers else counted,
                )

        return runner.each(
            "landmarks",
            make,
            part=self.renderer,
            inputs=("painted", "people"),
            settings=("strangers", "erosion_px"),
            entries=painted.names,
            write=files.write_landmarks,
            read=files.read_landmarks,
        )

    def _estimate(
        self, photo: Photo, painted: PaintedPhotos, runner: StageRunner
    ) -> tuple[Disparity, Disparity]:
        return runner.whole(
            "disparity",
            lambda: _checked(self.disparity.estimate(photo, painted), photo, painted),
            part=self.disparity,
            inputs=("photo", "painted"),
            write=lambda folder, pair: files.write_disparity(folder, *pair),
            read=files.read_disparity,
        )

    def _align(
        self,
        painted: PaintedPhotos,
        disparity: tuple[Disparity, Disparity],
        runner: StageRunner,
    ) -> AlignedDisparity:
        def make() -> AlignedDisparity:
            return align_painted(*disparity, painted.repainted)

        return runner.whole(
            "aligned",
            make,
            inputs=("painted", "disparity"),
            write=files.write_aligned,
            # Aligning again is quicker than reading it back; its file is there for people to read.
            read=lambda _: make(),
        )

    def _fit(
        self,
        disparity: tuple[Disparity, Disparity],
        aligned: AlignedDisparity,
        landmarks: Sequence[Landmarks],
        verdicts: Sequence[str],
        runner: StageRunner,
    ) -> MetricHead:
        if all(verdicts):
            raise NoLandmarksError(nobody_message(verdicts))
        return runner.whole(
            "head",
            lambda: self.head.fit(disparity[0], aligned, landmarks),
            part=self.head,
            inputs=("landmarks", "aligned"),
            write=files.write_head,
            read=files.read_head,
        )

    def _open(self, folder: str | Path, photo: Photo) -> RunFolder:
        run_folder = RunFolder(folder)
        # Whatever comes of this run, results of an earlier one no longer belong to these records.
        remove_file(run_folder.path / FILES["summary"])
        files.write_photo(make_folder(run_folder.stage("photo")), photo)
        run_folder.describe(
            photo={"name": photo.name, "sha256": _digest(photo), "camera": asdict(photo.camera)},
            settings=self.settings.as_dict(),
            parts=self._parts(),
        )
        return run_folder

    def _parts(self) -> dict[str, str]:
        return {
            "painter": part_name(self.painter),
            "people": part_name(self.people),
            "renderer": part_name(self.renderer),
            "disparity": part_name(self.disparity),
            "head": part_name(self.head),
        }


def _digest(photo: Photo) -> str:
    """SHA-256 of the pixels and of the camera, whatever it is called and wherever it is from."""
    digest = hashlib.sha256(np.ascontiguousarray(photo.image).data)
    digest.update(repr((photo.image.shape, photo.camera.matrix.tolist())).encode())
    return digest.hexdigest()


def _as_painted(plan: PaintingPlan, images: Sequence[NDArray[np.uint8]]) -> PaintedPhotos:
    return PaintedPhotos(
        repainted=plan.repainted,
        prompts=plan.prompts,
        seeds=plan.seeds,
        names=plan.names,
        images=np.stack(images),
    )


def _pictures(images: Iterable[NDArray[np.uint8]], photo: Photo) -> Iterator[NDArray[np.uint8]]:
    for image in images:
        if image.shape != photo.image.shape or image.dtype != np.uint8:
            raise InputError(
                f"painted photo: {image.shape} {image.dtype}; the painter must give "
                f"{photo.image.shape} uint8, the photo's size"
            )
        yield image


def _sized(people: Iterable[People], photo: Photo) -> Iterator[People]:
    for measured in people:
        height, width = measured.mask.shape[1:]
        if (height, width) != photo.shape:
            raise InputError(
                f"people: masks of {width} x {height} px for a photo of {photo.shape[1]} x "
                f"{photo.shape[0]} px; the measurer must give them at the photo's size"
            )
        yield measured


def _checked(
    pair: tuple[Disparity, Disparity], photo: Photo, painted: PaintedPhotos
) -> tuple[Disparity, Disparity]:
    expected = ((1, *photo.shape), (len(painted), *photo.shape))
    for what, disparity, shape in zip(("photo", "painted photos"), pair, expected, strict=True):
        if disparity.values.shape != shape:
            raise InputError(
                f"disparity of the {what}: {disparity.values.shape}; the estimator must give "
                f"{shape}"
            )
    return pair

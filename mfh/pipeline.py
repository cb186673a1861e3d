"""The whole method: one photo in, metric depth out; `MetricFromHuman.run` is the flow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.disparity import align_painted, upsample
from mfh.errors import NoLandmarksError
from mfh.files import make_folder, remove_file
from mfh.head import LandmarkHead
from mfh.painting import plan_paintings, strip_share
from mfh.parts import LearnedParts, parts_from
from mfh.photos import resize_photo
from mfh.prediction import Prediction
from mfh.progress import Progress
from mfh.records import (
    AlignedDisparity,
    Disparity,
    Landmarks,
    MetricDepth,
    MetricHead,
    PaintedPhotos,
    People,
    Photo,
    Space,
)
from mfh.rendering import landmarks_from_people
from mfh.rendering.renderer import MeshRenderer
from mfh.results.folder import FILES, write_contact_sheet
from mfh.runs import RunFolder, StageRunner, part_name
from mfh.runs import record_files as files
from mfh.settings import Settings
from mfh.stage_checks import checked_disparity, checked_paintings, checked_people
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

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        use: Mapping[str, str | Path] | None = None,
        disparity_space: Space = "disparity",
        learned: LearnedParts | None = None,
    ) -> MetricFromHuman:
        """The method with the learned parts that settings name.

        use: files that stand in for a stage: "painted", "people", "disparity" to a path each.
        disparity_space: what the files for "disparity" hold.
        learned: parts to share with other runs, so that models are loaded once.

        Weights that are missing are downloaded. Raises `MissingPartError` where that cannot be
        done, naming what is missing and the commands that get it.
        """
        learned = learned or LearnedParts(settings)
        return cls(**parts_from(learned, use, disparity_space), settings=settings)

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
        run_folder = None if folder is None else self._open(folder, working)
        runner = StageRunner(_digests(working), self.settings, run_folder, progress)

        painted = self._paint(working, runner)
        images = painted.with_photo(working)
        people = self._measure(working, images, runner)
        landmarks = self._render(working, images, people, runner)
        disparity = self._estimate(working, images, runner)
        aligned = self._align(images, disparity, runner)
        verdicts = verdicts_of(people, landmarks, aligned)
        self._require_landmarks(run_folder, working, images, landmarks, verdicts)
        head = self._fit(aligned, landmarks, runner)
        depth_m = self._apply(head, disparity, photo, runner)

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
            device=self._device(),
            warnings=warnings,
        )
        return Prediction(
            photo=photo,
            working=working,
            images=images,
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
            plan_settings = ("seed", "prompts", "strip_min_ratio", "strip_max_ratio")
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
            lambda start: checked_paintings(self.painter.paint(photo, plan.rest(start)), photo),
            part=self.painter,
            inputs=("photo",),
            settings=plan_settings,
            entries=plan.names,
            write=files.write_painted_image,
            read=lambda *file: next(checked_paintings([files.read_painted_image(*file)], photo)),
            write_rest=lambda folder: files.write_plan(folder, plan),
        )
        return PaintedPhotos(
            repainted=plan.repainted,
            prompts=plan.prompts,
            seeds=plan.seeds,
            names=plan.names,
            images=np.stack(images),
        )

    def _measure(
        self, photo: Photo, images: PaintedPhotos, runner: StageRunner
    ) -> tuple[People, ...]:
        return runner.each(
            "people",
            lambda start: checked_people(self.people.measure(photo, images.rest(start)), photo),
            part=self.people,
            inputs=("photo", "camera", "painted"),
            entries=images.names,
            write=files.write_people,
            read=lambda *file: next(checked_people([files.read_people(*file)], photo)),
        )

    def _render(
        self,
        photo: Photo,
        images: PaintedPhotos,
        people: Sequence[People],
        runner: StageRunner,
    ) -> tuple[Landmarks, ...]:
        once = self.settings.photo_people == "once"

        def make(start: int) -> Iterable[Landmarks]:
            for index in range(start, len(images)):
                measured, strip = people[index], images.repainted[index]
                depth_m = self.renderer(measured.vertices_m, measured.faces, photo.camera)
                painted = _painted_people(measured, depth_m, strip)
                # Of somebody painted nothing shows beyond the strip, however far mask and mesh go.
                within = strip | ~painted[:, None, None]
                counted = painted | (not once) if index else np.full(len(measured), once)
                yield landmarks_from_people(
                    replace(measured, mask=measured.mask & within),
                    depth_m,
                    erosion_px=self.settings.erosion_px,
                    counted=counted,
                    kind="painted person" if index else "person",
                )

        return runner.each(
            "landmarks",
            make,
            part=self.renderer,
            inputs=("painted", "people"),
            settings=("photo_people", "erosion_px"),
            entries=images.names,
            write=files.write_landmarks,
            read=files.read_landmarks,
        )

    def _estimate(self, photo: Photo, images: PaintedPhotos, runner: StageRunner) -> Disparity:
        maps = runner.each(
            "disparity",
            lambda start: checked_disparity(
                self.disparity.estimate(photo, images.rest(start)), photo
            ),
            part=self.disparity,
            inputs=("photo", "painted"),
            entries=images.names,
            write=files.write_disparity,
            read=lambda *file: next(checked_disparity([files.read_disparity(*file)], photo)),
        )
        return Disparity(
            np.concatenate([each.values for each in maps]), maps[0].space, maps[0].model
        )

    def _align(
        self, images: PaintedPhotos, disparity: Disparity, runner: StageRunner
    ) -> AlignedDisparity:
        def make() -> AlignedDisparity:
            return align_painted(disparity, images.repainted)

        return runner.whole(
            "aligned",
            make,
            inputs=("painted", "disparity"),
            images=len(images),
            write=files.write_aligned,
            # Aligning again is quicker than reading it back; its file is there for people to read.
            read=lambda _: make(),
        )

    def _require_landmarks(
        self,
        run_folder: RunFolder | None,
        photo: Photo,
        images: PaintedPhotos,
        landmarks: Sequence[Landmarks],
        verdicts: Sequence[str],
    ) -> None:
        """Where no image takes part in the fit, say so, and show them if there is a folder."""
        if not all(verdicts):
            return
        sheet = None
        if run_folder is not None:
            sheet = write_contact_sheet(
                run_folder.path, photo, images, landmarks, verdicts, simulated=self._simulated
            )
        raise NoLandmarksError(nobody_message(verdicts[1:], sheet))

    def _fit(
        self,
        aligned: AlignedDisparity,
        landmarks: Sequence[Landmarks],
        runner: StageRunner,
    ) -> MetricHead:
        return runner.whole(
            "head",
            lambda: self.head.fit(aligned, landmarks),
            part=self.head,
            inputs=("landmarks", "aligned"),
            images=len(aligned),
            write=files.write_head,
            read=files.read_head,
        )

    def _apply(
        self, head: MetricHead, disparity: Disparity, photo: Photo, runner: StageRunner
    ) -> NDArray[np.float32]:
        return runner.unsaved(
            "depth", lambda: head.apply(upsample(disparity.values[0], photo.image))
        )

    def _open(self, folder: str | Path, photo: Photo) -> RunFolder:
        run_folder = RunFolder(folder)
        # Whatever comes of this run, results of an earlier one no longer belong to these records.
        remove_file(run_folder.path / FILES["summary"])
        files.write_photo(make_folder(run_folder.stage("photo")), photo)
        run_folder.describe(
            photo={"name": photo.name, "sha256": _digests(photo), "camera": asdict(photo.camera)},
            settings=self.settings.as_dict(),
            parts=self._parts(),
        )
        return run_folder

    @property
    def _simulated(self) -> bool:
        return any(part.startswith("simulated") for part in self._parts().values())

    def _parts(self) -> dict[str, str]:
        return {
            "painter": part_name(self.painter),
            "people": part_name(self.people),
            "renderer": part_name(self.renderer),
            "disparity": part_name(self.disparity),
            "head": part_name(self.head),
        }

    def _device(self) -> str:
        """Where the learned parts compute; each of them says so itself."""
        parts = (self.painter, self.people, self.disparity)
        devices = [part.device for part in parts if hasattr(part, "device")]
        return ", ".join(dict.fromkeys(devices))


def _digests(photo: Photo) -> dict[str, str]:
    """SHA-256 of the pixels and of the camera, whatever they are called and wherever from."""
    pixels = hashlib.sha256(np.ascontiguousarray(photo.image).data)
    pixels.update(repr(photo.image.shape).encode())
    camera = hashlib.sha256(repr(photo.camera.matrix.tolist()).encode())
    return {"photo": pixels.hexdigest(), "camera": camera.hexdigest()}


def _painted_people(
    people: People, depth_m: NDArray[np.float32], strip: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Who of the people of a painted photo was painted there, (P,)."""
    # Without a mask of its own a person's mask is everywhere.
    seen = people.mask & np.isfinite(depth_m)
    return strip_share(seen, strip) >= _PAINTED_SHARE

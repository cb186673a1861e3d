"""The whole method: one photo in, metric depth out; `MetricFromHuman.run` is the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from mfh.disparity import unaligned
from mfh.errors import InputError, NoLandmarksError
from mfh.files import make_folder, remove_file
from mfh.head import LandmarkHead
from mfh.known_distances import (
    DistanceLike,
    KnownDistance,
    check_distances,
    fingerprint,
    load_distances,
)
from mfh.parts import LearnedParts, parts_from
from mfh.photos import resize_photo
from mfh.prediction import Prediction
from mfh.progress import Progress
from mfh.records import Counts, Landmarks, MetricDepth, PaintedPhotos, Photo, Space
from mfh.rendering.renderer import MeshRenderer
from mfh.results.folder import FILES, write_contact_sheet
from mfh.rounds import Rounds, stages_needed
from mfh.runs import RunFolder, StageRunner
from mfh.runs.photo_run import PhotoRun, digests_of
from mfh.runs.record_files import write_photo
from mfh.runs.run_parts import RunParts, device_of, names_of
from mfh.settings import Settings
from mfh.stages import (
    DepthRenderer,
    DisparityEstimator,
    HeadFitter,
    Painter,
    PeopleMeasurer,
    PlannedPainter,
)
from mfh.taking_part import owners_taking_part
from mfh.verdicts import counts_of, nobody_message, verdicts_of, warnings_of
from mfh.why_stopped import missed_target, painting_in_words, so_far_in_words


class MetricFromHuman:
    """Metric from Human (NeurIPS 2024), with interchangeable parts.

    painter, people, disparity: parts as in `mfh.stages`; painter and people may be None for runs
        that do without them, see `mfh.rounds.stages_needed`.
    renderer: rasterizes meshes to depth; by default what `settings.renderer` names.
    head: fits the metric head; by default as the settings say.
    settings: everything else; by default the preset "default".
    """

    def __init__(
        self,
        painter: Painter | None,
        people: PeopleMeasurer | None,
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
            space=self.settings.head_space,
        )

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        use: Mapping[str, str | Path] | None = None,
        disparity_space: Space = "disparity",
        known_distances: bool = False,
        learned: LearnedParts | None = None,
    ) -> MetricFromHuman:
        """The method with the learned parts that settings name.

        use: files that stand in for a stage: "painted", "people", "disparity" to a path each.
        disparity_space: what the files for "disparity" hold.
        known_distances: whether it is for runs with known distances, which may need fewer parts.
        learned: parts to share with other runs, so that models are loaded once.

        Weights that are missing are downloaded. Raises `MissingPartError` where that cannot be
        done, naming what is missing and the commands that get it.
        """
        learned = learned or LearnedParts(settings)
        parts = parts_from(learned, use, disparity_space, settings.paint, known_distances)
        return cls(**parts, settings=settings)

    def predict(
        self,
        photo: Photo,
        *,
        landmarks: DistanceLike | Sequence[DistanceLike] = (),
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> MetricDepth:
        """Metric depth of a photo; see `run`."""
        return self.run(photo, landmarks=landmarks, folder=folder, progress=progress).depth

    def run(
        self,
        photo: Photo,
        *,
        landmarks: DistanceLike | Sequence[DistanceLike] = (),
        folder: str | Path | None = None,
        progress: Progress | None = None,
        pictures: bool = True,
    ) -> Prediction:
        """Metric depth of a photo, with every record on the way.

        landmarks: points of the photo whose distance from the camera is known, e.g.
            `[(x, y, 2.40)]` in px and metres; see `mfh.known_distances.load_distances`.
        folder: a run folder; a record is reused from it where its settings and inputs have not
            changed, and an interrupted run goes on where it stopped.
        progress: is told what happens.
        pictures: whether the folder gets a contact sheet where nobody could be measured; without
            it holds records alone.

        People are painted in rounds, and what a round adds goes through all stages. The paintings
        of each are the next few of one plan; `mfh.rounds` says when there are enough.

        Raises `NoLandmarksError` where there is nothing to measure by, with counts of why;
        `InputError` for known distances that cannot be this photo's, and for a part that is None
        and needed; `OutputError` or `RunFolderError` for a folder that cannot be used.
        """
        progress = progress or Progress()
        distances = load_distances(landmarks)
        check_distances(distances, photo)
        parts = self._parts_for(distances)
        working = resize_photo(photo, self.settings.working_short_side_px)
        digests = digests_of(photo, working, distances)
        run_folder = None
        if folder is not None:
            run_folder = self._open(folder, working, distances, digests, parts)
        runner = StageRunner(digests, self.settings, run_folder, progress)
        run = PhotoRun(photo, working, distances, self.settings, runner, **parts)
        rounds = self._rounds(run)

        painted, aligned, head = rounds.first, None, None
        progress.remark("painted", so_far_in_words(rounds, head))
        while True:
            runner.round(last=painted == rounds.at_most)
            images = run.paint(painted)
            people = run.measure(images)
            known = run.render(images, people)
            disparity = run.estimate(images)
            aligned = run.align(images, disparity, aligned)
            head = run.fit(aligned, known)
            progress.remark("painted", so_far_in_words(rounds, head))
            stopped = rounds.stopped(head, painted)
            if stopped:
                break
            painted = rounds.after(painted)
        runner.finish()
        if head is None:
            verdicts = verdicts_of(people, known, aligned)
            shown = run_folder if pictures else None
            raise _nobody(shown, working, images, known, verdicts, parts)
        depth_m, error_map = run.apply(head, disparity)

        owners = owners_taking_part(head, aligned, known)
        verdicts = verdicts_of(people, known, aligned, owners)
        counts = counts_of(people, verdicts, owners)
        by_people = run.people is not None
        missed = missed_target(rounds, stopped, painted, head, people=by_people)
        warnings = (*warnings_of(photo, head, counts, owners, depth_m), *filter(None, [missed]))
        for warning in warnings:
            progress.warn(warning)
        used: RunParts = {**parts, "painter": parts["painter"] if painted else None}
        depth = MetricDepth(
            depth_m=depth_m,
            camera=photo.camera,
            head=head,
            relative_error=head.relative_error,
            counts=counts,
            parts=names_of(used),
            device=device_of(used),
            warnings=warnings,
            relative_error_map=error_map,
            painting=painting_in_words(rounds, stopped, painted, head, people=by_people),
        )
        return Prediction(
            photo=photo,
            working=working,
            images=images,
            people=people,
            landmarks=known,
            disparity=disparity,
            aligned=aligned,
            head=head,
            depth=depth,
            verdicts=verdicts,
            owners=owners,
            seconds=runner.seconds,
        )

    def fit_to(
        self,
        photo: Photo,
        landmarks: Landmarks,
        *,
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> MetricDepth:
        """Metric depth of a photo by the relative model and landmarks that are given.

        Nobody is painted or measured: painter and people may be None.

        landmarks: depth that is known, of the size of the photo as the stages see it,
            `mfh.photos.resize_photo(photo, settings.working_short_side_px)`.
        folder: keeps the relative disparity and the head, which are reused as in `run`.

        Raises `InputError` for landmarks of another size, `NoLandmarksError` where no depth is
        known, and `OutputError` or `RunFolderError` for a folder that cannot be used.
        """
        working = resize_photo(photo, self.settings.working_short_side_px)
        if landmarks.depth_m.shape != working.shape:
            raise InputError(
                f"landmarks are {landmarks.depth_m.shape}, but stages see the photo at "
                f"{working.shape}: give them at that size"
            )
        parts = RunParts(
            painter=None,
            people=None,
            renderer=self.renderer,
            disparity=self.disparity,
            head=self.head,
        )
        runner = StageRunner(
            digests_of(photo, working, ()),
            self.settings,
            None if folder is None else RunFolder(folder),
            progress or Progress(),
        )
        run = PhotoRun(photo, working, (), self.settings, runner, **parts)
        disparity = run.estimate(run.paint(0))
        head = self.head.fit(unaligned(disparity), [landmarks])
        depth_m, error_map = run.apply(head, disparity)
        return MetricDepth(
            depth_m=depth_m,
            camera=photo.camera,
            head=head,
            relative_error=head.relative_error,
            counts=Counts(painted=0, with_people=0, kept=0, people=0),
            parts=names_of(parts),
            device=device_of(parts),
            relative_error_map=error_map,
        )

    def _parts_for(self, distances: Sequence[KnownDistance]) -> RunParts:
        """The parts of a run: None those that it does without."""
        needed = stages_needed(
            self.settings.paint,
            known_distances=bool(distances),
            painted_files=isinstance(self.painter, PlannedPainter),
        )
        lacking = [
            name
            for stage, name in (("painted", "painter"), ("people", "people"))
            if stage in needed and getattr(self, name) is None
        ]
        if lacking:
            raise InputError(
                f"{' and '.join(lacking)} of MetricFromHuman: None, but a run with "
                f"paint={self.settings.paint!r} and {len(distances)} known distances needs them"
            )
        return RunParts(
            painter=self.painter if "painted" in needed else None,
            people=self.people if "people" in needed else None,
            renderer=self.renderer,
            disparity=self.disparity,
            head=self.head,
        )

    def _rounds(self, run: PhotoRun) -> Rounds:
        settings = self.settings
        if run.plan is not None:
            return Rounds.all_at_once(len(run.plan))
        step = max(settings.painting_round, getattr(run.painter, "at_once", 1))
        return Rounds.until(
            settings.target_error,
            at_most=0 if run.painter is None else settings.paintings,
            first=0 if settings.paint == "auto" else step,
            step=step,
        )

    def _open(
        self,
        folder: str | Path,
        photo: Photo,
        distances: Sequence[KnownDistance],
        digests: Mapping[str, str],
        parts: RunParts,
    ) -> RunFolder:
        run_folder = RunFolder(folder)
        # Whatever comes of this run, results of an earlier one no longer belong to these records.
        remove_file(run_folder.path / FILES["summary"])
        write_photo(make_folder(run_folder.stage("photo")), photo)
        run_folder.describe(
            photo={"name": photo.name, "sha256": dict(digests), "camera": asdict(photo.camera)},
            known_distances=fingerprint(distances),
            settings=self.settings.as_dict(),
            parts=names_of(parts),
        )
        return run_folder


def _nobody(
    run_folder: RunFolder | None,
    photo: Photo,
    images: PaintedPhotos,
    landmarks: Sequence[Landmarks],
    verdicts: Sequence[str],
    parts: RunParts,
) -> NoLandmarksError:
    """Say that no image takes part in the fit, and show them if there is a folder."""
    sheet = None
    if run_folder is not None:
        simulated = any(name.startswith("simulated") for name in names_of(parts).values())
        sheet = write_contact_sheet(
            run_folder.path, photo, images, landmarks, verdicts, simulated=simulated
        )
    return NoLandmarksError(nobody_message(verdicts, sheet))

"""The stages of one photo's run: what each part is given, and the records it makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mfh.disparity import align_painted, unaligned, upsample
from mfh.head.spaces import inverted
from mfh.image_landmarks import landmarks_of_painting, landmarks_of_photo, without_people
from mfh.known_distances import KnownDistance, fingerprint, landmarks_with_distances
from mfh.painting import plan_paintings
from mfh.records import (
    AlignedDisparity,
    Disparity,
    Landmarks,
    MetricHead,
    PaintedPhotos,
    PaintingPlan,
    People,
    Photo,
)
from mfh.runs import record_files as files
from mfh.runs.stage_runner import StageRunner
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
from mfh.taking_part import images_taking_part


@dataclass(frozen=True)
class PhotoRun:
    """One photo's run, stage by stage; in a further round each makes what is new.

    photo: as given; working: as the stages see it.
    distances: the photo's known distances.
    runner: keeps the records.
    painter, people, renderer, disparity, head: the parts.
    """

    photo: Photo
    working: Photo
    distances: Sequence[KnownDistance]
    settings: Settings
    runner: StageRunner
    painter: Painter | None
    people: PeopleMeasurer | None
    renderer: DepthRenderer
    disparity: DisparityEstimator
    head: HeadFitter

    @cached_property
    def plan(self) -> PaintingPlan | None:
        """The plan of painted photos that exist already; None where there are none."""
        painter = self.painter
        return painter.plan(self.working) if isinstance(painter, PlannedPainter) else None

    def paint(self, count: int) -> PaintedPhotos:
        """The photo itself, and `count` painted photos: the first of the plan of all."""
        settings, painter, photo = self.settings, self.painter, self.working
        drawn_from = ("seed", "prompts", "strip_min_ratio", "strip_max_ratio")
        plan = self.plan or plan_paintings(
            *photo.shape,
            count,
            seed=settings.seed,
            prompts=settings.prompts,
            min_ratio=settings.strip_min_ratio,
            max_ratio=settings.strip_max_ratio,
        )
        images: Sequence[NDArray[np.uint8]] = ()
        if painter is None:
            self.runner.without("painted")
        else:
            images = self.runner.each(
                "painted",
                lambda start: checked_paintings(painter.paint(photo, plan.rest(start)), photo),
                part=painter,
                inputs=("photo",),
                settings=() if self.plan else drawn_from,
                entries=plan.names,
                write=files.write_painted_image,
                read=lambda *file: next(
                    checked_paintings([files.read_painted_image(*file)], photo)
                ),
                write_rest=lambda folder: files.write_plan(folder, plan),
            )
        painted = PaintedPhotos(
            repainted=plan.repainted,
            prompts=plan.prompts,
            seeds=plan.seeds,
            names=plan.names,
            images=np.stack(images) if images else np.zeros((0, *photo.image.shape), np.uint8),
        )
        return painted.with_photo(photo)

    def measure(self, images: PaintedPhotos) -> tuple[People, ...]:
        """The people of each image; nobody where the run does without people."""
        photo, measurer = self.working, self.people
        if measurer is None:
            self.runner.without("people")
            return (People.nobody(*photo.shape),) * len(images)
        return self.runner.each(
            "people",
            lambda start: checked_people(measurer.measure(photo, images.rest(start)), photo),
            part=measurer,
            inputs=("photo", "camera", "painted"),
            entries=images.names,
            write=files.write_people,
            read=lambda *file: next(checked_people([files.read_people(*file)], photo)),
        )

    def render(self, images: PaintedPhotos, people: Sequence[People]) -> tuple[Landmarks, ...]:
        """The landmarks of each image: its people, and of the photo itself its known distances."""
        settings, camera = self.settings, self.working.camera

        def make(start: int) -> Iterable[Landmarks]:
            for index in range(start, len(images)):
                measured = people[index]
                depth_m = np.zeros((0, *self.working.shape), np.float32)
                if len(measured):
                    depth_m = self.renderer(measured.vertices_m, measured.faces, camera)
                if index == 0:
                    own = landmarks_of_photo(
                        measured, depth_m, camera, erosion_px=settings.erosion_px
                    )
                    yield landmarks_with_distances(own, self.distances, self.photo.camera, camera)
                else:
                    yield landmarks_of_painting(
                        measured,
                        depth_m,
                        camera,
                        images.repainted[index],
                        photo_people=settings.photo_people,
                        erosion_px=settings.erosion_px,
                    )

        landmarks = self.runner.each(
            "landmarks",
            make,
            part=self.renderer,
            inputs=("camera", "painted", "people", "known distances"),
            settings=("photo_people", "erosion_px"),
            entries=images.names,
            write=files.write_landmarks,
            read=files.read_landmarks,
        )
        if settings.photo_people == "repeated" and len(images) > 1:
            # Whoever is in the photo counts in its paintings instead.
            return (without_people(landmarks[0]), *landmarks[1:])
        return landmarks

    def estimate(self, images: PaintedPhotos) -> Disparity:
        """The relative disparity of each image."""
        photo = self.working
        maps = self.runner.each(
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
        # Once more together: they may be of several rounds.
        values = np.concatenate([each.values for each in checked_disparity(maps, photo)])
        return Disparity(values, maps[0].space, maps[0].model)

    def align(
        self, images: PaintedPhotos, disparity: Disparity, earlier: AlignedDisparity | None
    ) -> AlignedDisparity:
        """The disparity of all images in the photo's scale; as it is where that is not wanted.

        earlier: of the images of the rounds before.
        """
        wanted = self.settings.align

        def make() -> AlignedDisparity:
            done = 0 if earlier is None else len(earlier)
            new = [0, *range(max(1, done), len(images))]
            values = Disparity(disparity.values[new], disparity.space, disparity.model)
            aligned = align_painted(values, images.repainted[new]) if wanted else unaligned(values)
            return aligned if earlier is None else _joined(earlier, aligned)

        return self.runner.whole(
            "aligned",
            make,
            inputs=("painted", "disparity"),
            settings=("align",),
            images=len(images),
            write=files.write_aligned,
            # Aligning again is quicker than reading it back; its file is there for people to read.
            read=lambda _: make(),
        )

    def fit(self, aligned: AlignedDisparity, landmarks: Sequence[Landmarks]) -> MetricHead | None:
        """The metric head; None where no image takes part."""
        if not images_taking_part(aligned, landmarks).any():
            return None
        return self.runner.whole(
            "head",
            lambda: self.head.fit(aligned, landmarks),
            part=self.head,
            inputs=("landmarks", "aligned"),
            images=len(aligned),
            write=files.write_head,
            read=files.read_head,
        )

    def apply(
        self, head: MetricHead, disparity: Disparity
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Depth in metres at the photo's own size, and its error, None where it is unknown.

        A head of the other space than the disparity's is about that inverted.
        """

        def make() -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
            full = upsample(disparity.values[0], self.photo.image)
            if head.space != disparity.space:
                full = inverted(full)
            return head.apply(full), head.relative_error_of(full) if head.knows_error else None

        return self.runner.unsaved("depth", make)


def digests_of(
    photo: Photo, working: Photo, distances: Sequence[KnownDistance]
) -> Mapping[str, str]:
    """SHA-256 of all that a run is given, whatever it is called and wherever it is from."""
    pixels = hashlib.sha256(np.ascontiguousarray(working.image).data)
    pixels.update(repr(working.image.shape).encode())
    known = [fingerprint(distances), photo.camera.matrix.tolist()] if distances else []
    return {
        "photo": pixels.hexdigest(),
        "camera": hashlib.sha256(repr(working.camera.matrix.tolist()).encode()).hexdigest(),
        "known distances": hashlib.sha256(json.dumps(known).encode()).hexdigest(),
    }


def _joined(earlier: AlignedDisparity, later: AlignedDisparity) -> AlignedDisparity:
    """Two rounds in one; both begin with the photo itself."""
    joined = {
        each.name: np.concatenate([getattr(earlier, each.name), getattr(later, each.name)[1:]])
        for each in fields(earlier)
        if each.name not in ("reason", "space")
    }
    return AlignedDisparity(
        **joined, reason=(*earlier.reason, *later.reason[1:]), space=earlier.space
    )

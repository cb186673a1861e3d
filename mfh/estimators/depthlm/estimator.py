"""DepthLM: dense metric depth from a few questions; importing this loads no model library."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mfh.errors import SettingsError
from mfh.estimators.depthlm.dense import Answers, ask_and_fit
from mfh.estimators.depthlm.record import QuestionRecord
from mfh.estimators.depthlm.vlm import Answerer
from mfh.head import LandmarkHead
from mfh.photos import resize_photo
from mfh.pipeline import MetricFromHuman
from mfh.prediction import Prediction
from mfh.progress import Progress
from mfh.records import Disparity, MetricDepth, PaintedPhotos, Photo
from mfh.results.asked import ASKED
from mfh.results.uncertainty import missed_in_words, percent_in_words
from mfh.rounds import Rounds
from mfh.runs.stage_runner import part_name
from mfh.settings import Settings
from mfh.stage_checks import checked_disparity
from mfh.stages import DisparityEstimator, HeadFitter


@dataclass(frozen=True, eq=False)
class DensePrediction:
    """A result with every record it was made from, and what the model was asked and said."""

    prediction: Prediction
    answers: Answers

    @property
    def depth(self) -> MetricDepth:
        """The result."""
        return self.prediction.depth

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long each stage took, asking among them."""
        return self.prediction.seconds

    def write(self, folder: str | Path, **options: Any) -> dict[str, Path]:
        """Write every result file into a folder, as `Prediction.write` does, with what was said."""
        return self.prediction.write(folder, asked=self.answers.points, **options)


class DepthLM:
    """Metric depth by asking a vision language model for distances (`mfh.estimators.Estimator`).

    DepthLM (arXiv 2509.25413) answers one pixel at a time. Here a few dozen of its answers become
    known distances of kind "asked point", and the metric head fits relative disparity through them,
    as Metric from Human does through people.

    answerer: the model that is asked; disparity: the stage that gives relative disparity.
    head: fits the metric head; by default the robust one.
    questions: how many are asked at most; question_round: how many before the error is looked at
        again. target_error: asking stops when the depth's relative error is no larger; 0 asks all.
    settings: of which the working size counts, and what the disparity stage needs.

    Raises `SettingsError` for numbers outside their range.
    """

    def __init__(
        self,
        answerer: Answerer,
        disparity: DisparityEstimator,
        head: HeadFitter | None = None,
        *,
        questions: int = 32,
        question_round: int = 8,
        target_error: float = 0.1,
        settings: Settings | None = None,
    ) -> None:
        if questions < 1 or question_round < 1 or not 0 <= target_error < 1:
            raise SettingsError(
                f"DepthLM: questions {questions}, question_round {question_round}, target_error "
                f"{target_error}; expected at least one question, and an error from 0 to below 1"
            )
        self._answerer = answerer
        self._disparity = disparity
        self._head = head or LandmarkHead()
        self._rounds = Rounds(
            at_most=questions,
            first=min(question_round, questions),
            step=question_round,
            target_error=target_error,
        )
        # The answers are all there is to measure by, and what the error is to be is settled here.
        self._settings = replace(settings or Settings(), paint="auto", target_error=0.0)
        self.name = f"{answerer.name}, asked about at most {questions} pixels"

    @property
    def device(self) -> str:
        """Where model and disparity stage compute."""
        devices = (self._answerer.device, getattr(self._disparity, "device", ""))
        return ", ".join(dict.fromkeys(filter(None, devices)))

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """All that a result depends on besides the photo, as plain JSON values."""
        return {
            "part": "DepthLM",
            "answerer": dict(self._answerer.fingerprint),
            "disparity": getattr(self._disparity, "fingerprint", None),
            "head": getattr(self._head, "fingerprint", None),
            "questions": self._rounds.at_most,
            "question_round": self._rounds.step,
            "target_error": self._rounds.target_error,
            "working_short_side_px": self._settings.working_short_side_px,
        }

    def predict(self, photo: Photo) -> MetricDepth:
        """The depth of a photo, in metres, with its error; see `run`."""
        return self.run(photo).depth

    def run(
        self, photo: Photo, *, folder: str | Path | None = None, progress: Progress | None = None
    ) -> DensePrediction:
        """Metric depth of a photo, with what was asked and said.

        folder: a run folder; records are kept in it and reused as those of `MetricFromHuman.run`,
            and `questions.json` keeps what was said: nothing is asked twice.
        progress: is told what happens.

        Raises `NoLandmarksError` where no answer holds a distance, `OutputError` or
        `RunFolderError` for a folder that cannot be used, and what the parts raise.
        """
        progress = progress or Progress()
        working = resize_photo(photo, self._settings.working_short_side_px)
        started = time.perf_counter()
        disparity = _EstimatedOnce(self._disparity, working)
        estimated = time.perf_counter()
        answers = ask_and_fit(
            photo,
            working,
            disparity.of_photo,
            self._answerer,
            self._head,
            self._rounds,
            record=QuestionRecord(folder, photo, self._answerer),
            progress=progress,
        )
        seconds = {
            "disparity": estimated - started,
            "questions": time.perf_counter() - estimated,
        }
        method = MetricFromHuman(None, None, disparity, head=self._head, settings=self._settings)
        prediction = method.run(
            photo, landmarks=answers.distances, folder=folder, progress=progress
        )
        # The run's own disparity is the one that was estimated above.
        for stage, taken in prediction.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + taken
        depth = self._told(prediction.depth, answers, progress)
        return DensePrediction(replace(prediction, depth=depth, seconds=seconds), answers)

    def _told(self, depth: MetricDepth, answers: Answers, progress: Progress) -> MetricDepth:
        """The depth with what there is to tell of the answers, of which `progress` is warned."""
        warnings = self._warnings(answers)
        for warning in warnings:
            progress.warn(warning)
        return replace(
            depth,
            parts={"answerer": self._answerer.name, **depth.parts},
            device=self.device,
            warnings=(*depth.warnings, *warnings),
            painting=ASKED + self._asked_in_words(answers),
        )

    def _asked_in_words(self, answers: Answers) -> str:
        """How much was asked, and why no more."""
        asked, at_most = len(answers.asked), self._rounds.at_most
        if answers.stopped == "target reached":
            error = percent_in_words(answers.head.relative_error)
            return f"{asked} of at most {at_most} questions, the error is {error}, as wanted"
        if answers.stopped == "nothing to gain":
            return (
                f"{asked} of at most {at_most} questions, the others would lessen the error by "
                "less than a tenth"
            )
        return f"{asked} of at most {at_most} questions"

    def _warnings(self, answers: Answers) -> tuple[str, ...]:
        """What the user should know of the answers, a sentence each."""
        said = []
        if answers.refused:
            said.append(
                f"{answers.refused} of {len(answers.asked)} answers of {self._answerer.name} hold "
                "no distance."
            )
        target, head = self._rounds.target_error, answers.head
        if target and head.knows_error and head.relative_error > target:
            said.append(
                f"{missed_in_words(target, head.relative_error)} with {len(answers.asked)} "
                "questions. A distance that is measured does more: ask with `mfh ask --out "
                "ASKED.json`, then `mfh predict --landmark ASKED.json --landmark x,y=METRES`, "
                "without --method."
            )
        return tuple(said)


class _EstimatedOnce:
    """A disparity stage of which the photo's map is estimated once, for placing and for the run."""

    def __init__(self, part: DisparityEstimator, working: Photo) -> None:
        empty = np.zeros((0, *working.shape), np.bool_)
        images = PaintedPhotos(empty, (), (), images=np.zeros((0, *working.image.shape), np.uint8))
        self.of_photo: Disparity = next(
            checked_disparity(part.estimate(working, images.with_photo(working)), working)
        )
        self.name = part_name(part)
        self.device = getattr(part, "device", "")
        self.fingerprint = getattr(part, "fingerprint", None)

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the photo's map, which alone is ever asked for."""
        yield from (self.of_photo for _ in range(len(images)))

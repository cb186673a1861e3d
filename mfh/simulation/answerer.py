"""The simulated vision language model: it knows the truth, and is as wrong as it is told to be."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError, SettingsError
from mfh.estimators.depthlm.canonical import CanonicalView, canonical_view
from mfh.estimators.depthlm.marker import LENGTH_PX, with_arrows
from mfh.estimators.depthlm.questions import Question
from mfh.estimators.depthlm.vlm import STAGE
from mfh.progress import Progress
from mfh.records import Photo
from mfh.simulation.truth import densify

_NONSENSE_M = (0.1, 100.0)
"""Between these a nonsense answer is drawn, log-uniformly, whatever is asked about."""
_AROUND_PX = 2 * LENGTH_PX + 2


class SimulatedAnswerer:
    """Answers how far a marked pixel of a photo is (`mfh.estimators.depthlm.vlm.Answerer`).

    It reads the marked pixel off the image that it is shown, as a model has to, so that an arrow
    in the wrong place gets the answer of the wrong place.

    photo: the photo; depth_m: (H, W) its depth in metres, NaN where unknown.
    relative_error: standard deviation of the logarithm of an answer about the truth.
    nonsense: the probability that an answer has nothing to do with the truth.
    bias: standard deviation of an error that all answers have in common, in the same way.
    aim_px: standard deviation, along x and y in px of the view, by which it looks beside the tip.
    focal_px: of the views it is asked about.
    seed: every answer descends from it and from the pixel: it does not matter what else is asked.

    Raises `InputError` where depth and photo differ in size or no depth is known, and
    `SettingsError` for an error that is negative or a probability that is none.
    """

    device = ""

    def __init__(
        self,
        photo: Photo,
        depth_m: NDArray[np.floating],
        *,
        relative_error: float = 0.10,
        nonsense: float = 0.05,
        bias: float = 0.0,
        aim_px: float = 0.0,
        focal_px: float = 1000.0,
        seed: int = 0,
    ) -> None:
        if depth_m.shape != photo.shape:
            raise InputError(
                f"simulation: the truth is {depth_m.shape} but the photo {photo.shape} (H, W)"
            )
        known = np.isfinite(depth_m) & (depth_m > 0)
        if not known.any():
            raise InputError("simulation: no pixel of the truth has a known depth")
        if not (min(relative_error, bias, aim_px) >= 0 and 0 <= nonsense <= 1):
            raise SettingsError(
                f"simulated answers: relative_error {relative_error}, bias {bias}, aim_px "
                f"{aim_px}, nonsense {nonsense}; expected errors of 0 or more, and a probability"
            )
        self.focal_px = focal_px
        self._photo = photo
        self._depth_m = densify(np.where(known, depth_m, np.nan).astype(np.float32))
        self._seed = seed
        self._bias = bias * float(np.random.default_rng([seed, 0]).standard_normal())
        self._errors = {
            "relative_error": relative_error,
            "nonsense": nonsense,
            "bias": bias,
            "aim_px": aim_px,
        }
        self.name = (
            f"simulated: true distances, {100 * relative_error:g} % off, {100 * nonsense:g} % "
            "nonsense"
        )

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the answers depend on besides the questions."""
        return {
            "part": "simulated answers",
            **self._errors,
            "focal_px": self.focal_px,
            "seed": self._seed,
            "truth_sha256": hashlib.sha256(self._depth_m.tobytes()).hexdigest(),
        }

    def answer(self, questions: Sequence[Question], progress: Progress | None = None) -> list[str]:
        """Give one text for each question, in order.

        Raises `InputError` for a task other than distance and depth, and for an image that is not
        this photo's with one arrow in it.
        """
        progress = progress or Progress()
        progress.start(STAGE, len(questions))
        texts = []
        for question in questions:
            texts.append(self._text(question))
            progress.advance(STAGE)
        progress.finish(STAGE, f"{len(questions)} answered by {self.name}")
        return texts

    def _text(self, question: Question) -> str:
        if question.task not in ("distance", "depth"):
            raise InputError(
                f"simulated answers: asked for {question.task}; it answers distance and depth"
            )
        x, y = self._marked_pixel(question.images[0])
        rng = np.random.default_rng([self._seed, 1, x, y])
        own, nonsense, *aside = rng.standard_normal(), rng.random(), *rng.standard_normal(2)
        height, width = self._view.image.shape[:2]
        x, y = (
            min(max(round(at + self._errors["aim_px"] * by), 0), length - 1)
            for at, by, length in zip((x, y), aside, (width, height), strict=True)
        )
        metres = self._true_m(x, y, question.task)
        metres *= math.exp(self._bias + self._errors["relative_error"] * own)
        if nonsense < self._errors["nonsense"]:
            metres = math.exp(rng.uniform(*np.log(_NONSENSE_M)))
        # Training labels have two decimals, and so have answers.
        return f"<think> It is at the tip. </think> <answer> {max(metres, 0.01):.2f} </answer>"

    def _true_m(self, x: int, y: int, task: str) -> float:
        """The distance or depth of a pixel of the view."""
        view = self._view
        row, column = (
            min(int((at + 0.5) / scale), length - 1)
            for at, scale, length in zip(
                (y, x), reversed(view.scale), self._photo.shape, strict=True
            )
        )
        depth_m = float(self._depth_m[row, column])
        camera = view.camera
        ray = (x + 0.5 - camera.cx) / camera.fx, (y + 0.5 - camera.cy) / camera.fy
        return depth_m if task == "depth" else depth_m * math.hypot(*ray, 1)

    @cached_property
    def _view(self) -> CanonicalView:
        return canonical_view(self._photo, self.focal_px)

    def _marked_pixel(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        """The pixel (x, y) whose arrow makes the photo's view this image."""
        clean = self._view.image
        if image.shape == clean.shape:
            differs = image != clean
            rows = np.flatnonzero(differs.reshape(len(image), -1).any(axis=1))
            columns = np.flatnonzero(differs[rows].any(axis=(0, 2)))
            if len(rows) and max(np.ptp(rows), np.ptp(columns)) < _AROUND_PX:
                for pixel in _tips(clean, image, rows, columns):
                    return pixel
        raise InputError(
            f"simulated answers: the image is not {self._photo.name} at a focal length of "
            f"{self.focal_px:g} px with one arrow in it"
        )


def _tips(
    clean: NDArray[np.uint8],
    image: NDArray[np.uint8],
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
) -> Iterator[tuple[int, int]]:
    """The pixels near what differs whose arrow turns the clean view into the image.

    Those at the ends of the middle row come first: unless the arrow is clipped, or the view is as
    red as the arrow, its tip is one of them.
    """
    # What is left of the window keeps arrows within it from being mirrored or clipped.
    (top, bottom), (left, right) = (
        (max(int(at[0]) - _AROUND_PX, 0), min(int(at[-1]) + _AROUND_PX + 1, length))
        for at, length in zip((rows, columns), image.shape[:2], strict=True)
    )
    clean, image = clean[top:bottom, left:right], image[top:bottom, left:right]
    middle = (int(rows[0]) + int(rows[-1])) // 2 - top
    first = [(int(columns[-1]) + 1 - left, middle), (int(columns[0]) - 1 - left, middle)]
    for x, y in [*first, *((x, y) for y, x in np.ndindex(image.shape[:2]))]:
        inside = 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
        if inside and np.array_equal(with_arrows(clean, [(x + 0.5, y + 0.5)]), image):
            yield left + x, top + y

"""A vision language model that is asked about some pixels of the truth, as DepthLM is evaluated.

DepthLM is asked pixel by pixel, and delta1 is that of the labelled pixels it is asked about (the
paper's Table 1; facebookresearch/DepthLM_Official, `eval.py`). Importing this loads no model
library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from mfh.camera import resize_intrinsics
from mfh.errors import InputError
from mfh.estimators.depthlm.asking import PointTask, ask_points
from mfh.estimators.depthlm.loading import (
    DEFAULT_MODEL,
    answerer_weights,
    model_text,
    open_model,
    require_model,
)
from mfh.estimators.depthlm.vlm import Answerer
from mfh.estimators.spec import model_identity
from mfh.evaluation.methods.base import Case, Method, PixelDepth
from mfh.models import DownloadProgress
from mfh.settings import Settings


@dataclass(frozen=True, eq=False)
class AskedPixels:
    """Asks about pixels of the truth that count (`mfh.evaluation.methods.base.Method`).

    answerer: is asked.
    pixels: about how many of a photo at most. Where more count they are drawn evenly at random,
        which ones depends on the case's seed alone.
    task: what is asked: "distance" from the camera, of which z is `distance / |ray|`, or "depth",
        z itself; with the ray through the middle of the pixel.
    """

    answerer: Answerer
    pixels: int
    task: PointTask = "distance"

    def predict(self, case: Case) -> PixelDepth:
        """The depth of the pixels asked about; 0 where the answer holds none.

        Raises `InputError` for a case without truth, or of whose truth nothing counts, and what the
        answerer raises.
        """
        if case.truth is None or case.protocol is None:
            raise InputError(f"{case.name}: has no truth, which says where to ask")
        at = np.flatnonzero(case.protocol.valid(case.truth))
        if not len(at):
            raise InputError(f"{case.name}: no pixel of its truth counts, so there is none to ask")
        if len(at) > self.pixels:
            at = np.random.default_rng(case.seed).choice(at, self.pixels, replace=False)
        rows, columns = np.divmod(np.sort(at), case.truth.shape[1])
        down, across = (
            photo / truth for photo, truth in zip(case.photo.shape, case.truth.shape, strict=True)
        )
        points = [
            ((column + 0.5) * across, (row + 0.5) * down)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        asked = ask_points(case.photo, points, self.answerer, task=self.task)
        depth_m = np.full(case.truth.shape, np.nan, np.float32)
        depth_m[rows, columns] = [each.depth_m or 0 for each in asked]
        refused = sum(each.depth_m is None for each in asked)
        said = f"{refused} of {len(asked)} answers hold no {self.task}"
        return PixelDepth(
            depth_m=depth_m,
            camera=resize_intrinsics(case.photo.camera, *case.truth.shape),
            parts={"answerer": self.answerer.name, "asked": f"{self.task} of {len(asked)} pixels"},
            device=self.answerer.device,
            warnings=(said,) if refused else (),
        )


@dataclass(frozen=True)
class AskedPixelsSpec:
    """A model that is asked, as `AskedPixels` asks it.

    model: as `mfh.estimators.depthlm.loading.answerer_weights` takes it.
    settings: of which device, precision and those of `depthlm` count.
    """

    kind: ClassVar[str] = "depthlm-pixels"
    form: ClassVar[str] = "depthlm-pixels[:MODEL]"
    needs_truth: ClassVar[bool] = True
    seeded: ClassVar[bool] = True

    model: str = DEFAULT_MODEL
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def from_text(cls, rest: str, settings: Settings) -> AskedPixelsSpec:
        """From "" or "MODEL". Raises `SettingsError` for a text that is no model's."""
        model = model_text(rest or DEFAULT_MODEL)
        require_model(model)
        names = ("device", "precision", "depthlm")
        return cls(model, Settings(**{name: getattr(settings, name) for name in names}))

    def as_dict(self) -> dict[str, Any]:
        """Everything its predictions depend on besides the case."""
        own = self.settings.depthlm
        return {
            "method": self.kind,
            **model_identity(self.model),
            "precision": self.settings.precision,
            "pixels": own.pixels,
            "task": own.task,
            "focal_px": own.focal_px,
            "max_new_tokens": own.max_new_tokens,
        }

    def prepare(self, progress: DownloadProgress) -> None:
        """Nothing is downloaded. Raises `MissingPartError` where the model is not here."""
        answerer_weights(self.model)

    def make(self) -> Method:
        """The method. Raises `MissingPartError`, `ModelError` or `SettingsError`."""
        own = self.settings.depthlm
        return AskedPixels(open_model(self.model, self.settings), own.pixels, own.task)

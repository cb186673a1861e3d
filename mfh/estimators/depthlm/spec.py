"""DepthLM as a text of the command line names it; importing this loads no model library."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mfh.estimators.depthlm.loading import (
    DEFAULT_MODEL,
    answerer_weights,
    model_text,
    open_model,
    require_model,
)
from mfh.estimators.estimator import Estimator
from mfh.estimators.spec import EstimatorSpec, model_identity
from mfh.models import DownloadProgress, ModelStore
from mfh.settings import Settings


@dataclass(frozen=True)
class DepthLMSpec(EstimatorSpec):
    """Dense depth from a few questions (`mfh.estimators.depthlm.estimator.DepthLM`).

    model: as `answerer_weights` takes it.
    settings: of which those that `takes` names count; the others are at their defaults.
    """

    form = "depthlm[:MODEL]"
    takes = (
        "device",
        "precision",
        "target_error",
        "working_short_side_px",
        "disparity",
        "depthlm",
    )

    model: str = DEFAULT_MODEL
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def from_text(cls, rest: str, settings: Settings) -> DepthLMSpec:
        """From "" or "MODEL". Raises `SettingsError` for a text that is no model's."""
        model = model_text(rest or DEFAULT_MODEL)
        require_model(model)
        return cls(model, Settings(**{name: getattr(settings, name) for name in cls.takes}))

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on; of a folder also its files' sizes and times."""
        chosen = self.settings
        disparity, asking = asdict(chosen.disparity), asdict(chosen.depthlm)
        del disparity["batch"]
        return {
            "method": "depthlm",
            **model_identity(self.model),
            "precision": chosen.precision,
            "target_error": chosen.target_error,
            "working_short_side_px": chosen.working_short_side_px,
            "disparity": disparity,
            **{
                name: asking[name]
                for name in ("questions", "question_round", "focal_px", "max_new_tokens")
            },
        }

    def prepare(self, progress: DownloadProgress, store: ModelStore | None = None) -> None:
        """Download the disparity model if it is not here; the model that is asked has to be.

        Raises `MissingPartError` where one of them is not, with the command that gets it.
        """
        from mfh.parts import LearnedParts  # noqa: PLC0415 - imports all stages

        answerer_weights(self.model, store)
        LearnedParts(self.settings, store, progress).prepare(["disparity"])

    def make(self, store: ModelStore | None = None) -> Estimator:
        """The estimator; a disparity model that is not here is downloaded."""
        from mfh.estimators.depthlm.estimator import DepthLM  # noqa: PLC0415 - imports all stages
        from mfh.parts import LearnedParts  # noqa: PLC0415

        answerer = open_model(self.model, self.settings, store)
        learned = LearnedParts(self.settings, store)
        learned.prepare(["disparity"])
        own = self.settings.depthlm
        return DepthLM(
            answerer,
            learned.disparity,
            questions=own.questions,
            question_round=own.question_round,
            target_error=self.settings.target_error,
            settings=self.settings,
        )

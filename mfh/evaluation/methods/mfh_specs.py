"""Metric from Human as a method to evaluate: with learned parts, simulated, or given the truth.

An oracle runs the relative model alone and fits the metric head to the truth (the paper's rows
"true depth" and "true disparity" of Tables 3 and 4): what the method could reach at most. The
robust head is for people, not for the truth of every pixel: an oracle has a loss of the paper.
Importing this imports no model library.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from mfh.errors import SettingsError
from mfh.evaluation.methods.base import Method, MethodSpec
from mfh.evaluation.methods.mfh_methods import LearnedMethod, OracleMethod, SimulatedMethod
from mfh.evaluation.methods.painting_key import OF_PARTS, depended_on
from mfh.models import DownloadProgress, ModelStore
from mfh.models.needs import resolved
from mfh.parts import LearnedParts, learned_stages
from mfh.settings import Settings
from mfh.simulation import SimulatedErrors

METHODS = ("mfh", "mfh:oracle", "simulated", "simulated:oracle")

_OF_ORACLES = (
    *("working_short_side_px", "head_method", "head_space", "fit_scale", "fit_offset"),
    *("disparity", "precision"),
)


def mfh_spec(
    text: str,
    settings: Settings | None = None,
    errors: SimulatedErrors | None = None,
    *,
    meshes: str = "",
    regressor: str = "",
) -> MethodSpec:
    """The method of a text: "mfh", "simulated", or of either the oracle, e.g. "mfh:oracle".

    settings: their seed is that of each case; None takes the default ones. What "auto" is in them
        is what it is here. An oracle has those of `oracle_settings`.
    errors: what simulated stages do wrong; the default strength where none are given.
    meshes, regressor: as in `MfhSpec`; simulated stages and oracles do without.

    Raises `SettingsError` for another text.
    """
    kind, _, variant = text.partition(":")
    if text not in METHODS:
        raise SettingsError(f"method {text!r} is unknown; there are {', '.join(METHODS)}")
    settings = settings or Settings()
    simulated = (errors or SimulatedErrors.default()) if kind == "simulated" else None
    if variant:
        return OracleSpec(oracle_settings(settings), simulated)
    if simulated is not None:
        return SimulatedSpec(settings, simulated)
    # Resolved once: on every machine that takes part it is the same.
    return MfhSpec(resolved(settings, ModelStore()), meshes, regressor)


def oracle_settings(settings: Settings) -> Settings:
    """The settings of an oracle: in place of the robust head the paper's SIlog."""
    robust = settings.head_method == "robust"
    return replace(settings, head_method="silog") if robust else settings


@dataclass(frozen=True)
class MfhSpec:
    """Metric from Human with learned parts.

    meshes: a folder that holds, for each photo, a folder of its name with the meshes of the people
        in its paintings, as `mfh.people.PeopleFiles` takes them; "" measures them.
    regressor: which mesh regressor that is not part of this project is to make them; "" is none.
    """

    settings: Settings
    meshes: str = ""
    regressor: str = ""
    needs_truth: ClassVar[bool] = False
    seeded: ClassVar[bool] = True

    def as_dict(self) -> dict[str, Any]:
        """Everything its predictions depend on besides the case."""
        files = {"people_from": self.meshes} if self.meshes else {}
        by = {"people_by": self.regressor} if self.regressor else {}
        return {"method": "mfh", "settings": depended_on(self.settings), **files, **by}

    @property
    def learned(self) -> tuple[str, ...]:
        """The stages that learned parts do, as `mfh.parts.LearnedParts` takes them."""
        return tuple(learned_stages(self.settings.paint, ["people"] if self.meshes else []))

    def prepare(self, progress: DownloadProgress) -> None:
        """Download the weights that are not here. Raises `MissingPartError` or `SettingsError`."""
        LearnedParts(self.settings, progress=progress).prepare(self.learned)

    def make(self) -> Method:
        """The method, whose weights are there afterwards.

        Raises `MissingPartError` or `SettingsError`.
        """
        return LearnedMethod(self)


@dataclass(frozen=True)
class SimulatedSpec:
    """Metric from Human with stand-ins for the learned parts, which know the truth."""

    settings: Settings
    errors: SimulatedErrors
    needs_truth: ClassVar[bool] = True
    seeded: ClassVar[bool] = True

    def as_dict(self) -> dict[str, Any]:
        """Everything its predictions depend on besides the case."""
        settings = depended_on(self.settings)
        own = {name: value for name, value in settings.items() if name not in OF_PARTS}
        return {"method": "simulated", "settings": own, "errors": self.errors.as_dict()}

    def prepare(self, progress: DownloadProgress) -> None:
        """Nothing is needed."""

    def make(self) -> Method:
        """The method."""
        return SimulatedMethod(self)


@dataclass(frozen=True)
class OracleSpec:
    """The relative model, and a metric head that is fitted to the truth.

    settings: with one of the paper's losses, see `oracle_settings`.
    errors: what a simulated relative model does wrong; None takes the learned one.
    """

    settings: Settings
    errors: SimulatedErrors | None = None
    needs_truth: ClassVar[bool] = True

    @property
    def seeded(self) -> bool:
        """Whether its result depends on the seed: that of a learned relative model does not."""
        return self.errors is not None

    @property
    def learned(self) -> tuple[str, ...]:
        """The stages that learned parts do."""
        return ("disparity",) if self.errors is None else ()

    @property
    def _name(self) -> str:
        return "mfh:oracle" if self.errors is None else "simulated:oracle"

    def as_dict(self) -> dict[str, Any]:
        """Everything its predictions depend on besides the case."""
        settings = depended_on(self.settings)
        names = [n for n in _OF_ORACLES if self.errors is None or n not in OF_PARTS]
        errors = {} if self.errors is None else {"errors": self.errors.as_dict()}
        return {"method": self._name, "settings": {n: settings[n] for n in names}, **errors}

    def prepare(self, progress: DownloadProgress) -> None:
        """Download the weights that are not here. Raises `MissingPartError` or `SettingsError`."""
        self._require_loss()
        LearnedParts(self.settings, progress=progress).prepare(self.learned)

    def make(self) -> Method:
        """The method. Raises `MissingPartError` or `SettingsError`."""
        self._require_loss()
        return OracleMethod(self)

    def _require_loss(self) -> None:
        if self.settings.head_method == "robust":
            raise SettingsError(
                f"{self._name}: the robust head is for people, not for the truth of every pixel; "
                "take one of the paper's losses: --set head_method=silog"
            )

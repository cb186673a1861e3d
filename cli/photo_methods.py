"""The methods that `mfh predict` has: Metric from Human, and the estimators."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from mfh.estimators.photo_estimator import PhotoEstimator
from mfh.estimators.spec import EstimatorSpec
from mfh.models import ModelStore
from mfh.parts import LearnedParts, learned_stages
from mfh.pipeline import MetricFromHuman
from mfh.records import Space
from mfh.settings import Settings

from .downloads import TerminalDownloads


class OwnMethod:
    """Metric from Human with the learned parts of settings, which all photos share.

    use: the path of each stage that files stand in for; of several photos they lie in folders named
        as the photos.
    """

    resumes = True

    def __init__(
        self,
        settings: Settings,
        store: ModelStore,
        use: Mapping[str, str],
        *,
        disparity_space: Space,
        known_distances: bool,
        several: bool,
    ) -> None:
        self._settings = settings
        self._use = use
        self._disparity_space = disparity_space
        self._known_distances = known_distances
        self._several = several
        self._learned = LearnedParts(settings, store, TerminalDownloads())
        self._stages = learned_stages(settings.paint, use, known_distances=known_distances)

    def prepare(self) -> None:
        """Download what is not here."""
        self._learned.prepare_for(
            self._settings.paint, self._use, known_distances=self._known_distances
        )

    def of(self, path: Path) -> MetricFromHuman:
        """The method for one photo."""
        own = {s: Path(p) / path.stem if self._several else Path(p) for s, p in self._use.items()}
        return MetricFromHuman.from_settings(
            self._settings,
            use=own,
            disparity_space=self._disparity_space,
            known_distances=self._known_distances,
            learned=self._learned,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say besides the results' own warnings."""
        return self._learned.notes(self._stages)


class OtherMethod:
    """An estimator, which all photos share."""

    notes: tuple[str, ...] = ()

    def __init__(self, spec: EstimatorSpec, settings: Settings, store: ModelStore) -> None:
        self._spec = spec
        self._settings = settings
        self._store = store

    @property
    def resumes(self) -> bool:
        """Whether an interrupted run goes on where it stopped."""
        return self._made.keeps_records

    def prepare(self) -> None:
        """Download what is not here."""
        _ = self._made

    def of(self, path: Path) -> PhotoEstimator:
        """The method for one photo: the same for each."""
        return self._made

    @cached_property
    def _made(self) -> PhotoEstimator:
        return PhotoEstimator.from_spec(
            self._spec, self._settings, self._store, TerminalDownloads()
        )

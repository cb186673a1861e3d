"""What names an estimator and makes it; importing this loads no model library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mfh.errors import SettingsError
from mfh.estimators.estimator import Estimator
from mfh.models import DownloadProgress, ModelStore, Weights
from mfh.models.catalogue import named_folder
from mfh.settings import Settings


class EstimatorSpec(ABC):
    """Which estimator, as a frozen dataclass of plain values that can be pickled and compared."""

    form: ClassVar[str]
    """How a text names it, e.g. "hub:MODEL"."""

    takes: ClassVar[tuple[str, ...]] = ("device", "precision")
    """The fields of `mfh.Settings` that it takes; the others are Metric from Human's alone."""

    @classmethod
    @abstractmethod
    def from_text(cls, rest: str, settings: Settings) -> EstimatorSpec | None:
        """The one that a text names, from what follows its kind; None where more must follow.

        rest: "MODEL" of "hub:MODEL", "@CLONE" of "metric3d@CLONE".
        settings: of which it takes its own.

        Raises `SettingsError` for what it does not have, and `InputError` for a folder that is not
        there.
        """

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Everything its predictions depend on besides the photo, as plain JSON values."""

    @abstractmethod
    def prepare(self, progress: DownloadProgress, store: ModelStore | None = None) -> None:
        """Download what it needs and is not here, telling of it, so that `make` finds it there.

        store: where models are kept; by default the user's own.

        Raises `MissingPartError`, `SettingsError` or `OutputError` where that cannot be done.
        """

    @abstractmethod
    def make(self, store: ModelStore | None = None) -> Estimator:
        """The estimator; weights that are not here are downloaded, and loaded at first use.

        Raises `MissingPartError`, `ModelError` or `SettingsError` where it cannot run here.
        """


def refuse_untaken(method: str, spec: EstimatorSpec, given: Mapping[str, str]) -> None:
    """Make sure that an estimator takes everything that it is given.

    method: the text that names it.
    given: what the user gave, in words of theirs ("--paintings"), and the setting that it is
        ("paintings"); of what is no setting the word itself.

    Raises `SettingsError` that names all it does not take.
    """
    untaken = [
        word
        for word, name in given.items()
        if name not in spec.takes and name.partition(".")[0] not in spec.takes
    ]
    if untaken:
        these, them = ("this", "it") if len(untaken) == 1 else ("these", "them")
        raise SettingsError(
            f"{', '.join(untaken)}: method {method!r} does not take {these}; leave {them} out, or "
            "have the photo measured by Metric from Human, the method 'mfh'"
        )


def model_identity(model: str) -> dict[str, Any]:
    """What tells a model from others, as plain JSON values: its text, and of a folder its files."""
    files = dict(Weights.local(model).identity) if named_folder(model) else {}
    return {"model": model, **files}

"""What the app predicts with: the learned parts, or simulated ones that need no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mfh.models.progress import DownloadProgress
from mfh.parts import LearnedParts, learned_stages
from mfh.pipeline import MetricFromHuman
from mfh.progress import Progress
from mfh.records import Intrinsics, Photo
from mfh.settings import Settings

if TYPE_CHECKING:
    from mfh.models import ModelStore
    from mfh.simulation import SimulatedErrors

DOWNLOAD = "download"
"""The stage under which downloads are told of."""

# A photo that nothing is known of is given an empty hall 5 m wide and 7 m long, seen from 1.5 m
# above its floor and tilted a little down, with a table and a cupboard for depth to differ at.
_HALL_M = (
    ((-2.5, -2.8, -0.5), (2.5, 0.0, 7.0)),
    ((-2.5, -0.75, 2.6), (-1.4, 0.0, 3.8)),
    ((1.7, -2.0, 4.6), (2.5, 0.0, 5.6)),
)
_EYE_M = (0.0, -1.5, 0.0)
_PITCH_DEG = 8.0


class Methods(Protocol):
    """Gives the method for a photo.

    settings: of a prediction, where the page changes nothing.
    notice: what the page must say before anything else; "" for nothing.
    """

    settings: Settings
    notice: str

    def method_for(
        self, photo: Photo, settings: Settings, *, known_distances: bool, progress: Progress
    ) -> MetricFromHuman:
        """The method to predict this photo with.

        settings: `self.settings`, with what the page changes.
        progress: is told of downloads, as stage `DOWNLOAD`.

        Raises `MissingPartError` where weights are missing that cannot be downloaded.
        """
        ...

    def notes(self, settings: Settings, *, known_distances: bool) -> tuple[str, ...]:
        """What the user should know about the parts, in sentences."""
        ...

    def extras(self) -> dict[str, Any]:
        """What `write_results` is to be told besides the prediction."""
        ...


class LearnedMethods:
    """The learned parts that settings name; models stay loaded from one prediction to the next."""

    notice = ""

    def __init__(self, settings: Settings, store: ModelStore | None = None) -> None:
        self.settings = settings
        self._downloads = _ToldDownloads()
        self._learned = LearnedParts(settings, store, self._downloads)

    def method_for(
        self, photo: Photo, settings: Settings, *, known_distances: bool, progress: Progress
    ) -> MetricFromHuman:
        """The learned method, as `Methods` says."""
        self._downloads.progress = progress
        return MetricFromHuman.from_settings(
            settings, known_distances=known_distances, learned=self._learned
        )

    def notes(self, settings: Settings, *, known_distances: bool) -> tuple[str, ...]:
        """How "auto" was understood."""
        stages = learned_stages(settings.paint, {}, known_distances=known_distances)
        return self._learned.notes(stages)

    def extras(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


class SimulatedMethods:
    """Simulated parts: the demo room with its true depth, any other photo with an invented one.

    errors: what the simulated parts do wrong; by default what is usual of learned ones.
    """

    notice = (
        "Simulated: no model looks at your photo. Stand-ins paint drawn figures, and depth is that "
        "of an invented hall (of the demo room, its own true depth). Use these metres for nothing."
    )

    def __init__(self, settings: Settings, errors: SimulatedErrors | None = None) -> None:
        from mfh.simulation import SimulatedErrors  # noqa: PLC0415 - only where it is simulated

        self.settings = settings
        self.errors = errors or SimulatedErrors.strength("default")

    def method_for(
        self, photo: Photo, settings: Settings, *, known_distances: bool, progress: Progress
    ) -> MetricFromHuman:
        """A method of parts that know a truth, as `Methods` says."""
        from mfh.simulation import SimulatedWorld, simulated_parts  # noqa: PLC0415

        world = SimulatedWorld(photo, truth_of(photo), self.errors, settings.seed)
        return MetricFromHuman(**simulated_parts(world), settings=settings)

    def notes(self, settings: Settings, *, known_distances: bool) -> tuple[str, ...]:
        """Nothing: the notice says it."""
        return ()

    def extras(self) -> dict[str, Any]:
        """How wrong the stand-ins were told to be."""
        return {"simulated_errors": self.errors.as_dict()}


def truth_of(photo: Photo) -> NDArray[np.float32]:
    """The depth (H, W) in metres that simulated parts take for a photo's truth.

    Of the demo room its own; of any other photo that of an invented hall, seen by its camera.
    """
    from mfh.simulation import load_demo_scene  # noqa: PLC0415

    demo, depth_m = load_demo_scene()
    return depth_m if np.array_equal(photo.image, demo.image) else _hall_depth_m(photo.camera)


def _hall_depth_m(camera: Intrinsics) -> NDArray[np.float32]:
    from mfh.simulation.rooms import Boxes  # noqa: PLC0415

    hall = Boxes(np.array(_HALL_M), np.array(_EYE_M), yaw=0.0, pitch=float(np.radians(_PITCH_DEG)))
    return hall.depth_m(camera)


class _ToldDownloads(DownloadProgress):
    """Downloads, told of as a stage of whichever prediction waits for them."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._total: int | None = None
        self._here = 0
        self._told = ""

    def start(self, name: str, total_bytes: int | None, present_bytes: int) -> None:
        self._total, self._here = total_bytes, present_bytes
        self.progress.start(DOWNLOAD, 0)

    def advance(self, name: str, count_bytes: int) -> None:
        self._here += count_bytes
        gigabytes = f"{self._here / 1e9:.2f}"
        of_all = f" of {self._total / 1e9:.2f}" if self._total else ""
        told = f"{name}: {gigabytes}{of_all} GB"
        if told != self._told:
            self._told = told
            self.progress.remark(DOWNLOAD, told)

    def finish(self, name: str) -> None:
        self.progress.finish(DOWNLOAD, f"{name} is here")

    def say(self, message: str) -> None:
        self.progress.remark(DOWNLOAD, message)

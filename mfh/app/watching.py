"""A prediction that is watched from another thread, and can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mfh.progress import Progress
from mfh.records import PaintingPlan, Photo
from mfh.runs.stage_runner import part_name
from mfh.stages import Painter

T = TypeVar("T")

_LOOK_EVERY_S = 0.3


class Stopped(Exception):  # noqa: N818 - what the user asked for is no error
    """The user stopped a prediction."""


@dataclass(frozen=True)
class StageState:
    """How far a stage is; `note` is what there is to say of it."""

    name: str
    done: int = 0
    total: int = 0
    note: str = ""
    finished: bool = False


class Watch(Progress):
    """What a run says, for another thread to look at; it raises `Stopped` once that is wanted.

    show_painting: is called with the name and the image (H, W, 3) of each photo as it is painted.
    """

    def __init__(self, show_painting: Callable[[str, NDArray[np.uint8]], None]) -> None:
        self.show_painting = show_painting
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._stages: dict[str, StageState] = {}

    @property
    def stages(self) -> tuple[StageState, ...]:
        """The stages so far, in the order in which they began."""
        with self._lock:
            return tuple(self._stages.values())

    def stop(self) -> None:
        """Let the run end at the next thing it says."""
        self._stop.set()

    def start(self, stage: str, total: int) -> None:
        """See `Progress`."""
        self._set(stage, total=total, finished=False)

    def advance(self, stage: str) -> None:
        """See `Progress`."""
        self._set(stage, more=1)

    def remark(self, stage: str, words: str) -> None:
        """See `Progress`."""
        self._set(stage, note=words)

    def finish(self, stage: str, note: str) -> None:
        """See `Progress`."""
        if note not in ("", "computed"):
            self._set(stage, note=note)
        self._set(stage, finished=True)

    def _set(self, stage: str, more: int = 0, **changes: Any) -> None:
        if self._stop.is_set():
            raise Stopped
        with self._lock:
            before = self._stages.get(stage, StageState(stage))
            self._stages[stage] = replace(before, done=before.done + more, **changes)


class WatchedPainter:
    """A painter that shows each photo as it is painted, and is the same one otherwise."""

    def __init__(self, painter: Painter, watch: Watch) -> None:
        self.name = part_name(painter)
        self.fingerprint = getattr(painter, "fingerprint", None)
        self.device = getattr(painter, "device", "")
        self.at_once = getattr(painter, "at_once", 1)
        self._painter = painter
        self._watch = watch

    def paint(self, photo: Photo, plan: PaintingPlan) -> Iterator[NDArray[np.uint8]]:
        """See `mfh.stages.Painter`."""
        for name, image in zip(plan.names, self._painter.paint(photo, plan), strict=False):
            self._watch.show_painting(name, image)
            yield image


def watched(work: Callable[[], T], watch: Watch) -> Generator[None, None, T]:
    """Do work in another thread; yield now and then while it goes on, and return its result.

    Whoever stops to look at it stops it. Raises what the work raises.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(work)
        try:
            while not wait([future], timeout=_LOOK_EVERY_S).done:
                yield
            return future.result()
        finally:
            watch.stop()

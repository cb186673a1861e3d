"""How a run tells its caller what it is doing."""

from __future__ import annotations


class Progress:
    """Receives a run's progress; the base class ignores it.

    For each stage there is `start`, any number of `advance`, and `finish`. A run that paints in
    rounds comes back to a stage: `start` is called again, with what the stage has done before
    counted in, and `finish` when it is done for good. A subclass draws bars, writes a log, or
    raises to stop the run.
    """

    def start(self, stage: str, total: int) -> None:
        """`stage` begins or goes on; in all it will have advanced `total` times."""

    def advance(self, stage: str) -> None:
        """One unit of `stage` is done."""

    def remark(self, stage: str, words: str) -> None:
        """What there is to say of `stage` while it goes on, e.g. "of at most 32"."""

    def finish(self, stage: str, note: str) -> None:
        """`stage` ended; `note` says how, e.g. "reused" or "recomputed: settings changed"."""

    def warn(self, message: str) -> None:
        """Something the user should know, in a sentence."""


class Within(Progress):
    """Passes on what there is to tell of a part of a stage, but for its beginning and its end.

    A warning is passed on once, whatever the number of parts.
    """

    def __init__(self, whole: Progress) -> None:
        self._whole = whole
        self._warned: set[str] = set()

    def advance(self, stage: str) -> None:
        """Pass it on."""
        self._whole.advance(stage)

    def remark(self, stage: str, words: str) -> None:
        """Pass it on."""
        self._whole.remark(stage, words)

    def warn(self, message: str) -> None:
        """Pass it on, if it is new."""
        if message not in self._warned:
            self._warned.add(message)
            self._whole.warn(message)

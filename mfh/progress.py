"""How a run tells its caller what it is doing."""

from __future__ import annotations


class Progress:
    """Receives a run's progress; the base class ignores it.

    Stages come one after the other: `start`, any number of `advance`, `finish`. A subclass draws
    bars, writes a log, or raises to stop the run.
    """

    def start(self, stage: str, total: int) -> None:
        """`stage` begins; it will advance `total` times."""

    def advance(self, stage: str) -> None:
        """One unit of `stage` is done."""

    def finish(self, stage: str, note: str) -> None:
        """`stage` ended; `note` says how, e.g. "reused" or "recomputed: settings changed"."""

    def warn(self, message: str) -> None:
        """Something the user should know, in a sentence."""

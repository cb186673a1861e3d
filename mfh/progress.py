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

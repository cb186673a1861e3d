"""What asking looks like in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from .terminal import TerminalProgress


class AskingProgress(TerminalProgress):
    """A bar over the questions, which vanishes; keeps what there is to warn of.

    warnings: what there is to warn of before anything is asked.
    """

    def __init__(self, warnings: Sequence[str] = ()) -> None:
        super().__init__(transient=True)
        self.warnings = list(warnings)

    def warn(self, message: str) -> None:
        """Keep a warning."""
        self.warnings.append(message)

    def finish(self, stage: str, note: str) -> None:
        """Fill the bar; the table says the rest."""
        super().finish(stage, "")

"""What asking looks like in the terminal."""

from __future__ import annotations

from mfh.camera import assumption_warning
from mfh.records import Photo

from .terminal import TerminalProgress


class AskingProgress(TerminalProgress):
    """A bar over the questions, which vanishes; keeps what there is to warn of.

    photo: what is asked about; an assumed camera is warned of.
    """

    def __init__(self, photo: Photo) -> None:
        super().__init__(transient=True)
        assumed = photo.camera.source == "assumed"
        self.warnings = [assumption_warning(photo.camera)] if assumed else []

    def warn(self, message: str) -> None:
        """Keep a warning."""
        self.warnings.append(message)

    def finish(self, stage: str, note: str) -> None:
        """Fill the bar; the table says the rest."""
        super().finish(stage, "")

"""How getting models tells its caller what it is doing."""

from __future__ import annotations


class DownloadProgress:
    """Receives the progress of downloads; the base class ignores it.

    Files come one after the other: `start`, any number of `advance`, `finish`. A file that has to
    be begun again is started again.
    """

    def start(self, name: str, total_bytes: int | None, present_bytes: int) -> None:
        """File `name` begins; `present_bytes` of it are here from before; None is unknown."""

    def advance(self, name: str, count_bytes: int) -> None:
        """So many more bytes of `name` are here."""

    def finish(self, name: str) -> None:
        """`name` is whole, and verified."""

    def say(self, message: str) -> None:
        """Something the user should know, in a sentence."""

"""The photos of a training that could not be read, and in whose place others were asked about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mfh.errors import InputError
from mfh.files import output_error
from mfh.files.reading import read_text_file

# A few are of no account among many; where more are, something is wrong with all of them.
_MOST, _MOST_SHARE = 100, 0.01


class UnreadablePhotos:
    """A text file with a line for each, what is wrong with it; all processes add to it.

    photos: how many are trained on; more than 100 or 1 % of them, whichever is more, may not be
        unreadable.
    """

    def __init__(self, path: Path, photos: int) -> None:
        self.path = path
        self._photos = photos

    def count(self) -> int:
        """How many are noted, whichever process found them. Raises `InputError`."""
        return len(self._lines())

    def add(self, found: Sequence[str]) -> None:
        """Note what is wrong with photos; what is noted already stays as it is.

        Raises `InputError` where they are too many, and `OutputError`.
        """
        lines, known = [" ".join(text.split()) for text in found], self._lines()
        new = [line for line in dict.fromkeys(lines) if line not in known]
        if not new:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in new))
        except OSError as error:
            raise output_error("write", self.path, error) from error
        count = self.count()
        if count > max(_MOST, _MOST_SHARE * self._photos):
            raise InputError(
                f"{count} of {self._photos} photos cannot be read, as {self.path} lists; the last "
                f"is {new[-1]}; restore them, remove that list, and run the same command again"
            )

    def _lines(self) -> set[str]:
        return set(read_text_file(self.path).splitlines()) if self.path.is_file() else set()

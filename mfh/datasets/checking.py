"""What the checks of all data sets say in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_MISSING_SHOWN = 5


def count_line(found: int, expected: int) -> str:
    """How many photos are complete, in words."""
    return f"{found} of {expected} photos are there with all that belongs to them"


def missing_lines(missing: Mapping[str, str], root: Path, word: str = "missing") -> list[str]:
    """The first few missing files, and how many more there are.

    word: what is said of each of them.
    """
    shown = [f"  {word}: {_below(path, root)}" for path in list(missing.values())[:_MISSING_SHOWN]]
    more = len(missing) - len(shown)
    return [*shown, *([f"  and {more} more"] if more else [])]


def _below(path: str, root: Path) -> str:
    try:
        return Path(path).relative_to(root).as_posix()
    except ValueError:
        return path

"""Words of what commands print."""

from __future__ import annotations

NO_NUMBER = "\N{EN DASH}"
"""What stands in a table where there is no number."""


def counted(number: int, noun: str) -> str:
    """So many of a thing whose plural ends in s: "1 step", "2 steps"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

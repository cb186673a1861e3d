"""The documents' pages, the commands and the Python in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
PAGES = (REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md")))

_COMMANDS = ("", "bash", "sh", "text")
_PLACEHOLDER = re.compile(r"(?<![a-z])[A-Z][A-Z0-9_]+\b")


@dataclass(frozen=True)
class Block:
    """A block of code: its language and text."""

    language: str
    text: str

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """The words of each `mfh` command in it."""
        if self.language not in _COMMANDS:
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        # What a line chains with others, such as an installation, is not mfh's.
        own = (each.strip() for line in lines for each in line.split("&&"))
        return [
            tuple(shlex.split(each, comments=True)[1:]) for each in own if each.startswith("mfh ")
        ]


def name_of(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(REPOSITORY).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """A page's blocks of code, in order."""
    text = page.read_text("utf-8")
    return [Block(*found) for found in re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.M | re.S)]


def commands_of(page: Path) -> list[tuple[str, ...]]:
    """The words of the `mfh` commands in a page's blocks."""
    return [words for block in blocks_of(page) for words in block.commands]


def inline_code_of(page: Path) -> list[str]:
    """The code within a page's sentences and tables."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    return [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]


def has_placeholder(words: tuple[str, ...]) -> bool:
    """Whether a command has a word to be filled in, such as DIR."""
    return any(_PLACEHOLDER.search(word) for word in words)

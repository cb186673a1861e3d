"""How the project's docstrings read in the API reference: fields become a list.

In the source a field is a line of a paragraph, its continuation indented:

    image: (H, W, 3) uint8 RGB, orientation applied.
    source, note: where they come from, and the details
        in words.

Markdown would run such lines together. `mkdocs.yml` names this file as an extension of Griffe,
which reads the docstrings for mkdocstrings.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_FIELD = re.compile(
    r"(?P<names>\*{0,2}[a-z]\w*(?:, \*{0,2}[a-z]\w*)*(?: and [a-z]\w*)?): (?P<text>.+)"
)


def with_listed_fields(docstring: str) -> str:
    """Make list entries of the fields of a docstring; all else stays."""
    return "\n\n".join(_listed(part) for part in re.split(r"\n{2,}", docstring))


def _listed(paragraph: str) -> str:
    """A paragraph with its fields as a list, if it begins with one and has nothing else."""
    lines = paragraph.split("\n")
    if not _FIELD.fullmatch(lines[0]):
        return paragraph
    entries: list[str] = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found:
            entries.append(f"- `{found['names']}`: {found['text']}")
        elif line.startswith(" "):
            entries[-1] += f" {line.strip()}"
        else:
            return paragraph
    return "\n".join(entries)


class DocstringFields(Extension):
    """Turns the fields of every docstring into a list as it is read."""

    def on_object(self, *, obj: Object, **_options: Any) -> None:
        """Rewrite an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = with_listed_fields(obj.docstring.value)

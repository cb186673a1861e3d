"""An evaluation run as one HTML page that needs nothing else.

Tables, charts and the worst and best photos, readable on a phone, in the dark and on paper.
"""

from __future__ import annotations

from pathlib import Path

from mfh.evaluation.page.contents import page_html
from mfh.evaluation.scoring.results import Results
from mfh.files import write_text

__all__ = ["write_page"]

PAGE_NAME = "page.html"


def write_page(results: Results, *, shown: int = 6) -> Path:
    """Write `page.html` into the folder of a run, and return its path.

    shown: how many of each row's worst and best photos, and of those that the rows differ most in,
        are shown.

    What of the run or the data set cannot be read is left out, and the page says so. Raises
    `OutputError`.
    """
    path = results.run.folder / PAGE_NAME
    write_text(path, page_html(results, shown))
    return path

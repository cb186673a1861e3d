"""An evaluation run as one HTML page that needs nothing else.

Tables, charts and the worst and best photos, readable on a phone, in the dark and on paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mfh.evaluation.datasets.base import DataSet
from mfh.evaluation.page.contents import page_html
from mfh.evaluation.run_file import RunInfo
from mfh.evaluation.scores import PhotoScore
from mfh.files import write_text

__all__ = ["write_page"]

PAGE_NAME = "page.html"


def write_page(
    run: RunInfo, scores: Sequence[PhotoScore], data_set: DataSet, *, shown: int = 6
) -> Path:
    """Write `page.html` into the folder of a run, and return its path.

    scores: those of the run. shown: how many of each row's worst and best photos, and of those
        that the rows differ most in, are shown.

    What of the run or the data set cannot be read is left out, and the page says so. Raises
    `InputError` where the data set's folder is not laid out as it should be, and `OutputError`.
    """
    path = run.folder / PAGE_NAME
    write_text(path, page_html(run, scores, data_set, shown))
    return path

"""A result as one HTML page that needs nothing else: to look at, to measure in, to print.

Matplotlib is loaded when a report is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mfh.files import make_folder, write_text
from mfh.records import MetricDepth, Photo
from mfh.results.report.contents import report_html
from mfh.results.report.subject import Subject

__all__ = ["REPORT_NAME", "write_report"]

REPORT_NAME = "report.html"


def write_report(folder: str | Path, photo: Photo, result: MetricDepth, **records: Any) -> Path:
    """Write `report.html` into a folder, which is made where it is not there; returns its path.

    records: the fields of `mfh.results.report.subject.Subject`, as far as they are known.

    Raises `OutputError`.
    """
    path = make_folder(folder) / REPORT_NAME
    write_text(path, report_html(Subject(photo, result, **records)))
    return path

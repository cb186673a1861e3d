"""Painting people into a photo.

Which strips are repainted, asked for by which prompt and seed; the diffusion models that paint, and
painted photos from files. `DiffusionPainter` is imported when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from mfh.painting.from_files import PaintedFiles
from mfh.painting.strips import plan_paintings, strip_share

if TYPE_CHECKING:
    from mfh.painting.diffusion import DiffusionPainter

__all__ = ["DiffusionPainter", "PaintedFiles", "plan_paintings", "strip_share"]


def __getattr__(name: str) -> Any:
    if name == "DiffusionPainter":
        from mfh.painting.diffusion import DiffusionPainter  # noqa: PLC0415 - circular

        return DiffusionPainter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

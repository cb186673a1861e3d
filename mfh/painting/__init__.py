"""Painting people into a photo.

Which strips are repainted, asked for by which prompt and seed; the diffusion models that paint, and
painted photos from files. Importing this imports no model library.
"""

from mfh.painting.diffusion import DiffusionPainter
from mfh.painting.from_files import PaintedFiles
from mfh.painting.strips import plan_paintings, strip_share

__all__ = ["DiffusionPainter", "PaintedFiles", "plan_paintings", "strip_share"]

"""Painting people into a photo.

Which strips are repainted, asked for by which prompt and seed; and painted photos from files.
"""

from mfh.painting.from_files import PaintedFiles
from mfh.painting.strips import plan_paintings, strip_share

__all__ = ["PaintedFiles", "plan_paintings", "strip_share"]

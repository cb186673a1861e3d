"""Relative disparity.

Aligning the painted photos' to the photo's, bringing it back to full size, and reading it from
files.
"""

from mfh.disparity.alignment import NOT_POSITIVE, NOTHING_TO_ALIGN, align, align_painted
from mfh.disparity.from_files import DisparityFiles
from mfh.disparity.upsampling import upsample

__all__ = [
    "NOTHING_TO_ALIGN",
    "NOT_POSITIVE",
    "DisparityFiles",
    "align",
    "align_painted",
    "upsample",
]

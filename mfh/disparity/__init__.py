"""Relative disparity.

Estimating it, aligning the painted photos' to the photo's, bringing it back to full size, and
reading it from files. Importing this imports no model library.
"""

from mfh.disparity.alignment import (
    NOT_POSITIVE,
    NOTHING_TO_ALIGN,
    align,
    align_painted,
    unaligned,
)
from mfh.disparity.choosing import disparity_model
from mfh.disparity.from_files import DisparityFiles
from mfh.disparity.marigold import MarigoldDisparity
from mfh.disparity.transformers_disparity import TransformersDisparity
from mfh.disparity.upsampling import upsample

__all__ = [
    "NOTHING_TO_ALIGN",
    "NOT_POSITIVE",
    "DisparityFiles",
    "MarigoldDisparity",
    "TransformersDisparity",
    "align",
    "align_painted",
    "disparity_model",
    "unaligned",
    "upsample",
]

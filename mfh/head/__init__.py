"""The metric head: the two numbers that turn relative disparity into metres.

`fit` works on arrays; `LandmarkHead` is the stage that works on records.
"""

from mfh.head.expectations import Expectations
from mfh.head.fitting import fit
from mfh.head.landmark_head import LandmarkHead

__all__ = ["Expectations", "LandmarkHead", "fit"]

"""Comparing depth with measured truth in the metrics of the field, over whole data sets.

`mfh.datasets` give photos and truth, `methods` predict them by `engines` into `runs`; `scoring`
compares what is there with the truth, `tables` and `page` show it. `consistency` compares frames of
a drive and objects of a photo with each other.
"""

from mfh.evaluation.against_truth import errors_against_truth
from mfh.evaluation.metrics import depth_errors

__all__ = ["depth_errors", "errors_against_truth"]

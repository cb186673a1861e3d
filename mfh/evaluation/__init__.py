"""Comparing depth with measured truth in the metrics of the field."""

from mfh.evaluation.against_truth import errors_against_truth
from mfh.evaluation.metrics import depth_errors

__all__ = ["depth_errors", "errors_against_truth"]

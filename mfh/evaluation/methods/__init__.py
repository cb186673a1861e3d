"""What is evaluated: this project's method, its rivals, oracles, saved predictions.

Also the rows of the paper's tables. `base` says what a method is.
"""

from mfh.evaluation.methods.base import Case, Method, MethodSpec, Row

__all__ = ["Case", "Method", "MethodSpec", "Row"]

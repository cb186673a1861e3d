"""Where predictions are computed: in this process, or by the workers of a Ray cluster.

`base` says what an engine is; both give the same results.
"""

from mfh.evaluation.engines.base import Engine, Outcome, Task

__all__ = ["Engine", "Outcome", "Task"]

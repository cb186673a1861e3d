"""Having a GPU add in a fixed order, so that a training that goes on comes to the same result.

Importing this module imports torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic() -> Iterator[None]:
    """Compute by deterministic algorithms; PyTorch warns where an operation has none.

    cuBLAS reads its workspace, which it needs for that, from the environment when it is first used:
    a program that has multiplied on a GPU before has to set `CUBLAS_WORKSPACE_CONFIG` itself.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)

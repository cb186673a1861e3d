"""What a launcher such as `accelerate launch` tells the processes that it starts."""

from __future__ import annotations

import os


def processes() -> int:
    """How many share the training."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this is the one of them that reports."""
    return os.environ.get("RANK", "0") == "0"

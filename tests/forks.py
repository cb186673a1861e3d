"""Processes that are forked from one that has imported what takes seconds, and computed nothing."""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial

import torch

from mfh.training.progress import TrainingProgress


class KilledAt(TrainingProgress):
    """Kills its process after a step."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        if done == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def forked(work: Callable[[], object]) -> int:
    """The process that does it; it ends with status 1 where that fails."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        torch.set_num_threads(1)
        work()
        status = 0
    except BaseException:  # or the child would go on as its parent
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)


def require_killed(work: Callable[[], object]) -> None:
    """Do it in a process, which it has to kill."""
    _, status = os.waitpid(forked(work), 0)
    assert os.WIFSIGNALED(status), status


def in_processes(work: Callable[[int], object], count: int = 2) -> list[int]:
    """Do it in processes that know of each other, as `accelerate launch` does; how each ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    usual = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }

    def of_rank(rank: int) -> None:
        os.environ.update({**usual, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        work(rank)

    children = [forked(partial(of_rank, rank)) for rank in range(count)]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

"""Trainings of DepthLM that two processes share, for the tests.

    python shared_depthlm.py LABELS BASE COPIED SHARDED

In COPIED each process has all weights, in SHARDED a half of them (FSDP). Both are stopped once, and
go on. They are forked from one process that has imported what takes seconds, and has computed
nothing.
"""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import accelerate.state as accelerate_state
import torch
from accelerate.utils import DistributedType
from killed_depthlm import forked

from mfh.estimators.depthlm.training.labelled import labelled_files
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.training.steps import OrderedTrainer
from mfh.estimators.depthlm.training.training import train
from mfh.models import Weights
from mfh.training.progress import TrainingProgress

SETTINGS = TrainingSettings(epochs=9, steps=5, batch=4, learning_rate=1e-3, max_gradient_norm=1.0)
PROCESSES = 2
# What `accelerate launch` sets.
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT",
}


STOPPED = 17


class StoppedAt(TrainingProgress):
    """Ends its process after a step, the one that reports; the others lose it, and fail."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        if done == self.at:
            os._exit(STOPPED)


def allow_sharding_on_cpu() -> None:
    """Have Accelerate take the CPU for a GPU: it shards on those alone, torch does on both."""
    begin = accelerate_state.PartialState.__init__

    def begin_as_gpus(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        if self._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
            self._shared_state["distributed_type"] = DistributedType.MULTI_XPU

    accelerate_state.PartialState.__init__ = begin_as_gpus


def require_sharded() -> None:
    """Fail where a process of a sharded training holds more than about its part of the weights."""
    step = OrderedTrainer.training_step

    def checked(self: OrderedTrainer, model: Any, *args: Any, **kwargs: Any) -> Any:
        assert self.is_fsdp_enabled
        here = sum(each.to_local().numel() for each in model.parameters())
        whole = sum(each.numel() for each in model.parameters())
        assert here < 0.6 * whole, (here, whole)
        return step(self, model, *args, **kwargs)

    OrderedTrainer.training_step = checked  # type: ignore[method-assign]


def in_processes(work: Callable[[int], object]) -> list[int]:
    """Do it in processes that know of each other; how each ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    size = str(PROCESSES)
    usual = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "WORLD_SIZE": size,
        "LOCAL_WORLD_SIZE": size,
    }

    def of_rank(rank: int) -> None:
        os.environ.update({**usual, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        try:
            work(rank)
        except RuntimeError:
            traceback.print_exc()
            os._exit(1)

    children = [forked(partial(of_rank, rank)) for rank in range(PROCESSES)]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def main() -> None:
    torch.set_num_threads(1)
    labels, base, copied, sharded = map(Path, sys.argv[1:])
    files, weights = labelled_files([labels]), Weights.local(base)

    def share(run: Path, stop_at: int, rank: int) -> None:
        if run == sharded:
            os.environ.update(FSDP)
            allow_sharding_on_cpu()
            require_sharded()
        progress = StoppedAt(stop_at) if stop_at else None
        trained = train(
            files, weights, run, SETTINGS, device="cpu", save_every=2, progress=progress
        )
        assert trained.main == (rank == 0)

    for run in (copied, sharded):
        ends = in_processes(partial(share, run, 3))
        assert ends[0] == STOPPED, ends
        ends = in_processes(partial(share, run, 0))
        assert set(ends) == {0}, ends


if __name__ == "__main__":
    main()

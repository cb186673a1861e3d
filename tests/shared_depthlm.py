"""Trainings of DepthLM that two processes share, for the tests.

    python shared_depthlm.py LABELS BASE COPIED SHARDED

In COPIED each process has all weights, in SHARDED a half of them (FSDP). Both are stopped once, and
go on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import accelerate.state as accelerate_state
import torch
from accelerate.utils import DistributedType
from forks import in_processes

from mfh.estimators.depthlm.training.labelled import labelled_files
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.training.steps import OrderedTrainer
from mfh.estimators.depthlm.training.training import train
from mfh.models import Weights
from mfh.training.progress import TrainingProgress

SETTINGS = TrainingSettings(epochs=9, steps=5, batch=4, learning_rate=1e-3, max_gradient_norm=1.0)
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


def delay_writing() -> None:
    """Have this process be late with its part of a checkpoint."""
    write = OrderedTrainer._save_rng_state

    def late(self: OrderedTrainer, folder: str) -> None:
        time.sleep(0.5)
        write(self, folder)

    OrderedTrainer._save_rng_state = late  # type: ignore[method-assign]


def main() -> None:
    torch.set_num_threads(1)
    labels, base, copied, sharded = map(Path, sys.argv[1:])
    files, weights = labelled_files([labels]), Weights.local(base)

    def share(run: Path, stop_at: int, rank: int) -> None:
        if run == sharded:
            os.environ.update(FSDP)
            allow_sharding_on_cpu()
            require_sharded()
        elif stop_at and rank:
            delay_writing()
        settings = replace(SETTINGS, stored="bfloat16") if run == sharded else SETTINGS
        progress = StoppedAt(stop_at) if stop_at else None
        trained = train(
            files, weights, run, settings, device="cpu", save_every=2, progress=progress
        )
        assert trained.main == (rank == 0)

    for run in (copied, sharded):
        ends = in_processes(partial(share, run, 3))
        assert ends[0] == STOPPED, ends
        said = json.loads((run / "checkpoints/checkpoint-2/complete.json").read_text())["bytes"]
        assert {"rng_state_0.pth", "rng_state_1.pth"} <= said.keys()
        assert (run != sharded) or any(name.startswith("optimizer_0/__1") for name in said), said
        ends = in_processes(partial(share, run, 0))
        assert set(ends) == {0}, ends


if __name__ == "__main__":
    main()

"""Trainings in processes of their own, for the tests: killed ones, and two that share batches.

    python forked_trainings.py ROOMS CLIPSEG KILLED SHARED

They are forked from one process that has imported what takes seconds, and has computed nothing.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

# Loaded late, each process would import these again, for four seconds.
from transformers import CLIPSegForImageSegmentation, ViTImageProcessor  # noqa: F401

import mfh.training.checkpoint as checkpoint_module
from mfh.datasets import open_data_set
from mfh.estimators.clip2depth.training.data import TrainingData
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.estimators.clip2depth.training.training import train
from mfh.models import Weights
from mfh.training.photos import TrainingPhotos
from mfh.training.progress import TrainingProgress


class KilledAt(TrainingProgress):
    """Kills its process within an epoch, before a step is in any checkpoint."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        if done == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def killed_writing(number: int) -> None:
    """Have this process killed when half of a checkpoint is written."""
    save, write, count = checkpoint_module.save, Path.write_bytes, [0]

    def counted(tensors: Any, metadata: Any) -> bytes:
        count[0] += 1
        return save(tensors, metadata)

    def half(path: Path, content: Any) -> int:
        if count[0] < number:
            return write(path, content)
        write(path, content[:1000])
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    checkpoint_module.save = counted
    Path.write_bytes = half  # type: ignore[method-assign]


def forked(work: Callable[[], object]) -> int:
    """The process that does it."""
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    work()
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    rooms, clipseg, killed, shared = map(Path, sys.argv[1:])
    data_set = open_data_set("folder", rooms, max_m=12.0)
    samples = data_set.samples()
    data = TrainingData(
        data_set, TrainingPhotos(data_set, samples[:7]), TrainingPhotos(data_set, samples[7:])
    )
    base, settings = Weights.local(clipseg), TrainingSettings(epochs=2, batch=2)

    def to_be_killed(progress: TrainingProgress) -> None:
        train(data, base, killed, settings, checkpoint_s=0, progress=progress)

    def to_be_killed_writing() -> None:
        killed_writing(5)  # after step 4, in the second epoch
        to_be_killed(TrainingProgress())

    for work in (lambda: to_be_killed(KilledAt(2)), to_be_killed_writing):
        _, status = os.waitpid(forked(work), 0)
        assert os.WIFSIGNALED(status), status

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
    address["OMP_NUM_THREADS"] = "1"

    def sharing(rank: int) -> None:
        here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
        os.environ.update({**address, **{name: str(value) for name, value in here.items()}})
        trained = train(data, base, shared, settings, device="cpu")
        assert trained.main == (rank == 0)

    for child in [forked(lambda rank=rank: sharing(rank)) for rank in range(2)]:  # type: ignore[misc]
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, status


if __name__ == "__main__":
    main()

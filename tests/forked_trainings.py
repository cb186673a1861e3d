"""Trainings in processes of their own, for the tests: killed ones, and two that share batches.

python forked_trainings.py ROOMS CLIPSEG KILLED SHARED
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from forks import KilledAt, in_processes, require_killed

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

    require_killed(lambda: to_be_killed(KilledAt(2)))  # before a step is in any checkpoint
    require_killed(to_be_killed_writing)

    def sharing(rank: int) -> None:
        trained = train(data, base, shared, settings, device="cpu")
        assert trained.main == (rank == 0)

    assert in_processes(sharing) == [0, 0]


if __name__ == "__main__":
    main()

"""A training of DepthLM that is killed twice, in processes of its own, for the tests.

    python killed_depthlm.py LABELS BASE RUN

It is forked from a process that has imported what takes seconds, and has computed nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import mfh.estimators.depthlm.training.steps as steps_module
from mfh.estimators.depthlm.training.labelled import labelled_files
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.training.training import train
from mfh.models import Weights
from mfh.training.progress import TrainingProgress

SETTINGS = TrainingSettings(epochs=9, steps=5, batch=2, learning_rate=1e-3, max_gradient_norm=1.0)


class KilledAt(TrainingProgress):
    """Kills its process after a step."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        if done == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def killed_before(path: str) -> None:
    """Have this process killed when it is about to say that a checkpoint is whole."""

    def kill(there: Any, value: Any) -> None:
        assert there.parent.name == path
        os.kill(os.getpid(), signal.SIGKILL)

    steps_module.write_json = kill


def forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    work()
    os._exit(0)


def main() -> None:
    labels, base, run = map(Path, sys.argv[1:])
    files, weights = labelled_files([labels]), Weights.local(base)

    def run_until(progress: TrainingProgress) -> None:
        train(files, weights, run, SETTINGS, device="cpu", save_every=2, progress=progress)

    def writing_a_checkpoint() -> None:
        killed_before("checkpoint-4")
        run_until(TrainingProgress())

    for work in (lambda: run_until(KilledAt(3)), writing_a_checkpoint):
        _, status = os.waitpid(forked(work), 0)
        assert os.WIFSIGNALED(status), status


if __name__ == "__main__":
    main()

"""A training of DepthLM that is killed twice, in processes of its own, for the tests.

python killed_depthlm.py LABELS BASE RUN
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from forks import KilledAt, require_killed

import mfh.estimators.depthlm.training.checkpoints as checkpoints_module
from mfh.estimators.depthlm.training.labelled import labelled_files
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.training.training import train
from mfh.models import Weights
from mfh.training.progress import TrainingProgress

SETTINGS = TrainingSettings(epochs=9, steps=5, batch=2, learning_rate=1e-3, max_gradient_norm=1.0)


def killed_before(path: str) -> None:
    """Have this process killed when it is about to say that a checkpoint is whole."""

    def kill(there: Any, value: Any) -> None:
        assert there.parent.name == path
        os.kill(os.getpid(), signal.SIGKILL)

    checkpoints_module.write_json = kill


def main() -> None:
    labels, base, run = map(Path, sys.argv[1:])
    files, weights = labelled_files([labels]), Weights.local(base)

    def run_until(progress: TrainingProgress) -> None:
        train(files, weights, run, SETTINGS, device="cpu", save_every=2, progress=progress)

    def writing_a_checkpoint() -> None:
        killed_before("checkpoint-4")
        run_until(TrainingProgress())

    require_killed(lambda: run_until(KilledAt(3)))
    require_killed(writing_a_checkpoint)


if __name__ == "__main__":
    main()

"""Ctrl-C during a training: the step is finished and a checkpoint written before it ends.

Raised wherever it comes, as within a reader of photos or between two parts of a step, it would
leave nothing to go on from. Importing this module imports torch.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce

# What asks a command to end: Ctrl-C, and a batch system or a launcher of several processes.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# How torch begins to say that one has ended.
_READER = "DataLoader worker"


class Interruption:
    """A context in which what would raise `KeyboardInterrupt` is remembered instead.

    A second signal raises it at once. Signals that do something else are left alone, and so are all
    in a thread that is not the main one, which cannot have them.

    heard: called at the first signal, in its handler: between any two instructions of the program.
    """

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._asked = False
        self._process = os.getpid()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is signal.default_int_handler:
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Have signals do what they did before.

        Raises `KeyboardInterrupt` for the end of a reader that was sent the same signal.
        """
        self._restore()
        if self._asked and isinstance(error, RuntimeError) and _READER in str(error):
            raise KeyboardInterrupt from None

    def asked(self) -> bool:
        """Whether the training is to end, in any of its processes; all of them have to ask."""
        state = PartialState()
        if state.num_processes == 1:
            return self._asked
        asked = torch.tensor(float(self._asked), device=state.device)
        return bool(reduce(asked, "sum").item())

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a reader that has been forked just now
            return
        self._restore()
        self._asked = True
        self._heard()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def leave_to_main_process(reader: int) -> None:
    """Have a reader of photos ignore Ctrl-C, as a `worker_init_fn` of torch's data loader.

    A terminal sends it to all processes; the main one ends its readers when it has no more steps.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

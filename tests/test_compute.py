"""Devices, precision, and batches that shrink where memory does not suffice."""

from __future__ import annotations

import pytest
import torch

from mfh.compute import choose_device, choose_dtype, device_name, in_batches
from mfh.errors import NotEnoughMemoryError, SettingsError


def _available(monkeypatch, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_fastest_device_is_chosen(monkeypatch, cuda, mps, chosen):
    _available(monkeypatch, cuda, mps)
    assert choose_device("auto").type == chosen
    assert choose_device("cpu").type == "cpu"


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    _available(monkeypatch, False, True)
    with pytest.raises(SettingsError, match=r"device cuda is not available.*finds mps, cpu"):
        choose_device("cuda")


def test_precision_follows_the_device():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert choose_dtype("auto", cpu) is torch.float32
    assert choose_dtype("auto", cuda) is torch.float16
    assert choose_dtype("bfloat16", cpu) is torch.bfloat16


def test_the_cpu_has_a_name():
    assert device_name(torch.device("cpu")) == "CPU"


class Memory:
    """Work on numbers that fails for more than `room` of them at once."""

    def __init__(self, room: int, error: Exception) -> None:
        self.room, self.error = room, error
        self.batches: list[int] = []

    def __call__(self, items):
        self.batches.append(len(items))
        if len(items) > self.room:
            raise self.error
        return [item * 10 for item in items]


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 GB"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "mps", "cpu", "python"])
def test_a_batch_that_does_not_fit_is_halved_and_stays_so(error):
    work = Memory(3, error)
    assert list(in_batches(range(11), 8, work)) == [10 * n for n in range(11)]
    assert work.batches == [8, 4, 2, 2, 2, 2, 2, 1]


def test_a_short_last_batch_is_halved_from_its_own_length():
    work = Memory(1, MemoryError())
    assert list(in_batches(range(3), 100, work)) == [0, 10, 20]
    assert work.batches == [3, 2, 1, 1, 1]


def test_results_come_before_the_next_batch_is_begun():
    work = Memory(2, MemoryError())
    results = in_batches(range(6), 2, work)
    assert next(results) == 0
    assert work.batches == [2]


def test_one_that_does_not_fit_says_what_to_do():
    with pytest.raises(NotEnoughMemoryError, match="--low-memory"):
        list(in_batches([1], 4, Memory(0, MemoryError())))


def test_other_errors_are_not_taken_for_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(in_batches([1, 2], 2, Memory(0, RuntimeError("shapes differ"))))

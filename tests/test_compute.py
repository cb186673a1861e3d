"""Devices, precision, and batches that shrink where memory does not suffice."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
import torch

from mfh.compute import (
    Placement,
    choose_device,
    choose_dtype,
    device_name,
    in_batches,
    is_out_of_memory,
)
from mfh.errors import NotEnoughMemoryError, OutputError, SettingsError


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


ERRORS = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory"),
    "cuda driver": RuntimeError("CUDA error: out of memory"),
    "cublas": RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "cudnn": RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    "cudnn 9": RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    "mps, one tensor": RuntimeError("Invalid buffer size: 21.86 GB"),
    "cpu": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 GB"),
    "windows": RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: 8 GB"),
    "a file": RuntimeError("unable to mmap 9 bytes from file <x>: Cannot allocate memory (12)"),
    "system": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "python": MemoryError(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
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


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"),
        ValueError("out of memory"),
        FileNotFoundError("no such file"),
        NotEnoughMemoryError("x does not fit into the memory of CUDA"),
        OutputError(errno.ENOMEM, "out of memory"),
    ],
    ids=["cublas", "value", "file", "our own", "output"],
)
def test_what_is_no_lack_of_memory(error):
    assert not is_out_of_memory(error)


def test_work_that_said_itself_what_does_not_fit_is_not_done_again():
    work = Memory(0, NotEnoughMemoryError("the model does not fit"))
    with pytest.raises(NotEnoughMemoryError, match="the model does not fit"):
        list(in_batches(range(8), 8, work))
    assert work.batches == [8]


def test_a_placement_has_device_and_precision(monkeypatch):
    placement = Placement("cpu")
    assert (placement.device, placement.dtype) == (torch.device("cpu"), torch.float32)
    assert (placement.device_name, placement.dtype_name) == ("CPU", "float32")
    assert Placement("cpu", "bfloat16").dtype_name == "bfloat16"
    _available(monkeypatch, False, False)
    absent = Placement("cuda")
    with pytest.raises(SettingsError, match="device cuda is not available"):
        _ = absent.device


def test_parts_are_made_without_importing_a_model_library():
    code = (
        "import sys, pathlib, mfh.compute, mfh.disparity, mfh.painting\n"
        "from mfh.models import Weights\n"
        "weights = Weights('x', pathlib.Path('x'))\n"
        "mfh.painting.DiffusionPainter(weights, device='cuda')\n"
        "mfh.disparity.TransformersDisparity(weights, device='cuda')\n"
        "mfh.disparity.MarigoldDisparity(weights, device='cuda')\n"
        "print([name for name in ('torch', 'transformers', 'diffusers') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_what_does_not_fit_is_told_from_what_fails_otherwise(monkeypatch):
    def told(error):
        placement = Placement("mps")
        with pytest.raises(Exception) as caught, placement.loading("HMR 2.0", "do this"):
            raise error
        return caught.value

    _available(monkeypatch, False, True)
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    said = told(RuntimeError("MPS backend out of memory"))
    assert isinstance(said, NotEnoughMemoryError)
    assert str(said) == "HMR 2.0 does not fit into the memory of MPS (arm64); do this"
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")):
        assert "does not fit into this computer's memory" in str(told(error))
    for error in (RuntimeError("shapes differ"), NotEnoughMemoryError("said before")):
        assert told(error) is error


def test_on_the_cpu_one_at_a_time_unless_asked_for_more(monkeypatch):
    assert Placement("cpu").batch(0, on_gpu=8) == 1
    assert Placement("cpu").batch(3, on_gpu=8) == 3
    _available(monkeypatch, cuda=True, mps=False)
    assert Placement("auto").batch(0, on_gpu=8) == 8


def test_what_to_do_about_numbers_that_are_none():
    remedies = [Placement("cpu", name).remedy for name in ("float16", "bfloat16", "float32")]
    assert remedies == [
        "use --set precision=bfloat16 or --set precision=float32",
        "use --set precision=float32",
        "the weights may be damaged; see `mfh models check`",
    ]

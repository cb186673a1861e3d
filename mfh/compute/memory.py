"""Telling lack of memory from other errors."""

from __future__ import annotations

import errno

from mfh.errors import MfhError

# What PyTorch says where an allocation fails without a type of its own: on MPS, on the CPU (Linux
# and Windows word it differently), in CUDA's driver, and in the libraries of CUDA.
_SIGNS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "invalid buffer size",
    "_status_alloc_failed",
    "_allocation_failed",
)
_HOST_SIGNS = ("defaultcpuallocator", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice; none of `mfh`'s own does.

    Of those, `NotEnoughMemoryError` is already the last word on the matter.
    """
    if isinstance(error, MfhError):
        return False
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if not isinstance(error, RuntimeError):
        return False
    import torch  # noqa: PLC0415 - heavy

    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(sign in said for sign in _SIGNS)


def is_on_host(error: BaseException) -> bool:
    """Whether it was the computer's own memory, not an accelerator's, that did not suffice."""
    said = str(error).lower()
    return isinstance(error, MemoryError | OSError) or any(sign in said for sign in _HOST_SIGNS)

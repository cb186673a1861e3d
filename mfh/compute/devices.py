"""Choosing a device and a precision."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from mfh.errors import SettingsError
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    import torch


def choose_device(wanted: Device = "auto") -> torch.device:
    """The device a setting names; "auto" takes CUDA, else Apple's MPS, else the CPU.

    Raises `SettingsError` where the device asked for is not here.
    """
    import torch  # noqa: PLC0415 - heavy

    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, here in available.items() if here))
    if not available[wanted]:
        here = ", ".join(name for name, there in available.items() if there)
        raise SettingsError(
            f"device {wanted} is not available here (PyTorch {torch.__version__} finds {here}); "
            "leave --device out to have it chosen, or see `mfh doctor`"
        )
    return torch.device(wanted)


def choose_dtype(wanted: Precision, device: torch.device) -> torch.dtype:
    """The precision of a learned part; "auto" is float16 on a GPU, float32 on the CPU."""
    import torch  # noqa: PLC0415 - heavy

    if wanted == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    dtype: torch.dtype = getattr(torch, wanted)
    return dtype


def device_name(device: torch.device) -> str:
    """A device in words, e.g. "CUDA (NVIDIA H200)"."""
    import torch  # noqa: PLC0415 - heavy

    if device.type == "cuda":
        return f"CUDA ({torch.cuda.get_device_name(device)})"
    if device.type == "mps":
        return f"MPS ({platform.machine()})"
    return "CPU"

"""Where a learned part computes, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mfh.compute.devices import choose_device, choose_dtype, device_name
from mfh.compute.memory import is_on_host, is_out_of_memory
from mfh.errors import NotEnoughMemoryError
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Placement:
    """The device and precision of a part, chosen when first asked for; until then nothing loads.

    wanted_device, wanted_precision: as in `mfh.settings.Settings`.

    Reading any of its properties raises `SettingsError` where the device asked for is not here.
    """

    wanted_device: Device = "auto"
    wanted_precision: Precision = "auto"

    @cached_property
    def device(self) -> torch.device:
        """The device."""
        return choose_device(self.wanted_device)

    @cached_property
    def dtype(self) -> torch.dtype:
        """The precision."""
        return choose_dtype(self.wanted_precision, self.device)

    @property
    def device_name(self) -> str:
        """The device in words, e.g. "CUDA (NVIDIA H200)"."""
        return device_name(self.device)

    @property
    def dtype_name(self) -> str:
        """The precision's name, e.g. "float16"."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def remedy(self) -> str:
        """What to do where a model gives no numbers, or none that can be."""
        if self.dtype_name == "float32":
            return "the weights may be damaged; see `mfh models check`"
        others = [each for each in ("bfloat16", "float32") if each != self.dtype_name]
        return f"use --set precision={' or --set precision='.join(others)}"

    def batch(self, wanted: int, on_gpu: int) -> int:
        """How many items to compute at once: what is wanted, or where that is 0, what suits.

        on_gpu: what suits a GPU. On the CPU it is one: more gain nothing there, an interrupt would
            lose them, and the progress would stand still meanwhile.
        """
        return wanted or (1 if self.device.type == "cpu" else on_gpu)

    @contextmanager
    def loading(self, model: str, remedy: str) -> Iterator[None]:
        """Load a model here, from its files to the device.

        model: its name in words.
        remedy: what to do where it does not fit the device.

        Raises `NotEnoughMemoryError` where memory does not suffice.
        """
        try:
            yield
        except (RuntimeError, MemoryError, OSError) as error:
            if not is_out_of_memory(error):
                raise
            if self.device.type != "cpu" and is_on_host(error):
                raise NotEnoughMemoryError(
                    f"{model} does not fit into this computer's memory while it is loaded; end "
                    "other programs, or use a computer with more memory"
                ) from error
            raise NotEnoughMemoryError(
                f"{model} does not fit into the memory of {self.device_name}; {remedy}"
            ) from error

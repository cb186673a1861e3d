"""Training by several processes, each with its share of a batch.

A loss is of the whole batch, so that how many processes share it makes no difference but rounding.
Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from accelerate import Accelerator

from mfh.errors import MfhError
from mfh.training.progress import ToldByMainError


def sum_over_processes(accelerator: Accelerator) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function that adds up a tensor over all processes, to be differentiated.

    Its gradient is that of a process's own part, as `sum_gradients` adds up the parts.
    """

    def total(values: torch.Tensor) -> torch.Tensor:
        summed: torch.Tensor = _Sum.apply(values, accelerator)
        return summed

    return total


def sum_gradients(accelerator: Accelerator, parameters: Iterable[torch.nn.Parameter]) -> None:
    """Add up the gradients over all processes, after the backward pass of each."""
    if accelerator.num_processes == 1:
        return
    for parameter in parameters:
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        parameter.grad = accelerator.reduce(gradient, "sum")


def in_all_processes(accelerator: Accelerator, error: MfhError) -> MfhError:
    """What to raise for an error that all processes find: it itself in the main one alone."""
    return error if accelerator.is_main_process else ToldByMainError(str(error))


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, accelerator: Accelerator) -> torch.Tensor:
        del ctx
        summed: torch.Tensor = accelerator.reduce(values, "sum")
        return summed.clone() if summed is values else summed

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        del ctx
        return gradients[0], None

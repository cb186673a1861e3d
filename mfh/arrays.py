"""Arrays as NumPy has them, whoever made them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def is_tensor(value: object) -> bool:
    """Whether a value is a torch tensor; torch is not imported to find out."""
    # Another thread may just be importing torch: until it has the class, there are no tensors.
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and isinstance(value, tensor)


def as_array(value: ArrayLike) -> NDArray[Any]:
    """Give an array as `np.asarray` does, and torch tensors of any device and gradient, too.

    A tensor on the CPU shares its memory with the array. bfloat16, which NumPy does not have,
    becomes float32. Raises what `np.asarray` raises for what is no array, such as ragged lists.
    """
    if not is_tensor(value):
        return np.asarray(value)
    import torch  # noqa: PLC0415 - it is loaded where there is a tensor

    tensor: Any = value
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    array: NDArray[Any] = tensor.numpy()
    return array

"""The scale-invariant loss, at the size of the labels. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

# Below it the root has no gradient that is finite; the loss is then 1e-6 alpha.
_LEAST = 1e-12


def scale_invariant_loss(
    predicted_m: torch.Tensor,
    true_m: torch.Tensor,
    valid: torch.Tensor,
    *,
    variance_focus: float = 0.85,
    alpha: float = 10.0,
    total: Callable[[torch.Tensor], torch.Tensor] = lambda values: values,
) -> torch.Tensor:
    """L = alpha sqrt(var(g) + (1 - variance_focus) mean(g)^2), g = log predicted - log true.

    Variance (unbiased) and mean are over all valid pixels of the batch together, as in AdaBins
    (Bhat et al., CVPR 2021, Eq. 4, and `SILogLoss` in its `loss.py`, which has lambda as
    1 - 0.15 and alpha as 10).

    predicted_m, true_m: float32, of one shape, depth in metres; true depth may be anything where it
        is not valid.
    valid: bool, of that shape.
    total: adds up numbers over the processes that share the batch.

    Gives a scalar, NaN where no pixel is valid.
    """
    g = torch.where(valid, predicted_m, 1).log() - torch.where(valid, true_m, 1).log()
    count = total(valid.sum().to(g.dtype))
    mean = total(g.sum()) / count
    # Two passes: a difference of large sums has no digits left in float32. The squares' derivative
    # by the mean is zero over all processes, though not over the part of one.
    squares = total(torch.where(valid, g - mean.detach(), 0).square().sum())
    variance = squares / (count - 1).clamp_min(1)
    return alpha * (variance + (1 - variance_focus) * mean.square()).clamp_min(_LEAST).sqrt()


def resized(depth_m: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Depth (h, w) at another size, bilinear, pixel centres at (0.5, 0.5).

    As two products of matrices: PyTorch's own interpolation adds up gradients on a GPU in no fixed
    order, and a training that goes on would not come to the same result.
    """
    rows = _weights(height, depth_m.shape[0], depth_m.device)
    columns = _weights(width, depth_m.shape[1], depth_m.device)
    return rows @ depth_m @ columns.T


def _weights(length: int, of: int, device: torch.device) -> torch.Tensor:
    """What each of `of` values adds to each of `length` interpolated ones, (length, of)."""
    unit = torch.eye(of, device=device)[None]
    weights: torch.Tensor = functional.interpolate(
        unit, size=length, mode="linear", align_corners=False
    )
    return weights[0].T

"""Costs to second order, and that of residuals of Student's t distribution; imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_FREEDOM = 4.0
"""Degrees of freedom: tails that forgive a joint in a wrong place, and a peak near a Gaussian's."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """B costs about a stance, each `cost + gradient . step + step . information step / 2`.

    cost: (B,), minus the log of a density but for a constant; gradient: (B, D).
    information: (B, D, D), positive semidefinite: what Gauss and Newton put for second derivatives.
    """

    cost: Tensor
    gradient: Tensor
    information: Tensor

    def __add__(self, other: Quadratic) -> Quadratic:
        return Quadratic(
            self.cost + other.cost,
            self.gradient + other.gradient,
            self.information + other.information,
        )

    def where(self, chosen: Tensor, other: Quadratic) -> Quadratic:
        """The other one where `chosen` (B,)."""
        return Quadratic(
            torch.where(chosen, other.cost, self.cost),
            torch.where(chosen[:, None], other.gradient, self.gradient),
            torch.where(chosen[:, None, None], other.information, self.information),
        )


@dataclass(frozen=True, eq=False)
class Residuals:
    """N residuals of E dimensions for each of B people, in units of their scale.

    value: (B, N, E); slope: (B, N, E, D), how they follow the unknowns.
    weight: (B, N), as how many independent ones each counts.
    """

    value: Tensor
    slope: Tensor
    weight: Tensor


def student_cost(terms: Sequence[Residuals]) -> Quadratic:
    """What residuals cost if each is isotropic Student's t, about where they are.

    Of r in E dimensions with v degrees of freedom the cost is (v + E) / 2 log(1 + r^2 / v), and
    its gradient that of a square weighed (v + E) / (v + r^2) (K. Lange, R. Little and J. Taylor,
    Robust statistical modeling using the t distribution, 1989).
    """
    costs, values, slopes, weights = [], [], [], []
    for each in terms:
        dimensions = each.value.shape[-1]
        squared = each.value.square().sum(-1)
        log_tail = (_FREEDOM + dimensions) / 2 * torch.log1p(squared / _FREEDOM)
        costs.append((each.weight * log_tail).sum(1))
        values.append(each.value.flatten(1))
        slopes.append(each.slope.flatten(1, 2))
        weight = each.weight * (_FREEDOM + dimensions) / (_FREEDOM + squared)
        weights.append(weight.repeat_interleave(dimensions, dim=1))
    jacobian = torch.cat(slopes, dim=1)
    weighted = torch.cat(weights, dim=1)[..., None] * jacobian
    return Quadratic(
        torch.stack(costs).sum(0),
        (weighted * torch.cat(values, dim=1)[..., None]).sum(1),
        weighted.transpose(1, 2) @ jacobian,
    )

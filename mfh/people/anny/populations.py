"""How shapes and statures of kinds of people are distributed, as tensors; imports torch."""

from __future__ import annotations

import torch
from torch import Tensor

from mfh.people.anny.body import Body
from mfh.people.anny.kinds import KINDS
from mfh.people.anny.postures import Postures
from mfh.people.anny.prior import Prior


class Populations:
    """The populations of a body, in the order of `KINDS`.

    Stature is not seen but for what shape tells: given the shape, its log is normal with a mean
    that is affine in the shape and a constant variance.

    shape_mean: (3, K). stature_slope: (3, K), of the mean log stature by the shape.
    stature_variance: (3,), of the log stature given the shape.
    """

    def __init__(self, body: Body, device: torch.device) -> None:
        populations = [body.populations[kind] for kind in KINDS]
        mean = torch.tensor([p.mean.tolist() for p in populations], device=device)
        cov = torch.tensor([p.covariance.tolist() for p in populations], device=device)
        self.shape_mean = mean[:, 1:]
        self._precision = torch.linalg.inv(cov[:, 1:, 1:])
        self._cost = torch.linalg.slogdet(cov[:, 1:, 1:])[1] / 2
        self._stature_mean = mean[:, 0]
        self.stature_slope = (cov[:, :1, 1:] @ self._precision)[:, 0]
        self.stature_variance = cov[:, 0, 0] - (self.stature_slope * cov[:, 0, 1:]).sum(1)

    def prior(self, kind: Tensor, postures: Postures) -> Prior:
        """What is expected of people of kinds (B,) and postures."""
        return Prior(postures, self.shape_mean[kind], self._precision[kind], self._cost[kind])

    def log_stature(self, kind: Tensor, shape: Tensor) -> Tensor:
        """The mean log of the stature in metres, (B,), of kinds (B,) and shapes (B, K)."""
        away = shape - self.shape_mean[kind]
        mean: Tensor = self._stature_mean[kind] + (self.stature_slope[kind] * away).sum(1)
        return mean

"""The compact body fitted to what is seen of people; imports torch.

Minimised over place, pose, shape and cover of each person is minus the log of

    prod_k t((u(p_k) - y_k) / s_k)^(c_k)  prod_m t((n_m . (u(v_m) - e_m) + h) / s)^(a_m)
    prod_v t(d(u(v)) / s)^(b_v)  p(pose) p(shape) p(h)

with keypoints y_k of confidence c_k; points e_m of the mask's outline and their normals n_m, each
with the vertex v_m of the body's own outline that is nearest to it (chosen anew at each step), and
the cover h by which clothes and hair widen a body; and the distance d to the mask of vertices
outside of it. t is Student's density, whose tails forgive what is wrong; u is the projection;
`likelihood` has the scales s and the powers a and b, `prior` the rest.

Steps are Levenberg's and Marquardt's (D. Marquardt, An algorithm for least-squares estimation of
nonlinear parameters, 1963) with reweighted least squares for t, of all people at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mfh.people.anny.likelihood import Likelihood
from mfh.people.anny.posing import PosableBody, Stance
from mfh.people.anny.prior import Prior
from mfh.people.anny.quadratic import Quadratic
from mfh.people.anny.targets import Targets

_DAMPING = 1e-3
"""At the start, as a share of the information's diagonal."""
_DAMPING_IF_BETTER, _DAMPING_IF_NOT = 0.3, 8.0
"""By what a step that helps and one that does not multiply it."""
_DAMPING_RANGE = (1e-6, 1e4)
_LONGEST_STEP = 0.6
"""Of any unknown: rotations are near linear up to about as many rad."""


@dataclass(frozen=True, eq=False)
class Fit:
    """B fits: the stance, the cost (B,), and the information (B, D, D) at it."""

    stance: Stance
    cost: Tensor
    information: Tensor

    def log_evidence(self) -> Tensor:
        """(B,), but for a constant, by Laplace's approximation.

        The integral of a density over the unknowns is taken for that of the normal density with the
        same mode and the same second derivatives there (D. MacKay, Information theory, inference
        and learning algorithms, 2003, chapter 27).
        """
        log_determinant: Tensor = torch.linalg.slogdet(self.information)[1]
        return -self.cost - log_determinant / 2


class Fitter:
    """Fits the body to people."""

    def __init__(self, body: PosableBody) -> None:
        self._likelihood = Likelihood(body)

    def fit(self, start: Stance, targets: Targets, prior: Prior, steps: int, *, masks: bool) -> Fit:
        """Fit B bodies by so many steps from a start; without masks to keypoints alone."""
        stance = start
        damping = torch.full((len(start),), _DAMPING, device=start.place.device)
        matched = self._likelihood.match(stance, targets) if masks else None
        at = self._cost(stance, targets, prior, matched)
        for step in range(steps):
            tried = stance.moved(_step(at, damping))
            at_tried = self._cost(tried, targets, prior, matched)
            better = at_tried.cost < at.cost
            stance, at = stance.where(better, tried), at.where(better, at_tried)
            damping = damping * torch.where(better, _DAMPING_IF_BETTER, _DAMPING_IF_NOT)
            damping = damping.clamp(*_DAMPING_RANGE)
            if masks and step < steps - 1:
                matched = self._likelihood.match(stance, targets)
                at = self._cost(stance, targets, prior, matched)
        return Fit(stance, at.cost, at.information)

    def misfit(self, stance: Stance, targets: Targets) -> Tensor:
        """How far keypoints are off, (B,), see `Likelihood.misfit`."""
        return self._likelihood.misfit(stance, targets)

    def _cost(
        self, stance: Stance, targets: Targets, prior: Prior, matched: Tensor | None
    ) -> Quadratic:
        return prior.of(stance) + self._likelihood.of(stance, targets, matched)


def _step(at: Quadratic, damping: Tensor) -> Tensor:
    """The damped step (B, D) towards the least of a cost."""
    diagonal = at.information.diagonal(dim1=1, dim2=2)
    damped = at.information + torch.diag_embed(damping[:, None] * diagonal)
    step: Tensor = torch.linalg.solve(damped, -at.gradient[..., None])[..., 0]
    return step.clamp(-_LONGEST_STEP, _LONGEST_STEP)

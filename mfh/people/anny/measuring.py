"""People measured: from starts to distances and what is left open about them; imports torch.

Each person is fitted from several postures, turned to all sides, by keypoints alone; the best of
those are fitted to the mask, too, and the best of these as each kind of person that the prompt
leaves open. Kinds are weighed by their evidence, and the distance with its standard error is that
of their mixture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mfh.people.anny.body import Body
from mfh.people.anny.fitting import Fit, Fitter
from mfh.people.anny.kinds import CHILD, KINDS, kinds_asked_for, kinds_sought
from mfh.people.anny.populations import Populations
from mfh.people.anny.posing import PosableBody, Stance
from mfh.people.anny.postures import postures_of
from mfh.people.anny.prior import Prior
from mfh.people.anny.seen import Seen
from mfh.people.anny.starts import Starts
from mfh.people.anny.targets import Targets, targets_of
from mfh.records import Intrinsics

_KEYPOINT_STEPS, _MASK_STEPS, _KIND_STEPS = 10, 12, 8
"""Steps from every start, from the best starts with the mask, and as each kind."""
_KEPT = 3
"""How many starts go on: who faces away looks much as who faces the camera until the mask tells."""
_EVIDENCE_POWER = 0.5
"""How far the evidence for a kind is believed: what a body lacks is common to all that is seen."""
_ASKED_FOR = 0.3
"""Above it a child is what was asked for, alone or beside a man or a woman."""
_HIDDEN_ERROR = 0.4
"""What is added to the stated error, in quadrature, times the square of the share of joints that do
not show: a few that are lost tell the same as the others, half a body less than the fit thinks."""


@dataclass(frozen=True, eq=False)
class Measured:
    """B people.

    vertices_m: (B, V, 3), in the camera's frame, metres.
    log_error: (B,), the standard deviation of the log of the distance.
    misfit: (B,), how far keypoints are off, see `Likelihood.misfit`.
    child: (B,), how likely each is a child, where none was asked for; else 0.
    """

    vertices_m: Tensor
    log_error: Tensor
    misfit: Tensor
    child: Tensor


class Ruler:
    """Measures people by the compact body, on a device."""

    def __init__(self, body: Body, device: torch.device) -> None:
        self._device = device
        self._body = PosableBody(body, device)
        self._fitter = Fitter(self._body)
        self._starts = Starts(self._body, postures_of(body, device))
        self._populations = Populations(body, device)

    @torch.no_grad()
    def measure(
        self, people: Sequence[Seen], camera: Intrinsics, prompts: Sequence[str]
    ) -> Measured:
        """Measure B people seen by one camera, each with the prompt of its image."""
        targets = targets_of(people, camera, self._device)
        asked = [kinds_asked_for(prompt) for prompt in prompts]
        # Who may be a child and may be grown up is sought as either: each has its own best pose.
        sought = [kinds_sought(likely) for likely in asked]
        pairs = [(person, kind) for person, kinds in enumerate(sought) for kind in kinds]
        found, start = self._sought(targets, pairs)

        # Every kind starts from the fit as this kind, or from that as the likeliest.
        index = {pair: number for number, pair in enumerate(pairs)}
        every = [(person, kind) for person in range(len(people)) for kind in range(len(KINDS))]
        source = [index.get(pair, index[pair[0], sought[pair[0]][0]]) for pair in every]
        person, kind = self._columns(every)
        from_kind = self._index(pairs[number][1] for number in source)
        stance = found.of(self._index(source))
        # A shape keeps what sets it apart from the mean of its kind.
        means = self._populations.shape_mean
        fit = self._fitter.fit(
            replace(stance, shape=stance.shape + means[kind] - means[from_kind]),
            targets.of(person),
            self._prior(kind, start[self._index(source)]),
            _KIND_STEPS,
            masks=True,
        )
        prior = torch.tensor([[each[k] for k in KINDS] for each in asked], device=self._device)
        return self._mixture(fit, kind, targets, prior)

    def _sought(self, targets: Targets, pairs: Sequence[tuple[int, int]]) -> tuple[Stance, Tensor]:
        """The best stance of each pair of a person and a kind, and its start, (N,)."""
        count, starts = len(pairs), len(self._starts)
        person, kind = self._columns(pairs)
        everyone = torch.arange(count, device=self._device)

        one = everyone.repeat_interleave(starts)
        start = torch.arange(starts, device=self._device).repeat(count)
        seen = targets.of(person[one])
        shape = self._populations.shape_mean[kind[one]]
        fit = self._fitter.fit(
            self._starts.stances(start, shape, seen),
            seen,
            self._prior(kind[one], start),
            _KEYPOINT_STEPS,
            masks=False,
        )
        best = fit.cost.reshape(count, starts).topk(_KEPT, dim=1, largest=False).indices

        one, start = everyone.repeat_interleave(_KEPT), best.flatten()
        fit = self._fitter.fit(
            fit.stance.of(one * starts + start),
            targets.of(person[one]),
            self._prior(kind[one], start),
            _MASK_STEPS,
            masks=True,
        )
        chosen = everyone * _KEPT + fit.log_evidence().reshape(count, _KEPT).argmax(1)
        return fit.stance.of(chosen), start[chosen]

    def _mixture(self, fit: Fit, kind: Tensor, targets: Targets, prior: Tensor) -> Measured:
        """The mixture over kinds of fits (3 B), all kinds of a person in a row; prior: (B, 3)."""
        by_kind = prior.shape
        log_stature = self._populations.log_stature(kind, fit.stance.shape)
        log_depth = (fit.stance.place[:, 2] + log_stature).reshape(by_kind)
        evidence = fit.log_evidence().reshape(by_kind)
        share = (prior.log() + _EVIDENCE_POWER * evidence).softmax(1)
        mean = (share * log_depth).sum(1)
        between = (share * (log_depth - mean[:, None]).square()).sum(1)
        within = (share * self._log_depth_variance(fit, kind).reshape(by_kind)).sum(1)
        hidden = _HIDDEN_ERROR * (1 - targets.confidence.mean(1)).square()

        # The mesh is that of the likeliest kind, at the distance of the mixture.
        best = share.argmax(1)
        index = torch.arange(len(best), device=self._device) * len(KINDS) + best
        stance = fit.stance.of(index)
        at = self._body.place_points(self._body.vertices, stance, self._body.frames(stance))
        size_m = (log_stature[index] + mean - log_depth.flatten()[index]).exp()
        return Measured(
            vertices_m=at * size_m[:, None, None],
            log_error=(within + between + hidden.square()).sqrt(),
            misfit=self._fitter.misfit(stance, targets),
            child=torch.where(
                prior[:, CHILD] < _ASKED_FOR, (prior.log() + evidence).softmax(1)[:, CHILD], 0.0
            ),
        )

    def _log_depth_variance(self, fit: Fit, kind: Tensor) -> Tensor:
        """Of the log of the depth, (N,): what the fit leaves open, and stature given the shape."""
        at = fit.stance.unknowns
        slope = torch.zeros(len(kind), at.count, device=self._device)
        slope[:, at.log_depth] = 1
        slope[:, at.shape] = self._populations.stature_slope[kind]
        covariance = torch.linalg.inv(fit.information)
        open_still = (slope[:, None] @ covariance @ slope[..., None])[:, 0, 0]
        variance: Tensor = open_still + self._populations.stature_variance[kind]
        return variance

    def _prior(self, kind: Tensor, start: Tensor) -> Prior:
        return self._populations.prior(kind, self._starts.postures(start))

    def _columns(self, pairs: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """The first and the second ones of pairs, (N,) each."""
        return self._index(first for first, _ in pairs), self._index(second for _, second in pairs)

    def _index(self, numbers: Iterable[int]) -> Tensor:
        return torch.tensor(list(numbers), device=self._device)

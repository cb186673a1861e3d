"""People measured: starts, kinds of people, and what is left open; imports torch.

Each person is fitted from several bearings and ways of facing by keypoints alone; the best of those
are fitted to the mask, too, and the best of these as each kind of person that the prompt leaves
open. Kinds are weighed by their evidence (Laplace's approximation), and the distance with its
standard error is that of their mixture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mfh.people.anny.body import Body
from mfh.people.anny.expected import bearings
from mfh.people.anny.fitting import SURE, Expected, Fit, Fitter, Targets, expected_of, targets_of
from mfh.people.anny.posing import PLACE, PosableBody, Stance
from mfh.people.anny.seen import Seen
from mfh.records import Intrinsics

KINDS = ("man", "woman", "child")
_FACING = (0.0, 0.5, 1.0, 1.5)
"""Turns about the upright axis to start from, in pi: to the camera, to a side, away."""
_KEPT = 3
_STEPS = (10, 12, 8)
_HIDDEN = 0.1
"""By how much the distance is off beyond what the fit knows, for somebody of whom no joint shows."""
_UNKNOWN = {"man": 0.4, "woman": 0.4, "child": 0.2}
_MEANT = 0.94
_WORDS = {
    "man": r"\b(man|men|guy|gentleman|boyfriend|father|grandfather|male)\b",
    "woman": r"\b(woman|women|lady|girlfriend|mother|grandmother|female)\b",
    "child": r"\b(child|children|boy|girl|kid|kids|toddler|son|daughter)\b",
}


@dataclass(frozen=True, eq=False)
class Measured:
    """B people.

    vertices_m: (B, V, 3), camera frame, metres.
    log_error: (B,), standard deviation of the log of the distance.
    stature_m: (B,); kind: (B,), index into `KINDS` of the likeliest.
    misfit: (B,), the median distance of keypoints that count, as a share of the mask's height.
    """

    vertices_m: Tensor
    log_error: Tensor
    stature_m: Tensor
    kind: Tensor
    misfit: Tensor


def kinds_asked_for(prompt: str) -> Mapping[str, float]:
    """How likely each kind of person is, where a painter was asked for a text."""
    named = [kind for kind in KINDS if re.search(_WORDS[kind], prompt, re.IGNORECASE)]
    if not named:
        return _UNKNOWN
    rest = (1 - _MEANT) / (len(KINDS) - len(named)) if len(named) < len(KINDS) else 0.0
    return {kind: _MEANT / len(named) if kind in named else rest for kind in KINDS}


class Ruler:
    """Measures people by the compact body."""

    def __init__(self, body: Body, device: torch.device) -> None:
        self._device = device
        self._body = PosableBody(body, device)
        self._bearings = bearings(body, device)
        self._at_rest = _facing_and_bearing(self._body, self._bearings)
        populations = [body.populations[kind] for kind in KINDS]
        mean = torch.tensor([p.mean.tolist() for p in populations], device=device)
        cov = torch.tensor([p.covariance.tolist() for p in populations], device=device)
        self._shape_mean, self._shape_cov = mean[:, 1:], cov[:, 1:, 1:]
        self._shape_precision = torch.linalg.inv(self._shape_cov)
        # Log stature given the shape: its mean is affine in the shape, its variance is constant.
        self._stature_by = (cov[:, :1, 1:] @ self._shape_precision)[:, 0]
        self._stature_mean = mean[:, 0]
        self._stature_var = cov[:, 0, 0] - (self._stature_by * cov[:, 0, 1:]).sum(1)
        self._shape_cost = torch.linalg.slogdet(self._shape_cov)[1] / 2

    @torch.no_grad()
    def measure(
        self, people: Sequence[Seen], camera: Intrinsics, prompts: Sequence[str]
    ) -> Measured:
        """Measure people seen by one camera, each with the prompt of its image."""
        fitter = Fitter(self._body, camera)
        targets = targets_of(people, self._device)
        kinds = [kinds_asked_for(prompt) for prompt in prompts]
        prior = torch.tensor([[each[k] for k in KINDS] for each in kinds], device=self._device)
        prior = prior.clamp_min(1e-6)
        likeliest = prior.argmax(1)
        count, starts = len(people), len(self._at_rest)
        everyone = torch.arange(count, device=self._device)

        # Stage 1: all starts, by keypoints.
        person = everyone.repeat_interleave(starts)
        start = torch.arange(starts, device=self._device).repeat(count)
        stance = self._placed(fitter, targets.of(person), start, likeliest[person])
        fit = fitter.fit(
            stance,
            targets.of(person),
            self._expected(start, likeliest[person], prior[person]),
            _STEPS[0],
            masks=False,
        )
        best = fit.cost.reshape(count, starts).topk(_KEPT, dim=1, largest=False).indices

        # Stage 2: the best of them, to the masks.
        person = everyone.repeat_interleave(_KEPT)
        start = best.flatten()
        fit = fitter.fit(
            fit.stance.of(person * starts + start),
            targets.of(person),
            self._expected(start, likeliest[person], prior[person]),
            _STEPS[1],
            masks=True,
        )
        chosen = _evidence(fit).reshape(count, _KEPT).argmin(1)
        chosen_start = start.reshape(count, _KEPT)[everyone, chosen]

        # Stage 3: as each kind of person.
        kind = torch.arange(len(KINDS), device=self._device).repeat(count)
        person = everyone.repeat_interleave(len(KINDS))
        found = fit.stance.of(person * _KEPT + chosen[person])
        # A shape keeps what sets it apart from the mean of its kind.
        shape = found.shape + self._shape_mean[kind] - self._shape_mean[likeliest[person]]
        fit = fitter.fit(
            replace(found, shape=shape),
            targets.of(person),
            self._expected(chosen_start[person], kind, prior[person]),
            _STEPS[2],
            masks=True,
        )
        return self._mixed(fitter, fit, kind.reshape(count, -1), targets)

    def _expected(self, start: Tensor, kind: Tensor, prior: Tensor) -> Expected:
        cost = self._shape_cost[kind] - prior.gather(1, kind[:, None])[:, 0].log()
        ways = [self._bearings[index % len(self._bearings)] for index in start.tolist()]
        return expected_of(ways, self._shape_mean[kind], self._shape_precision[kind], cost)

    def _placed(
        self, fitter: Fitter, targets: Targets, start: Tensor, kind: Tensor
    ) -> Stance:
        """Starts (B,) where the body's keypoints and those seen agree best, in closed form."""
        turns = self._at_rest[start]
        origin = torch.tensor([0.0, 0.0, 0.0], device=self._device).expand(len(start), 3)
        stance = Stance(origin, turns, self._shape_mean[kind], torch.zeros_like(origin[:, 0]))
        frames = self._body.frames(stance)
        hips = torch.tensor([0.0, 0.0, 1.0], device=self._device)
        at = self._body.place_points(self._body.keypoints, stance, frames) - hips
        return replace(stance, place=fitter.place(at, targets))

    def _mixed(self, fitter: Fitter, fit: Fit, kind: Tensor, targets: Targets) -> Measured:
        """The mixture over kinds (B, 3) of fits (B * 3)."""
        count, kinds = kind.shape
        flat = kind.flatten()
        shape = fit.stance.shape - self._shape_mean[flat]
        log_stature = self._stature_mean[flat] + (self._stature_by[flat] * shape).sum(1)
        covariance = torch.linalg.inv(fit.information)
        slope = torch.zeros(len(flat), self._body.unknowns, device=self._device)
        slope[:, PLACE - 1] = 1
        slope[:, -1 - shape.shape[1] : -1] = self._stature_by[flat]
        variance = (slope[:, None] @ covariance @ slope[..., None])[:, 0, 0]
        self.share = (-_evidence(fit).reshape(count, kinds)).softmax(1)
        self.last = variance.reshape(count, kinds)
        shown = (targets.confidence / SURE).clamp(max=1).mean(1)
        hidden = (1 - shown).repeat_interleave(kinds)
        variance = variance + self._stature_var[flat] + (_HIDDEN * hidden).square()
        share = (-_evidence(fit).reshape(count, kinds)).softmax(1)
        log_depth = (fit.stance.place[:, 2] + log_stature).reshape(count, kinds)
        mean = (share * log_depth).sum(1)
        spread = (share * (log_depth - mean[:, None]).square()).sum(1)
        best = share.argmax(1)
        index = torch.arange(count, device=self._device) * kinds + best
        stance = fit.stance.of(index)
        frames = self._body.frames(stance)
        at = self._body.place_points(self._body.vertices, stance, frames)
        size = (log_stature[index] + mean - log_depth.flatten()[index]).exp()
        return Measured(
            vertices_m=at * size[:, None, None],
            log_error=((share * variance.reshape(count, kinds)).sum(1) + spread).sqrt(),
            stature_m=log_stature[index].exp(),
            kind=best,
            misfit=fitter.misfit(stance, targets),
        )


def _evidence(fit: Fit) -> Tensor:
    """Minus the log of the evidence of fits (B,), by Laplace, but for a constant."""
    return fit.cost + torch.linalg.slogdet(fit.information)[1] / 2


def _facing_and_bearing(body: PosableBody, ways: Sequence[object]) -> Tensor:
    """The turns (S, J, 3, 3) of all bones of each start, the bearing changing first."""
    from mfh.people.anny.posing import rotation

    starts = []
    for facing in _FACING:
        for way in ways:
            vectors = (way.axes.transpose(1, 2) @ way.mean[..., None])[..., 0]  # type: ignore[attr-defined]
            yaw = torch.tensor([[0.0, math.pi * facing, 0.0]], device=vectors.device)
            starts.append(rotation(torch.cat([yaw, vectors])))
    return torch.stack(starts)

"""The compact body fitted to bodies of its own, planted before a camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from mfh.camera import project
from mfh.people.anny import load_body
from mfh.people.anny.fitting import Fitter
from mfh.people.anny.kinds import KINDS, kinds_asked_for, kinds_sought
from mfh.people.anny.likelihood import Likelihood
from mfh.people.anny.measuring import Measured, Ruler
from mfh.people.anny.populations import Populations
from mfh.people.anny.posing import PosableBody, Stance
from mfh.people.anny.postures import Postures, postures_of
from mfh.people.anny.quadratic import Quadratic
from mfh.people.anny.rotations import rotation_matrix
from mfh.people.anny.seen import look
from mfh.people.anny.targets import targets_of
from mfh.people.detection import KEYPOINTS
from mfh.records import Intrinsics
from mfh.rendering import render_depth

CAMERA = Intrinsics(700.0, 700.0, 322.0, 238.0, 480, 640)
CPU = torch.device("cpu")
UPRIGHT, SEATED = 0, 1


@pytest.fixture(scope="module")
def body() -> PosableBody:
    return PosableBody(load_body(), CPU)


@pytest.fixture(scope="module")
def populations() -> Populations:
    return Populations(load_body(), CPU)


@pytest.fixture(scope="module")
def postures() -> Postures:
    return postures_of(load_body(), CPU)


@pytest.fixture(scope="module")
def ruler() -> Ruler:
    return Ruler(load_body(), CPU)


class Planted:
    """One person of the compact body and what is seen of them, nothing of it wrong.

    kind: index into `KINDS`; place: x, y and z in statures; cover: as a share of the height.
    """

    def __init__(
        self, kind=0, posture=UPRIGHT, place=(0.1, 0.05, 2.2), yaw=0.3, seed=1, cover=0.006
    ) -> None:
        body, rng = PosableBody(load_body(), CPU), np.random.default_rng(seed)
        populations = Populations(load_body(), CPU)
        x, y, z = place
        noise = torch.tensor(0.08 * rng.standard_normal((len(body.bones) - 1, 3))).float()
        root = rotation_matrix(torch.tensor([[0.0, yaw, 0.0]]))
        others = rotation_matrix(noise) @ postures_of(load_body(), CPU).turns[posture]
        shape = torch.tensor(0.3 * rng.standard_normal((1, 12))).float()
        which = torch.tensor([kind])
        self.posture = posture
        self.kind = which
        self.stance = Stance(
            place=torch.tensor([[x / z, y / z, np.log(z)]]).float(),
            turns=torch.cat([root, others])[None],
            shape=populations.shape_mean[which] + shape,
            cover=torch.tensor([cover]),
        )
        stature_m = populations.log_stature(which, self.stance.shape).exp()
        frames = body.frames(self.stance)
        self.vertices_m, keypoints_m = (
            (stature_m * body.place_points(points, self.stance, frames))[0].numpy()
            for points in (body.vertices, body.keypoints)
        )
        naked = np.isfinite(render_depth(self.vertices_m[None], load_body().faces, CAMERA)[0])
        height_px = np.ptp(np.flatnonzero(naked.any(axis=1))) + 1
        self.silhouette = naked
        mask = distance_transform_edt(~naked) - 0.5 < cover * height_px
        keypoints_px = project(keypoints_m, CAMERA).astype(np.float32)
        self.seen = look(mask[None], 0, keypoints_px, np.full(17, 0.9, np.float32))


PEOPLE = {
    "a man": lambda: Planted(kind=0),
    "a boy": lambda: Planted(kind=2, yaw=-0.4, seed=3, place=(-0.2, 0.0, 2.8)),
}


@pytest.fixture(scope="module")
def everybody() -> dict[str, Planted]:
    return {prompt: make() for prompt, make in PEOPLE.items()}


@pytest.fixture(scope="module")
def measured(everybody, ruler) -> Measured:
    """Everybody, and then the man again: with his legs hidden, and with nothing told of him."""
    man, boy = everybody.values()
    legs = [0.05 if "knee" in name or "ankle" in name else 0.9 for name in KEYPOINTS]
    people = [man.seen, boy.seen, replace(man.seen, keypoint_score=np.float32(legs)), man.seen]
    return ruler.measure(people, CAMERA, [*everybody, "a man", ""])


def of(measured: Measured, prompt: str) -> np.ndarray:
    return measured.vertices_m[list(PEOPLE).index(prompt)].numpy()


def size_m(vertices_m: np.ndarray) -> float:
    """The summed distances between the middles of neighbouring bones, whatever the pose."""
    body = load_body()
    middles_m = body.weights.T @ vertices_m / body.weights.sum(axis=0)[:, None]
    return float(np.linalg.norm(middles_m[1:] - middles_m[body.parents[1:]], axis=1).sum())


@pytest.mark.parametrize("prompt", PEOPLE)
def test_a_planted_body_is_recovered(everybody, measured, prompt):
    planted, found_m = everybody[prompt], of(measured, prompt)
    true_m = planted.vertices_m
    per_size = found_m[:, 2].mean() / true_m[:, 2].mean() * size_m(true_m) / size_m(found_m)
    assert per_size == pytest.approx(1, abs=0.01)
    drawn = np.isfinite(render_depth(found_m[None], load_body().faces, CAMERA)[0])
    assert (drawn & planted.silhouette).sum() / (drawn | planted.silhouette).sum() > 0.93


@pytest.mark.parametrize("prompt", PEOPLE)
def test_the_distance_is_within_twice_its_stated_error(everybody, measured, prompt):
    index = list(PEOPLE).index(prompt)
    error = np.log(of(measured, prompt)[:, 2].mean() / everybody[prompt].vertices_m[:, 2].mean())
    stated = float(measured.log_error[index])
    assert 0.03 < stated < 0.12
    assert abs(error) < 2 * stated
    assert float(measured.misfit[index]) < 0.02


def test_more_is_left_open_of_somebody_whose_legs_do_not_show_or_who_may_be_of_any_kind(measured):
    plain, _, hidden, untold = measured.log_error.tolist()
    assert hidden > plain + 0.002
    assert untold > plain + 0.002


def test_somebody_alone_is_measured_as_among_others(everybody, measured, ruler):
    index = list(PEOPLE).index("a boy")
    alone = ruler.measure([everybody["a boy"].seen], CAMERA, ["a boy"])
    np.testing.assert_allclose(alone.vertices_m[0], of(measured, "a boy"), rtol=1e-3, atol=3e-3)
    assert alone.log_error.item() == pytest.approx(measured.log_error[index].item(), abs=1e-3)


@pytest.mark.parametrize("cover", [0.0, 0.02])
def test_a_cover_of_clothes_is_found(body, populations, postures, cover):
    planted = Planted(place=(0.0, 0.0, 1.9), cover=cover)
    prior = populations.prior(planted.kind, postures.of(torch.tensor([planted.posture])))
    start = replace(planted.stance, cover=torch.zeros(1))
    found = Fitter(body).fit(start, targets_of([planted.seen], CAMERA, CPU), prior, 15, masks=True)
    assert float(found.stance.cover[0]) == pytest.approx(cover, abs=0.004)


def test_a_fit_costs_less_than_its_start_and_no_more_with_more_steps(
    body, populations, postures, everybody
):
    planted = everybody["a man"]
    prior = populations.prior(planted.kind, postures.of(torch.tensor([UPRIGHT])))
    start = replace(
        planted.stance, shape=planted.stance.shape + 0.5, place=planted.stance.place + 0.1
    )
    targets = targets_of([planted.seen], CAMERA, CPU)
    costs = [
        float(Fitter(body).fit(start, targets, prior, steps, masks=False).cost[0])
        for steps in (0, 2, 5, 20)
    ]
    assert costs[0] > 1.5 * costs[-1]
    assert costs == sorted(costs, reverse=True)


def in_double(*owners: object) -> None:
    """Make the tensors of objects those of double precision, in which differences are exact."""
    for owner in owners:
        for name, value in vars(owner).items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                object.__setattr__(owner, name, value.double())


@pytest.mark.parametrize("masks", [False, True], ids=["keypoints", "keypoints and mask"])
def test_the_gradient_of_the_likelihood_is_that_of_differences(masks):
    body, planted = PosableBody(load_body(), CPU), Planted(seed=5)
    targets = targets_of([planted.seen], CAMERA, CPU)
    likelihood = Likelihood(body)
    in_double(body, body.vertices, body.keypoints, targets, likelihood, planted.stance)
    targets = replace(targets, keypoints_px=targets.keypoints_px + 2)
    matched = likelihood.match(planted.stance, targets) if masks else None
    start = replace(planted.stance, cover=planted.stance.cover + 0.01)

    _is_the_gradient_of(lambda stance: likelihood.of(stance, targets, matched), start, share=0.02)


def test_the_gradient_of_the_prior_is_that_of_differences():
    planted = Planted(seed=6)
    populations, postures = Populations(load_body(), CPU), postures_of(load_body(), CPU)
    prior = populations.prior(planted.kind, postures.of(torch.tensor([SEATED])))
    in_double(prior, prior.postures, planted.stance)
    _is_the_gradient_of(prior.of, planted.stance, share=1e-4)


def _is_the_gradient_of(cost_of, stance: Stance, share: float) -> None:
    """Compare with differences, to a share of the largest: distances have kinks at cells."""
    at: Quadratic = cost_of(stance)
    torch.testing.assert_close(at.information, at.information.transpose(1, 2), rtol=1e-3, atol=1e-3)
    assert torch.linalg.eigvalsh(at.information).min() > -1e-6 * at.information.abs().max()
    step, differences = 1e-6, []
    for unknown in range(stance.unknowns.count):
        move = torch.zeros_like(at.gradient)
        move[:, unknown] = step
        ahead, behind = cost_of(stance.moved(move)).cost, cost_of(stance.moved(-move)).cost
        differences.append((ahead - behind) / (2 * step))
    expected = torch.stack(differences, dim=1)
    assert (at.gradient - expected).abs().max() <= share * expected.abs().max()


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [
        ("a man", {"man"}),
        ("a Woman in a coat", {"woman"}),
        ("a boy", {"child"}),
        ("two children", {"child"}),
        ("a woman and a man", {"man", "woman"}),
        ("a mother with her son", {"woman", "child"}),
        ("a man, a woman, a child", {"man", "woman", "child"}),
    ],
)
def test_prompts_name_kinds(prompt, kinds):
    likely = kinds_asked_for(prompt)
    assert sum(likely.values()) == pytest.approx(1)
    assert min(likely.values()) > 0
    named = [likely[kind] for kind in kinds]
    assert named == pytest.approx([max(likely.values())] * len(named))
    assert sum(named) >= 0.99


@pytest.mark.parametrize("prompt", ["", "a person", "a human by the window", "boycott"])
def test_nothing_is_told_by_other_prompts(prompt):
    likely = kinds_asked_for(prompt)
    assert sum(likely.values()) == pytest.approx(1)
    assert likely["man"] == likely["woman"]
    assert 0.1 < likely["child"] < likely["man"]


def test_both_ages_are_sought_where_nothing_tells_them_apart():
    man, woman, child = (KINDS.index(kind) for kind in ("man", "woman", "child"))
    assert kinds_sought(kinds_asked_for("a man")) == (man,)
    assert kinds_sought(kinds_asked_for("a woman")) == (woman,)
    assert kinds_sought(kinds_asked_for("a girl")) == (child,)
    assert set(kinds_sought(kinds_asked_for(""))) == {man, child}
    assert set(kinds_sought(kinds_asked_for("a woman and a boy"))) == {woman, child}

"""Linear blend skinning: planted answers, and parity with the `smplx` package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import smpl_files
import torch

from mfh.errors import InputError
from mfh.files import write_npz
from mfh.people.smpl import SmplBody, convert_smpl, load_body


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> SmplBody:
    folder = tmp_path_factory.mktemp("smpl")
    smpl_files.write_official_pickle(folder / "smpl.pkl", smpl_files.random_smpl(11))
    convert_smpl(folder / "smpl.pkl", folder / "smpl.npz")
    return load_body(folder / "smpl.npz")


def rotations(count: int, joints: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    random = torch.randn(count, joints, 3, 3, generator=generator, dtype=torch.float64)
    turned, _ = torch.linalg.qr(random)
    return (turned * torch.linalg.det(turned)[..., None, None]).float()


def pose(count: int, joints: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    turned = rotations(count, joints, seed)
    betas = torch.randn(count, 10, generator=torch.Generator().manual_seed(seed + 1))
    return turned[:, :1], turned[:, 1:], betas


def arm(**changes) -> dict[str, np.ndarray]:
    """A rod along x of 3 vertices at 0, 1 and 2 m, each on its own joint; the last is the hand."""
    arrays = {
        "v_template": np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]], np.float32),
        "shapedirs": np.zeros((3, 3, 10), np.float32),
        "posedirs": np.zeros((3, 3, 18), np.float32),
        "J_regressor": np.eye(3, dtype=np.float32),
        "weights": np.eye(3, dtype=np.float32),
        "faces": np.array([[0, 1, 2]], np.int32),
        "parents": np.array([-1, 0, 1], np.int32),
    }
    return {**arrays, **changes}


def load_arm(path: Path, **changes) -> SmplBody:
    write_npz(path / "arm.npz", **arm(**changes))
    return load_body(path / "arm.npz")


STILL = torch.eye(3)
QUARTER_TURN = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # about z: x becomes y


def bend(body: SmplBody, *turns: torch.Tensor, betas=None) -> np.ndarray:
    stacked = torch.stack(turns)[None]
    betas = torch.zeros(1, 10) if betas is None else betas
    return body.vertices(stacked[:, :1], stacked[:, 1:], betas)[0].numpy()


def test_an_elbow_bends(tmp_path: Path) -> None:
    body = load_arm(tmp_path)
    np.testing.assert_array_equal(bend(body, STILL, STILL, STILL), [[0] * 3, [1, 0, 0], [2, 0, 0]])
    bent = bend(body, STILL, QUARTER_TURN, STILL)
    np.testing.assert_allclose(bent, [[0, 0, 0], [1, 0, 0], [1, 1, 0]], atol=1e-7)
    twice = bend(body, QUARTER_TURN, QUARTER_TURN, STILL)
    np.testing.assert_allclose(twice, [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-7)


def test_a_vertex_between_joints_is_blended(tmp_path: Path) -> None:
    weights = np.array([[1, 0, 0], [0, 1, 0], [0.25, 0.75, 0]], np.float32)
    bent = bend(load_arm(tmp_path, weights=weights), STILL, QUARTER_TURN, STILL)
    # A quarter stays at (2, 0, 0), three quarters go with the elbow to (1, 1, 0).
    np.testing.assert_allclose(bent[2], [1.25, 0.75, 0], atol=1e-7)


def test_shape_moves_vertices_and_joints(tmp_path: Path) -> None:
    shapedirs = np.zeros((3, 3, 10), np.float32)
    shapedirs[:, 0, 3] = [0, 1, 2]  # the fourth coefficient stretches the arm
    betas = torch.zeros(1, 10)
    betas[0, 3] = 0.5
    bent = bend(load_arm(tmp_path, shapedirs=shapedirs), STILL, QUARTER_TURN, STILL, betas=betas)
    np.testing.assert_allclose(bent, [[0, 0, 0], [1.5, 0, 0], [1.5, 1.5, 0]], atol=1e-7)


def test_pose_moves_vertices_before_they_are_turned(tmp_path: Path) -> None:
    posedirs = np.zeros((3, 3, 18), np.float32)
    posedirs[2, 2, 3] = 0.1  # entry (1, 0) of R_1 - I, which is 1, moves the hand along z
    bent = bend(load_arm(tmp_path, posedirs=posedirs), STILL, QUARTER_TURN, STILL)
    np.testing.assert_allclose(bent[2], [1, 1, 0.1], atol=1e-7)


def test_at_rest_it_is_the_template_and_turns_about_its_root(full: SmplBody) -> None:
    still, none = STILL.expand(1, 24, 3, 3), torch.zeros(1, 10)
    template = full.template_m.reshape(-1, 3)
    at_rest = full.vertices(still[:, :1], still[:, 1:], none)[0]
    torch.testing.assert_close(at_rest, template, atol=1e-6, rtol=0)
    turn = rotations(1, 1, 5)
    root_m = full.joints_m[:3]
    turned = full.vertices(turn, still[:, 1:], none)[0]
    expected = (template - root_m) @ turn[0, 0].T + root_m
    torch.testing.assert_close(turned, expected, atol=2e-6, rtol=0)


@pytest.mark.filterwarnings("ignore")
def test_parity_with_smplx(full: SmplBody, capsys) -> None:
    import smplx
    from smplx.utils import Struct

    data = smpl_files.random_smpl(11)
    parents = data["kintree_table"].astype(np.int64)
    layer = smplx.SMPLLayer("", data_struct=Struct(**{**data, "kintree_table": parents}))
    capsys.readouterr()
    for seed in range(3):
        orient, body_pose, betas = pose(4, 24, seed)
        theirs = layer(
            global_orient=orient, body_pose=body_pose, betas=betas, pose2rot=False
        ).vertices
        ours = full.vertices(orient, body_pose, betas)
        assert ours.dtype == torch.float32
        assert ours.shape == (4, 6890, 3)
        assert (ours - theirs).abs().max() < 1e-5
    np.testing.assert_array_equal(full.faces, layer.faces)


def test_parity_with_smplx_on_a_small_body_in_double_precision(tmp_path: Path) -> None:
    from smplx.lbs import lbs

    generator = np.random.default_rng(0)
    parents = np.array([-1, 0, 0, 1, 3, 2, 4])
    weights = generator.random((30, 7))
    arrays = {
        "v_template": generator.normal(size=(30, 3)),
        "shapedirs": generator.normal(size=(30, 3, 10)) * 0.1,
        "posedirs": generator.normal(size=(30, 3, 54)) * 0.1,
        "J_regressor": generator.dirichlet(np.ones(30), 7),
        "weights": weights / weights.sum(axis=1, keepdims=True),
    }
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    faces = np.array([[0, 1, 2]], np.int32)
    write_npz(tmp_path / "b.npz", **arrays, faces=faces, parents=parents.astype(np.int32))
    orient, body_pose, betas = pose(5, 7)
    double = {name: torch.tensor(array).double() for name, array in arrays.items()}
    theirs, _ = lbs(
        betas.double(),
        torch.cat([orient, body_pose], 1).double(),
        double["v_template"],
        double["shapedirs"],
        double["posedirs"].reshape(90, 54).T,
        double["J_regressor"],
        torch.tensor(parents),
        double["weights"],
        pose2rot=False,
    )
    ours = load_body(tmp_path / "b.npz").vertices(orient, body_pose, betas)
    assert (ours.double() - theirs).abs().max() < 1e-5


def test_people_do_not_depend_on_each_other(full: SmplBody) -> None:
    orient, body_pose, betas = pose(5, 24)
    together = full.vertices(orient, body_pose, betas)
    alone = torch.cat(
        [full.vertices(orient[i : i + 1], body_pose[i : i + 1], betas[i : i + 1]) for i in range(5)]
    )
    torch.testing.assert_close(together, alone, atol=2e-6, rtol=0)
    nobody = full.vertices(orient[:0], body_pose[:0], betas[:0])
    assert nobody.shape == (0, 6890, 3)


def test_it_computes_in_float32_whatever_is_around_it(full: SmplBody) -> None:
    orient, body_pose, betas = pose(2, 24)
    exact = full.vertices(orient, body_pose, betas)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = full.vertices(orient, body_pose, betas)
    torch.testing.assert_close(within, exact, atol=0, rtol=0)
    double = full.vertices(orient.double(), body_pose.double(), betas.double())
    torch.testing.assert_close(double, exact, atol=0, rtol=0)
    assert full.faces.dtype == np.int32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
def test_the_gpu_gives_the_same(full: SmplBody, tmp_path: Path) -> None:
    smpl_files.write_npz(tmp_path / "a.npz", smpl_files.random_smpl(11))
    convert_smpl(tmp_path / "a.npz", tmp_path / "b.npz")
    body = load_body(tmp_path / "b.npz", "cuda")
    arguments = pose(3, 24)
    with torch.autocast("cuda"):
        found = body.vertices(*(tensor.cuda() for tensor in arguments))
    assert found.device.type == body.device.type == "cuda"
    assert (found.cpu() - full.vertices(*arguments)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("name", "shape"),
    [("global_orient", (2, 3, 3)), ("body_pose", (2, 21, 3, 3)), ("betas", (2, 16))],
)
def test_arguments_of_other_shapes(full: SmplBody, name: str, shape: tuple[int, ...]) -> None:
    orient, body_pose, betas = pose(2, 24)
    arguments = {"global_orient": orient, "body_pose": body_pose, "betas": betas}
    arguments[name] = torch.zeros(shape)
    with pytest.raises(InputError, match=f"SMPL: {name} is .*; expected "):
        full.vertices(**arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"posedirs": np.zeros((3, 3, 9), np.float32)}, "posedirs is (3, 3, 9), but of 3 vertices"),
        ({"weights": np.eye(3)[:2].astype(np.float32)}, "weights is (2, 3), but of 3 vertices and"),
        ({"parents": np.array([-1, 2, 0], np.int32)}, "parents is [-1, 2, 0]; expected -1, then"),
        ({"parents": np.zeros(0, np.int32)}, "posedirs is (3, 3, 18), but of 3 vertices and 0"),
        ({"faces": np.array([[0, 1, 3]], np.int32)}, "faces refer to vertices that are not there"),
        ({"faces": np.array([[0, 1, 2.0]])}, "faces is of type float64"),
        ({"shapedirs": np.float32(1)}, "shapedirs is (), but of 3 vertices"),
    ],
)
def test_files_that_do_not_fit_together(changes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_arm(tmp_path, **changes)
    assert message in str(caught.value)
    assert "make it again with `mfh models add smpl FILE`" in str(caught.value)


def test_files_that_are_missing_or_lack_arrays(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_body(tmp_path / "absent.npz")
    write_npz(tmp_path / "a.npz", faces=np.zeros((0, 3), np.int32))
    with pytest.raises(InputError, match="lacks v_template, shapedirs, posedirs, J_regressor"):
        load_body(tmp_path / "a.npz")

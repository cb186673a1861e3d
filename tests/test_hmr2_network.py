"""HMR 2.0's network: upstream's outputs, the published names and shapes, half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_hmr2 import tiny_network

from mfh.errors import InputError, SettingsError
from mfh.people.hmr2 import HMR2, HMR2Config, load_checkpoint

# Of the vectors, see their README.
SMALL = HMR2Config(
    embed_dim=32,
    depth=2,
    num_heads=4,
    decoder_dim=32,
    decoder_depth=2,
    decoder_heads=2,
    decoder_dim_head=8,
    decoder_mlp_dim=48,
)


@pytest.fixture(scope="module")
def small(shared: Path) -> HMR2:
    return load_checkpoint(shared / "vectors/hmr2_small_state_dict.pt", SMALL)


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, torch.Tensor]:
    with np.load(shared / "vectors/hmr2_small_io.npz") as arrays:
        return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays}


@torch.inference_mode()
def test_outputs_are_upstreams(small: HMR2, vectors: dict[str, torch.Tensor]) -> None:
    features = small.backbone(vectors["input"][..., 32:224])
    torch.testing.assert_close(features, vectors["feats"], atol=1e-4, rtol=0)
    estimate = small(vectors["input"])
    for name in ("global_orient", "body_pose", "betas", "cam"):
        torch.testing.assert_close(getattr(estimate, name), vectors[name], atol=1e-4, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close_to_float32(
    shared: Path, vectors: dict[str, torch.Tensor], dtype: torch.dtype
) -> None:
    network = load_checkpoint(shared / "vectors/hmr2_small_state_dict.pt", SMALL)
    network.set_precision(dtype)
    estimate = network(vectors["input"])
    tolerance = {torch.bfloat16: 0.1, torch.float16: 0.01}[dtype]
    for name in ("global_orient", "body_pose", "betas", "cam"):
        value = getattr(estimate, name)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, vectors[name], atol=tolerance, rtol=0)
    rotations = torch.cat([estimate.global_orient, estimate.body_pose], dim=1)
    product = rotations @ rotations.mT
    torch.testing.assert_close(product, torch.eye(3).expand_as(product), atol=1e-5, rtol=0)


def test_mean_parameters_keep_their_precision() -> None:
    network = tiny_network().set_precision(torch.float16)
    assert network.smpl_head.init_cam.dtype == torch.float32
    assert network.smpl_head.deccam.weight.dtype == torch.float32
    assert network.smpl_head.transformer.pos_embedding.dtype == torch.float16
    assert {p.dtype for p in network.backbone.parameters()} == {torch.float16}


@torch.inference_mode()
def test_outer_columns_are_not_looked_at(small: HMR2, vectors: dict[str, torch.Tensor]) -> None:
    crops = vectors["input"].clone()
    crops[..., :32] = 9
    crops[..., 224:] = -9
    for changed, given in zip(small(crops), small(vectors["input"])):
        torch.testing.assert_close(changed, given, atol=0, rtol=0)
    crops[..., 32] = 9
    assert not torch.equal(small(crops).cam, small(vectors["input"]).cam)


def test_full_size_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        network = HMR2()
    found = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    expected = published_shapes()
    assert found == expected
    buffers = {"smpl_head.init_body_pose", "smpl_head.init_betas", "smpl_head.init_cam"}
    assert {f"smpl_head.{name}" for name, _ in network.smpl_head.named_buffers()} == buffers
    count = sum(np.prod(shape) for name, shape in expected.items() if name not in buffers)
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    # By hand: each block 12 d^2 + 13 d, d = 1280; patches 769 d; positions 193 d; last norm 2 d.
    backbone = 32 * (12 * 1280**2 + 13 * 1280) + (769 + 193 + 2) * 1280
    # Each layer: 4 dI + 2 d + d + dI + 2 I 1280 + dI + 2 d + d + 2 d m + 3 d + m, d = m = 1024,
    # I = 512; token embedding and position 3 d; 157 numbers read out.
    d, inner = 1024, 512
    layer = 6 * d * inner + 2 * 1280 * inner + 2 * d * d + 10 * d
    assert count == backbone + 6 * layer + 3 * d + 157 * (d + 1)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """The checkpoint's tensors of `backbone` and `smpl_head`, as the upstream classes make them."""

    def linear(name: str, out: int, into: int, bias: bool = True) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (out, into)} | ({f"{name}.bias": (out,)} if bias else {})

    def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (width,), f"{name}.bias": (width,)}

    shapes: dict[str, tuple[int, ...]] = {
        "backbone.pos_embed": (1, 193, 1280),
        "backbone.patch_embed.proj.weight": (1280, 3, 16, 16),
        "backbone.patch_embed.proj.bias": (1280,),
        **norm("backbone.last_norm", 1280),
        "smpl_head.init_body_pose": (1, 144),
        "smpl_head.init_betas": (1, 10),
        "smpl_head.init_cam": (1, 3),
        "smpl_head.transformer.pos_embedding": (1, 1, 1024),
        **linear("smpl_head.transformer.to_token_embedding", 1024, 1),
        **linear("smpl_head.decpose", 144, 1024),
        **linear("smpl_head.decshape", 10, 1024),
        **linear("smpl_head.deccam", 3, 1024),
    }
    for index in range(32):
        block = f"backbone.blocks.{index}"
        shapes |= norm(f"{block}.norm1", 1280) | norm(f"{block}.norm2", 1280)
        shapes |= linear(f"{block}.attn.qkv", 3840, 1280)
        shapes |= linear(f"{block}.attn.proj", 1280, 1280)
        shapes |= linear(f"{block}.mlp.fc1", 5120, 1280) | linear(f"{block}.mlp.fc2", 1280, 5120)
    for index in range(6):
        layer = f"smpl_head.transformer.transformer.layers.{index}"
        for part in range(3):
            shapes |= norm(f"{layer}.{part}.norm", 1024)
        shapes |= linear(f"{layer}.0.fn.to_qkv", 1536, 1024, bias=False)
        shapes |= linear(f"{layer}.0.fn.to_out.0", 1024, 512)
        shapes |= linear(f"{layer}.1.fn.to_q", 512, 1024, bias=False)
        shapes |= linear(f"{layer}.1.fn.to_kv", 1024, 1280, bias=False)
        shapes |= linear(f"{layer}.1.fn.to_out.0", 1024, 512)
        shapes |= linear(f"{layer}.2.fn.net.0", 1024, 1024)
        shapes |= linear(f"{layer}.2.fn.net.3", 1024, 1024)
    return shapes


@torch.inference_mode()
def test_a_network_without_checkpoint_gives_a_body_at_rest() -> None:
    network = tiny_network()
    for layer in (network.smpl_head.decpose, network.smpl_head.decshape):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    estimate = network(torch.zeros(2, 3, 256, 256))
    torch.testing.assert_close(estimate.body_pose, torch.eye(3).expand(2, 23, 3, 3))
    torch.testing.assert_close(estimate.betas, torch.zeros(2, 10))


@pytest.mark.parametrize("shape", [(1, 3, 256, 192), (3, 256, 256), (1, 1, 256, 256)])
def test_crops_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected \(B, 3, 256, 256\)"):
        tiny_network()(torch.zeros(shape))


@pytest.mark.parametrize("sizes", [{"depth": 0}, {"decoder_dim": -1}, {"embed_dim": 32.0}])
def test_impossible_sizes_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(sizes))} is .* at least 1"):
        HMR2Config(**sizes)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(SettingsError, match="3 heads do not divide embed_dim 32"):
        HMR2Config(embed_dim=32, num_heads=3)

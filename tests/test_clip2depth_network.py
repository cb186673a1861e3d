"""CLIP2Depth's network: its parts are CLIPSeg's own, and what trains is what should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tiny_clipseg import PROCESSOR, tiny_clipseg

from mfh.errors import InputError, ModelError, SettingsError
from mfh.estimators.clip2depth.config import Clip2DepthConfig
from mfh.estimators.clip2depth.network import Clip2DepthNetwork, to_pixels
from mfh.models import Weights

KINDS: dict[str, dict[str, Any]] = {
    "modulation": {},
    "detached": {"mirror": "detached"},
    "scratch": {"decoder": "scratch"},
    "similarity": {"config": Clip2DepthConfig("similarity")},
    "similarity from scratch": {"config": Clip2DepthConfig("similarity"), "decoder": "scratch"},
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clipseg(tmp_path_factory.mktemp("models") / "clipseg")


def network_of(folder: Path, **options: Any) -> Clip2DepthNetwork:
    config = options.pop("config", Clip2DepthConfig())
    return Clip2DepthNetwork.from_clipseg(Weights.local(folder), config, **options)


def official(folder: Path) -> Any:
    return transformers.CLIPSegForImageSegmentation.from_pretrained(folder).eval()


def photos(*shapes: tuple[int, int]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def logits_of(network: Clip2DepthNetwork, depth_m: torch.Tensor) -> torch.Tensor:
    low, high = network.config.min_depth_m, network.config.max_depth_m
    return torch.logit((depth_m.double() - low) / (high - low)).float()


def test_depth_is_a_sigmoid_of_the_official_logits(folder: Path):
    network = network_of(folder)
    pixels = network.pixels(photos((48, 80), (100, 70)))
    with torch.no_grad():
        condition = network.condition()
        expected = official(folder)(
            pixel_values=pixels, conditional_embeddings=condition.expand(2, -1)
        ).logits
        depth_m = network(pixels)
    assert depth_m.shape == (2, 64, 64) and depth_m.dtype == torch.float32
    assert expected.std() > 0.05
    torch.testing.assert_close(logits_of(network, depth_m), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(depth_m, 1e-3 + (10 - 1e-3) * expected.sigmoid())


def test_real_tokens_as_the_mirror_give_the_official_text_embedding(folder: Path):
    """Position embeddings, causal mask, final norm, the last token, projection."""
    model = official(folder)
    tokens = torch.tensor([[62, 5, 17, 3, 40, 8, 63]])  # begin, five sub-words, end
    network = network_of(folder, config=Clip2DepthConfig(tokens=tokens.shape[1]))
    with torch.no_grad():
        network.mirror.copy_(model.clip.text_model.embeddings.token_embedding(tokens[0]))
        found = model.clip.get_text_features(tokens)
        expected = getattr(found, "pooler_output", found)  # a tensor in transformers 4
        condition = network.condition()
        torch.testing.assert_close(condition, expected, atol=1e-5, rtol=1e-5)
        # Without the end no token sees it: earlier ones know nothing of later ones.
        shuffled = network.mirror[[0, 2, 1, 3, 4, 5, 6]]
        network.mirror.copy_(shuffled)
        assert (network.condition() - expected).abs().max() > 1e-3


def test_a_token_alone_is_a_prompt_of_its_own_for_similarities(folder: Path):
    model = official(folder)
    network = network_of(folder, config=Clip2DepthConfig("similarity"))
    with torch.no_grad():
        network.mirror[5] = model.clip.text_model.embeddings.token_embedding.weight[63]
        found = model.clip.get_text_features(torch.tensor([[63]]))
        expected = getattr(found, "pooler_output", found)
        condition = network.condition()
    assert condition.shape == (64, 16)
    torch.testing.assert_close(condition[5], (expected / expected.norm())[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(condition.norm(dim=-1), torch.ones(64))


def test_similarities_of_a_patch_with_itself_are_one(folder: Path):
    """The decoder gets cosines in CLIP's joint space, one channel for each token."""
    network = network_of(folder, config=Clip2DepthConfig("similarity"))
    model = official(folder)
    pixels = network.pixels(photos((64, 64)))
    seen: list[torch.Tensor] = []
    network.clipseg.decoder.register_forward_pre_hook(lambda _, given: seen.extend(given[0]))
    with torch.no_grad():
        states = model.clip.vision_model(
            pixels, output_hidden_states=True, interpolate_pos_encoding=True
        ).hidden_states[2]  # layer 1, the second that is extracted
        normed = model.clip.vision_model.post_layernorm(states)
        embedded = model.clip.visual_projection(normed)[0]
        embedded = embedded / embedded.norm(dim=-1, keepdim=True)
        condition = network.condition()
        condition[7] = embedded[3]
        network(pixels, condition)
    assert [tuple(each.shape) for each in seen] == [(1, 17, 64)] * 3
    torch.testing.assert_close(seen[1][0], embedded @ condition.T, atol=1e-5, rtol=1e-5)
    assert seen[1][0, 3, 7].item() == pytest.approx(1, abs=1e-5)


def expected_trained(kind: str, name: str) -> bool:
    if name == "mirror":
        return kind != "detached"
    used = name.startswith(("clipseg.decoder.layers.", "clipseg.decoder.transposed_convolution."))
    return used or (name.startswith("clipseg.decoder.reduces.") and "similarity" not in kind)


@EVERY_KIND
def test_exactly_what_should_train_changes(folder: Path, kind: str):
    """The rest, buffers included, is bit-identical after steps."""
    torch.manual_seed(0)
    network = network_of(folder, **KINDS[kind])
    names = {name for name, each in network.named_parameters() if each.requires_grad}
    assert names == {n for n, _ in network.named_parameters() if expected_trained(kind, n)}
    trained = network.trained_parameters()
    assert {name.removeprefix("clipseg.") for name in names} == set(trained)
    before = {
        name: each.clone() for name, each in (*network.named_parameters(), *network.named_buffers())
    }
    optimizer = torch.optim.AdamW(trained.values(), lr=0.01, weight_decay=0.01)
    pixels = network.pixels(photos((48, 80), (64, 64)))
    for _ in range(3):
        optimizer.zero_grad()
        (network(pixels) - 2).square().mean().backward()
        optimizer.step()
    after = dict((*network.named_parameters(), *network.named_buffers()))
    changed = {name for name, each in after.items() if not torch.equal(each, before[name])}
    # Shifting all keys alike changes no softmax: their bias has no gradient but rounding.
    assert {n for n in names ^ changed if not n.endswith("k_proj.bias")} == set()


@pytest.mark.parametrize("kind", ["modulation", "similarity"])
def test_the_gradient_of_the_mirror_is_that_of_finite_differences(folder: Path, kind: str):
    network = network_of(folder, **KINDS[kind]).double()
    pixels = network.pixels(photos((40, 64))).double()
    direction = torch.randn(
        network.mirror.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )

    def loss() -> torch.Tensor:
        return network(pixels).log().square().mean()

    (gradient,) = torch.autograd.grad(loss(), [network.mirror])
    step = 1e-7  # small, for the kinks of the decoder's ReLU lie between larger ones
    values = []
    with torch.no_grad():
        start = network.mirror.clone()
        for sign in (1, -1):
            network.mirror.copy_(start + sign * step * direction)
            values.append(loss().item())
    numeric = (values[0] - values[1]) / (2 * step)
    assert abs(numeric) > 1e-6
    assert (gradient * direction).sum().item() == pytest.approx(numeric, rel=1e-6)


def test_what_begins_at_random_is_drawn_by_the_seed_alone(folder: Path):
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(states))
        state = torch.random.get_rng_state()
        network = network_of(folder, decoder="scratch", seed=seed)
        assert torch.equal(torch.random.get_rng_state(), state)
        states.append(network.trained_state())
    for name in states[0]:
        assert torch.equal(states[0][name], states[1][name])
        constant = name.endswith(("layer_norm1.weight", "layer_norm2.weight")) or (
            "layer_norm" in name and name.endswith("bias")
        )
        assert constant or not torch.equal(states[0][name], states[2][name]), name
    mirror = network_of(folder).trained_state()["mirror"]
    assert mirror.std().item() == pytest.approx(0.02, rel=0.05)
    assert torch.equal(network_of(folder, decoder="scratch").mirror, mirror)


@EVERY_KIND
def test_the_state_is_what_differs_from_clipseg(folder: Path, kind: str):
    network, other = (network_of(folder, **KINDS[kind], seed=seed) for seed in (0, 1))
    state = network.trained_state()
    film = {f"decoder.film_{a}.{b}" for a in ("mul", "add") for b in ("weight", "bias")}
    stored = {"mirror", *network.trained_parameters()}
    assert set(state) == (stored | film if kind == "scratch" else stored)
    pixels = network.pixels(photos((64, 50)))
    with torch.no_grad():
        expected = network(pixels)
        assert not torch.equal(other(pixels), expected)
        other.load_trained_state(state)
        assert torch.equal(other(pixels), expected)
        network.mirror.zero_()
    assert state["mirror"].any(), "a copy"


def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(folder: Path):
    network = network_of(folder)
    state = network.trained_state()
    before = {name: each.clone() for name, each in state.items()}
    key = "decoder.layers.0.mlp.fc1.weight"
    for broken, words in (
        ({k: v for k, v in state.items() if k != key}, f"{key} is missing: .* another model"),
        ({**state, "decoder.more": torch.zeros(1)}, "decoder.more does not belong there"),
        ({**state, "mirror": torch.zeros(3, 24)}, r"mirror is \(3, 24\), expected \(64, 24\): "),
        ({**state, key: torch.full_like(state[key], torch.nan)}, f"{key} holds NaN .*diverged"),
    ):
        with pytest.raises(ModelError, match=words):
            network.load_trained_state(broken)
        assert all(torch.equal(v, before[k]) for k, v in network.trained_state().items())


def test_photos_go_in_as_clipsegs_own_processor_has_them(folder: Path):
    images = photos((48, 80), (130, 60))
    network = network_of(folder)
    assert network.size_px == 64, "the processor's, not the encoder's 32"
    processor = transformers.ViTImageProcessor.from_pretrained(folder)
    expected = torch.cat([processor(each, return_tensors="pt").pixel_values for each in images])
    pixels = network.pixels(images)
    assert pixels.shape == (2, 3, 64, 64) and pixels.dtype == torch.float32
    # One step of a byte: PyTorch and Pillow round differently.
    torch.testing.assert_close(pixels, expected, atol=1.01 / 255 / 0.224, rtol=0)
    assert (pixels - expected).abs().mean() < 0.003
    alone = to_pixels(images[0], 64, PROCESSOR["image_mean"], PROCESSOR["image_std"])
    assert torch.equal(alone, pixels[0])


@pytest.mark.parametrize("shape", [(1, 3, 64, 48), (1, 1, 64, 64), (3, 64, 64), (1, 3, 60, 60)])
def test_pixels_of_another_shape_are_refused(folder: Path, shape: tuple[int, ...]):
    with pytest.raises(InputError, match=r"pixels are .*S a multiple of 16, as pixels\(\) gives"):
        network_of(folder)(torch.zeros(shape))


def test_a_mirror_that_does_not_fit_is_refused(folder: Path):
    with pytest.raises(SettingsError, match="tokens is 32, but the decoder has 64 channels"):
        network_of(folder, config=Clip2DepthConfig("similarity", tokens=32))
    with pytest.raises(SettingsError, match="tokens is 78, but the text encoder has .* 77"):
        network_of(folder, config=Clip2DepthConfig(tokens=78))
    for values, words in (
        ({"conditioning": "other"}, "accepted: modulation, similarity"),
        ({"tokens": 0}, "a whole number from 1"),
        ({"tokens": 2.5}, "a whole number"),
        ({"min_depth_m": 0.0}, "above 0"),
        ({"min_depth_m": 5.0, "max_depth_m": 5.0}, "above 5"),
        ({"max_depth_m": float("inf")}, "above 0.001"),
        ({"max_depth_m": float("nan")}, "above 0.001"),
    ):
        with pytest.raises(SettingsError, match=words):
            Clip2DepthConfig(**values)


def test_what_is_no_clipseg_is_refused(tmp_path: Path):
    folder = tiny_clipseg(tmp_path / "other")
    config = folder / "config.json"
    read = json.loads(config.read_text(encoding="utf-8"))
    processor = folder / "preprocessor_config.json"
    processor.write_text(
        json.dumps({**PROCESSOR, "size": {"height": 64, "width": 80}}), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="80 x 64 px, and CLIPSeg takes squares"):
        network_of(folder)
    config.write_text(json.dumps({**read, "model_type": "clip"}), encoding="utf-8")
    with pytest.raises(ModelError, match="of type 'clip', .*get it with: mfh models get clipseg"):
        network_of(folder)
    (folder / "model.safetensors").unlink()
    config.write_text(json.dumps(read), encoding="utf-8")
    with pytest.raises(ModelError, match=r"model.safetensors is missing"):
        network_of(folder)


def test_half_precision_of_training_gives_finite_gradients(folder: Path):
    for kind in ("modulation", "similarity"):
        network = network_of(folder, **KINDS[kind])
        pixels = network.pixels(photos((48, 80), (64, 64)))
        with torch.autocast("cpu", torch.bfloat16):
            depth_m = network(pixels)
        assert depth_m.dtype == torch.float32
        depth_m.log().square().mean().backward()
        gradients = [each.grad for each in network.trained_parameters().values()]
        assert all(each is not None and each.isfinite().all() for each in gradients)

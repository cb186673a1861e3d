"""CLIP2Depth as a method: what is saved, what is predicted, and what is said of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from tiny_clipseg import tiny_clipseg
from torch.nn.functional import interpolate

from mfh.errors import MissingPartError, ModelError, NumericsError, SettingsError
from mfh.estimators import clip2depth as package
from mfh.estimators.clip2depth import (
    CLIP2Depth,
    Clip2DepthConfig,
    load_config,
    load_network,
    save_model,
)
from mfh.estimators.clip2depth.network import Clip2DepthNetwork
from mfh.models import ModelStore, Weights, catalogue, find_model, needed
from mfh.models.needs import packages_remedy
from mfh.records import Intrinsics, Photo
from mfh.settings import PRESETS, settings_from

HEIGHT, WIDTH = 60, 84
TRAINED_ON = {"data_set": "NYU Depth v2", "focal_length_widths": 0.811}
KINDS: dict[str, dict[str, Any]] = {
    "modulation": {},
    "detached": {"mirror": "detached"},
    "scratch": {"decoder": "scratch"},
    "similarity": {"config": Clip2DepthConfig("similarity", 64, 0.1, 80.0)},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights.local(tiny_clipseg(tmp_path_factory.mktemp("models") / "clipseg"))


@pytest.fixture(scope="module")
def model(base: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained for a few steps."""
    return save(trained(base), tmp_path_factory.mktemp("trained") / "mine", base)


def trained(base: Weights, **options: Any) -> Clip2DepthNetwork:
    config = options.pop("config", Clip2DepthConfig())
    network = Clip2DepthNetwork.from_clipseg(base, config, **options)
    optimizer = torch.optim.AdamW(network.trained_parameters().values(), lr=0.01)
    pixels = network.pixels([photo().image])
    for _ in range(3):
        optimizer.zero_grad()
        (network(pixels) - 2).square().mean().backward()
        optimizer.step()
    return network


def save(network: Clip2DepthNetwork, folder: Path, base: Weights) -> Path:
    told = {"id": str(base.folder), "identity": dict(base.identity)}
    save_model(folder, network, trained_on=TRAINED_ON, base=told)
    return folder


def photo(height: int = HEIGHT, width: int = WIDTH) -> Photo:
    """A photo of smooth random colours."""
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    image = np.asarray(Image.fromarray(coarse).resize((width, height)))
    return Photo(image, Intrinsics(1.2 * width, 100, width / 2, height / 2, height, width))


def copy(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_predicts_the_same_depth(base: Weights, tmp_path: Path, kind: str):
    network = trained(base, **KINDS[kind])
    folder = save(network, tmp_path / "mine", base)
    result = CLIP2Depth(folder, device="cpu").predict(photo())
    with torch.no_grad():
        depth = network(network.pixels([photo().image]))
        expected = interpolate(depth[:, None], (HEIGHT, WIDTH), mode="bilinear")[0, 0]
    assert result.depth_m.shape == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(result.depth_m, expected.numpy())
    low, high = network.config.min_depth_m, network.config.max_depth_m
    assert low < result.depth_m.min() < result.depth_m.max() < high
    saved = load_config(folder)
    assert (saved.config, saved.decoder, saved.mirror) == (
        network.config,
        network.decoder_from,
        network.mirror_use,
    )
    assert saved.trained_on == TRAINED_ON
    assert saved.base["id"] == str(base.folder)
    assert saved.base["identity"] == json.loads(json.dumps(base.identity))


def test_only_what_training_changed_is_saved(base: Weights, model: Path):
    state = safetensors.torch.load_file(model / "clip2depth.safetensors")
    network = load_network(model, base)
    assert set(state) == {"mirror", *network.trained_parameters()}
    assert not [name for name in state if "film" in name or "clip." in name]
    size = (model / "clip2depth.safetensors").stat().st_size
    assert 0 <= size - 4 * sum(each.numel() for each in state.values()) < 8000
    assert sorted(each.name for each in model.iterdir()) == [
        "clip2depth.safetensors",
        "config.json",
    ]


@pytest.mark.parametrize("shape", [(60, 84), (200, 90), (40, 40)])
def test_the_text_encoder_runs_once_and_the_depth_is_the_same(
    base: Weights, model: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int]
):
    calls: list[int] = []
    condition = Clip2DepthNetwork.condition

    def counted(self: Clip2DepthNetwork) -> torch.Tensor:
        calls.append(1)
        return condition(self)

    monkeypatch.setattr(Clip2DepthNetwork, "condition", counted)
    estimator = CLIP2Depth(model, base=base, device="cpu")
    first = estimator.predict(photo(*shape)).depth_m
    network, _ = estimator._loaded
    runs: list[int] = []
    network.clipseg.clip.text_model.encoder.register_forward_hook(lambda *_: runs.append(1))
    for _ in range(2):
        np.testing.assert_array_equal(estimator.predict(photo(*shape)).depth_m, first)
    assert (len(calls), len(runs)) == (1, 0)
    with torch.no_grad():
        uncached = network(network.pixels([photo(*shape).image]))
    assert (len(calls), len(runs)) == (2, 1)
    uncached = interpolate(uncached[:, None], shape, mode="bilinear")[0, 0]
    np.testing.assert_array_equal(uncached.numpy(), first)


def test_what_it_was_trained_on_is_said(base: Weights, model: Path):
    result = CLIP2Depth(model, base=base, device="cpu").predict(photo())
    assert result.parts == {
        "estimator": "CLIP2Depth (mine)",
        "camera": "camera not used",
        "trained on": "NYU Depth v2",
        "conditioning": "modulation",
        "mirror": "trained",
    }
    assert result.device == "CPU"
    assert result.warnings == (
        "CLIP2Depth (mine) does not take the camera: it was trained on NYU Depth v2, and its "
        "metres hold for cameras like those: focal length 0.81 of the photo's width, this photo's "
        "is 1.20",
    )


def test_an_assumed_camera_is_told_as_one(base: Weights, model: Path):
    taken = photo()
    assumed = replace(taken, camera=replace(taken.camera, source="assumed"))
    result = CLIP2Depth(model, base=base, device="cpu").predict(assumed)
    assert any("this photo's is assumed to be 1.20" in each for each in result.warnings)


def test_where_the_training_cameras_are_unknown_no_number_is_made_up(base: Weights, tmp_path: Path):
    network = Clip2DepthNetwork.from_clipseg(base, Clip2DepthConfig())
    save_model(tmp_path / "m", network, trained_on={}, base={"id": str(base.folder)})
    result = CLIP2Depth(tmp_path / "m", device="cpu").predict(photo())
    (warning,) = result.warnings
    assert warning.endswith("trained on unknown photos, and its metres hold for cameras like those")


def test_a_randomised_mirror_changes_the_depth_and_is_told(base: Weights, model: Path):
    whole = CLIP2Depth(model, base=base, device="cpu")
    random = CLIP2Depth(model, base=base, mirror="randomised", device="cpu")
    result = random.predict(photo())
    assert np.abs(result.depth_m / whole.predict(photo()).depth_m - 1).max() > 1e-3
    again = CLIP2Depth(model, base=base, mirror="randomised", device="cpu").predict(photo())
    np.testing.assert_array_equal(again.depth_m, result.depth_m)
    mirror = random._loaded[0].mirror
    assert mirror.std().item() == pytest.approx(0.02, rel=0.05)
    # It is new also where the seed of the training was the default.
    fresh = Clip2DepthNetwork.from_clipseg(base, Clip2DepthConfig())
    assert not torch.equal(mirror, fresh.mirror)
    assert result.parts["mirror"] == "randomised"
    assert "mirror was replaced by random numbers" in result.warnings[1]
    assert random.fingerprint != whole.fingerprint
    with pytest.raises(SettingsError, match="mirror 'other' is unknown; use trained or randomised"):
        CLIP2Depth(model, mirror="other")  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["modulation", "similarity"])
def test_half_precision_is_finite_and_near(
    base: Weights, tmp_path: Path, kind: str, precision: Any
):
    folder = save(trained(base, **KINDS[kind]), tmp_path / "mine", base)
    full = CLIP2Depth(folder, device="cpu").predict(photo()).depth_m
    half = CLIP2Depth(folder, device="cpu", precision=precision)
    found = half.predict(photo()).depth_m
    assert found.dtype == np.float32 and np.isfinite(found).all()
    np.testing.assert_allclose(found, full, rtol=0.05)
    assert half.fingerprint["precision"] == precision


def test_a_fingerprint_tells_trainings_apart_not_places(base: Weights, model: Path, tmp_path: Path):
    fingerprint = CLIP2Depth(model, device="cpu").fingerprint
    assert json.loads(json.dumps(fingerprint)) == fingerprint
    moved = copy(model, tmp_path / "moved")
    assert CLIP2Depth(moved, device="cpu").fingerprint == fingerprint
    other = save(trained(base, seed=5), tmp_path / "other", base)
    assert CLIP2Depth(other, device="cpu").fingerprint != fingerprint


def test_another_clipseg_is_refused_and_a_copy_is_not(
    base: Weights, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other = Weights.local(tiny_clipseg(tmp_path / "other", seed=1, reduce_dim=32))
    with pytest.raises(ModelError, match=r"was trained on .*clipseg, whose .*: give the one"):
        CLIP2Depth(model, base=other, device="cpu").predict(photo())
    moved = Weights.local(copy(base.folder, tmp_path / "copy"))
    assert CLIP2Depth(model, base=moved, device="cpu").predict(photo()).depth_m.any()
    # Where the folder it was trained on is not here, the published one is asked for.
    elsewhere = copy(model, tmp_path / "elsewhere")
    change(elsewhere, base={**load_config(model).base, "id": str(tmp_path / "gone")})
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    with pytest.raises(MissingPartError, match=r"gone: the CLIPSeg .* get it with: mfh models get"):
        load_network(elsewhere)


def change(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    read = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**read, **values}), encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"format": "mfh CLIP2Depth 9"}, "its format is .*9', .*train it again"),
        ({"decoder": "other"}, "decoder 'other' .*give the folder that `mfh train clip2depth`"),
        ({"mirror": ["trained"]}, "is unknown"),
        ({"config": {"tokens": 0}}, "does not say what a CLIP2Depth is .*tokens is 0"),
        ({"config": {"colour": 1}}, "colour"),
        ({"base": {"id": "x"}}, "sha256 is missing"),
        ({"base": {"id": 1, "sha256": ""}}, "base has no id and sha256"),
        ({"base": "x"}, "does not say what a CLIP2Depth is"),
        ({"trained_on": None}, "does not say what a CLIP2Depth is"),
    ],
)
def test_a_config_that_is_none_is_refused(
    model: Path, tmp_path: Path, values: dict[str, Any], words: str
):
    folder = copy(model, tmp_path / "broken")
    change(folder, **values)
    with pytest.raises(ModelError, match=words):
        CLIP2Depth(folder)


def test_files_that_are_none_are_refused(base: Weights, model: Path, tmp_path: Path):
    with pytest.raises(ModelError, match=r"holds no config.json, .*give the folder that `mfh"):
        CLIP2Depth(tmp_path)
    copy(model, tmp_path / "run" / "model")
    with pytest.raises(ModelError, match=r"give the model in it: .*run.model$"):
        CLIP2Depth(tmp_path / "run")
    folder = copy(model, tmp_path / "broken")
    for text in ("[]", "{", '{"model_type": "clip"}'):
        (folder / "config.json").write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match="does not say what a CLIP2Depth is"):
            CLIP2Depth(folder)
    shutil.copy(model / "config.json", folder)
    state = safetensors.torch.load_file(model / "clip2depth.safetensors")
    path = folder / "clip2depth.safetensors"
    for broken, words in (
        ({**state, "mirror": torch.zeros(64, 7)}, r"mirror is \(64, 7\), expected \(64, 24\)"),
        ({**state, "mirror": torch.full((64, 24), torch.nan)}, "mirror holds NaN .*diverged"),
        ({"mirror": state["mirror"]}, "is missing: it is the state of another model"),
    ):
        safetensors.torch.save_file(broken, path)
        with pytest.raises(ModelError, match=f"clip2depth.safetensors: .*{words}.*; give the"):
            CLIP2Depth(folder, base=base, device="cpu").predict(photo())
    path.write_bytes((model / path.name).read_bytes()[:1000])
    with pytest.raises(ModelError, match="clip2depth.safetensors: is damaged"):
        load_network(folder, base)
    path.unlink()
    with pytest.raises(ModelError, match=r"holds no clip2depth.safetensors"):
        CLIP2Depth(folder)


def test_a_training_that_diverged_leaves_what_was_saved(base: Weights, model: Path, tmp_path: Path):
    folder = copy(model, tmp_path / "kept")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    network = load_network(folder, base)
    with torch.no_grad():
        network.mirror[3, 4] = torch.inf
    with pytest.raises(ModelError, match=r"nothing was written: mirror holds NaN or infinite"):
        save(network, folder, base)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_depth_that_is_not_finite_is_no_depth(base: Weights, model: Path):
    estimator = CLIP2Depth(model, base=base, device="cpu")
    with torch.no_grad():
        estimator._loaded[0].clipseg.decoder.layers[0].mlp.fc1.weight.fill_(torch.inf)
    with pytest.raises(NumericsError, match="holds NaN or infinite values"):
        estimator.predict(photo())


def test_clipseg_is_in_the_catalogue_and_no_settings_need_it(tmp_path: Path):
    model = find_model("clipseg")
    assert find_model("CIDAS/clipseg-rd64-refined", "estimator") is model in catalogue()
    assert not model.default and model.downloadable
    assert model.files[1].bytes == 603_049_496 and len(model.files[1].sha256) == 64
    store = ModelStore(tmp_path)
    assert all(model not in needed(settings_from(preset), store) for preset in PRESETS)
    with pytest.raises(SettingsError, match="clipseg is an estimator, not a disparity"):
        settings = settings_from(**{"disparity.model": "clipseg"})
        needed(settings, store)


def test_packages_of_a_model_without_a_setting_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mfh.models.needs.find_spec", lambda _: None)
    assert packages_remedy(find_model("clipseg")).endswith(
        "not found here: pip install torch torchvision transformers"
    )


def test_importing_it_and_reading_a_config_load_no_model_library(model: Path):
    code = (
        "import sys\n"
        "from mfh.estimators.clip2depth import CLIP2Depth\n"
        f"CLIP2Depth({str(model)!r})\n"
        "assert not {'torch', 'transformers', 'safetensors.torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(package.__all__) <= set(dir(package))

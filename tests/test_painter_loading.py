"""Folders the painter can load, and what it says of those it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_painter import write_tiny_sd_inpainting

from mfh.errors import InputError, MissingPartError
from mfh.models.weights import Weights
from mfh.painting.loading import load_pipeline

_UNET = "unet/diffusion_pytorch_model.safetensors"
_VAE = "vae/diffusion_pytorch_model.safetensors"
_TEXT = "text_encoder/model.safetensors"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painter") / "sd2"
    return write_tiny_sd_inpainting(folder, safety_checker=True)


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "sd2"))


def _load(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    return load_pipeline(Weights("Stable Diffusion 2 inpainting", folder), dtype)


def test_the_official_tensors_are_loaded_without_the_safety_checker(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pipeline = _load(folder)
    assert pipeline.safety_checker is None
    assert capfd.readouterr() == ("", "")
    for path, part in ((_UNET, pipeline.unet), (_VAE, pipeline.vae)):
        tensors = load_file(folder / path)
        assert {key: value.tolist() for key, value in part.state_dict().items()} == {
            key: value.tolist() for key, value in tensors.items()
        }
    stored = load_file(folder / _TEXT)
    parameters = dict(pipeline.text_encoder.named_parameters())
    assert len(parameters) == len(stored) - 1  # all but the positions
    for key, value in parameters.items():
        official = key if key.startswith("text_model.") else f"text_model.{key}"
        assert torch.equal(value, stored[official])


def test_half_precision(folder: Path) -> None:
    pipeline = _load(folder, torch.bfloat16)
    assert {
        next(part.parameters()).dtype
        for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder)
    } == {torch.bfloat16}


@pytest.mark.parametrize("paths", [(_UNET, _VAE, _TEXT), (_UNET,)])
def test_fp16_files_are_taken_where_there_are_no_others(
    folder: Path, paths: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    for path in paths:
        file = folder / path
        tensors = {key: value.half() if value.is_floating_point() else value
                   for key, value in load_file(file).items()}  # fmt: skip
        save_file(tensors, file.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
        file.unlink()
    stored = load_file((folder / _UNET).with_suffix(".fp16.safetensors"))
    pipeline = _load(folder, torch.float16)
    assert torch.equal(pipeline.unet.conv_in.weight, stored["conv_in.weight"])
    assert capfd.readouterr() == ("", "")


def test_older_files_without_safetensors_are_read_as_data(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path, name in (
        (_UNET, "diffusion_pytorch_model.bin"),
        (_VAE, "diffusion_pytorch_model.bin"),
        (_TEXT, "pytorch_model.bin"),
    ):
        tensors = load_file(folder / path)
        torch.save(tensors, (folder / path).with_name(name))
        (folder / path).unlink()
    pipeline = _load(folder)
    stored = torch.load(folder / "unet" / "diffusion_pytorch_model.bin", weights_only=True)
    assert torch.equal(pipeline.unet.conv_in.weight, stored["conv_in.weight"])
    assert capfd.readouterr() == ("", "")


def _truncated(path: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = (folder / path).read_bytes()
        (folder / path).write_bytes(content[: len(content) // 2])

    return spoil


def _without(*paths: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for path in paths:
            whole = folder / path
            shutil.rmtree(whole) if whole.is_dir() else whole.unlink()

    return spoil


def _lacking(path: str, word: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        kept = {key: value for key, value in load_file(folder / path).items() if word not in key}
        save_file(kept, folder / path, metadata={"format": "pt"})

    return spoil


def _with(path: str, **changes: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / path).read_text(encoding="utf-8"))
        (folder / path).write_text(json.dumps({**content, **changes}), encoding="utf-8")

    return spoil


def _text(path: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).write_text(text, encoding="utf-8") and None


_INDEX = "model_index.json"
_WRONG = {
    "truncated unet": (_truncated(_UNET), r"unet.diffusion_pytorch_model.safetensors.*models get"),
    "truncated text encoder": (_truncated(_TEXT), "text_encoder is damaged .*`mfh models get`"),
    "empty unet": (_text(_UNET, ""), r"unet.diffusion_pytorch_model.safetensors"),
    "a pointer instead of a file": (_text(_UNET, "version https://git-lfs"), "git.lfs pull"),
    "no unet file": (_without(_UNET), "no file named .* found in directory .*unet"),
    "no unet": (_without("unet"), r"sd2.unet is missing; `mfh models check`"),
    "no text encoder file": (_without(_TEXT), "no file named .*model.safetensors.*text_encoder"),
    "no tokenizer": (_without("tokenizer"), r"sd2.tokenizer is missing"),
    "no vocabulary": (
        _without("tokenizer/vocab.json", "tokenizer/merges.txt"),
        r"sd2.tokenizer holds no vocabulary",
    ),
    "half a vocabulary": (_without("tokenizer/merges.txt"), "tokenizer holds no vocabulary"),
    "no scheduler": (_without("scheduler"), r"sd2.scheduler is missing"),
    "tensors missing in unet": (_lacking(_UNET, "conv_in"), "unet lacks 2 tensors, e.g. conv_in"),
    "tensors missing in vae": (_lacking(_VAE, "quant_conv.bias"), "vae lacks 2 tensors"),
    "tensors missing in text encoder": (
        _lacking(_TEXT, "layers.0.self_attn.q_proj.weight"),
        r"text_encoder lacks 1 tensor, e.g. .*layers.0.self_attn.q_proj.weight",
    ),
    "another unet": (_with("unet/config.json", in_channels=5), "conv_in.weight expected shape"),
    "another text encoder": (_with("text_encoder/config.json", hidden_size=64), "be loaded as a"),
    "a broken configuration": (
        _text("unet/config.json", "{"),
        r"unet.config.json: not a readable JSON file",
    ),
    "no index": (_without(_INDEX), "model_index.json is missing, so .* not a model of diffusers"),
    "a broken index": (_text(_INDEX, "{"), "model_index.json: not a readable JSON file"),
    "an empty index": (_text(_INDEX, "[]"), "model_index.json names no pipeline of diffusers"),
    "a depth model": (
        _with(_INDEX, _class_name="StableDiffusionDepth2ImgPipeline"),
        "holds a StableDiffusionDepth2ImgPipeline, which does not paint; give an inpainting model",
    ),
    "no latents": (
        _with(_INDEX, _class_name="IFPipeline", vae=None),
        r"holds a IFPipeline, which does not paint in latents \(it has no vae\)",
    ),
    "code of its own": (_with(_INDEX, unet=["my_unet", "Net"]), "takes unet from 'my_unet'; only"),
    "a pipeline of its own": (_with(_INDEX, _class_name=["mine", "Pipe"]), "names no pipeline"),
}


@pytest.mark.parametrize("case", _WRONG)
def test_an_unusable_folder_is_refused_in_a_sentence(folder: Path, case: str) -> None:
    spoil, message = _WRONG[case]
    spoil(folder)
    with pytest.raises(InputError, match=message) as caught:
        _load(folder)
    assert "sd2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match="there is no folder .*; get the model with `mfh"):
        _load(tmp_path / "absent")

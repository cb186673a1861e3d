"""Folders of weights that bring code, or name some: nothing of it is run."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_disparity import write_tiny_depth_anything, write_tiny_dpt, write_tiny_marigold
from tiny_painter import write_tiny_sd_inpainting

from mfh.compute import Placement
from mfh.disparity import MarigoldDisparity
from mfh.disparity.transformers_network import load
from mfh.errors import InputError
from mfh.loading.diffusers_folder import INDEX
from mfh.models.weights import Weights
from mfh.painting.loading import load_pipeline

Spoil = Callable[[Path], None]


def _load_painter(folder: Path) -> None:
    load_pipeline(Weights("m", folder), torch.float32)


def _load_marigold(folder: Path) -> None:
    _ = MarigoldDisparity(Weights("m", folder), device="cpu")._model


def _load_network(folder: Path) -> None:
    load(Weights("m", folder), Placement("cpu"))


_LOAD = {"painter": _load_painter, "marigold": _load_marigold}
_NETWORKS = {"depth-anything": write_tiny_depth_anything, "dpt": write_tiny_dpt}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        "painter": write_tiny_sd_inpainting(root / "painter"),
        "marigold": write_tiny_marigold(root / "marigold"),
        **{kind: write(root / kind) for kind, write in _NETWORKS.items()},
    }


@pytest.fixture
def copy_of(originals: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: Path(shutil.copytree(originals[kind], tmp_path / "m"))


def _program(folder: Path, path: str) -> None:
    """A Python file that leaves a trace, and has whatever class it is asked for."""
    trace = folder.parent / "ran"
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text(
        f"open({str(trace)!r}, 'w').close()\n"
        "from diffusers import DDIMScheduler as Evil, MarigoldDepthPipeline\n"
        "class Pipeline(MarigoldDepthPipeline): pass\n",
        encoding="utf-8",
    )


def _change(path: str, **entries: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / path).read_text(encoding="utf-8"))
        (folder / path).write_text(json.dumps({**content, **entries}), encoding="utf-8")

    return spoil


def _with_program(path: str, *others: Spoil) -> Spoil:
    def spoil(folder: Path) -> None:
        _program(folder, path)
        for other in others:
            other(folder)

    return spoil


def _linked(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / "scheduler").rename(elsewhere)
    _program(elsewhere, "diffusers.py")
    (folder / "scheduler").symlink_to(elsewhere, target_is_directory=True)


_NO_CLASS = "is no class for parts of models"
_OTHER_LIBRARY = "only parts of diffusers and transformers are loaded"
_ATTACKS: dict[str, tuple[Spoil, str]] = {
    "a component of its own": (
        _with_program("scheduler/evil.py", _change(INDEX, scheduler=["evil", "Evil"])),
        "takes scheduler from 'evil'; " + _OTHER_LIBRARY,
    ),
    "a component named like a library": (
        _with_program("scheduler/diffusers.py"),
        r"scheduler.diffusers.py is a program",
    ),
    "a program behind a link": (_linked, r"scheduler.diffusers.py is a program"),
    "the file diffusers takes for a pipeline that nobody asked for": (
        _with_program("None.py"),
        "None.py is a program",
    ),
    "in capitals, which are the same on some systems": (
        _with_program("None.PY"),
        "None.PY is a program",
    ),
    "a pipeline of its own": (
        _with_program("pipeline.py", _change(INDEX, _class_name=["pipeline", "Pipeline"])),
        "names no pipeline of diffusers",
    ),
    "a pipeline elsewhere": (
        _change(INDEX, custom_pipeline="somebody/pipeline"),
        r"model_index.json names code of its own \('custom_pipeline'\)",
    ),
    "a pipeline elsewhere, otherwise": (_change(INDEX, _custom_pipeline="x"), "_custom_pipeline"),
    "a text encoder elsewhere": (
        _change("text_encoder/config.json", auto_map={"AutoModel": "somebody/code--evil.Evil"}),
        r"text_encoder.config.json names code of its own \('auto_map'\)",
    ),
    "any module": (_change(INDEX, scheduler=["antigravity", "x"]), _OTHER_LIBRARY),
    "any module within diffusers": (
        _change(INDEX, scheduler=["pipeline_utils", "DiffusionPipeline"]),
        _OTHER_LIBRARY,
    ),
    "a path": (_change(INDEX, scheduler=["../scheduler", "Evil"]), _OTHER_LIBRARY),
    "a whole pipeline": (_change(INDEX, unet=["diffusers", "DiffusionPipeline"]), _NO_CLASS),
    "a pipeline of a package": (
        _change(INDEX, unet=["stable_diffusion", "StableDiffusionPipeline"]),
        _NO_CLASS,
    ),
    "a module": (_change(INDEX, unet=["diffusers", "utils"]), _NO_CLASS),
    "a function": (_change(INDEX, tokenizer=["transformers", "pipeline"]), _NO_CLASS),
    "whatever a configuration says": (
        _change(INDEX, tokenizer=["transformers", "AutoTokenizer"]),
        _NO_CLASS,
    ),
    "no class": (_change(INDEX, scheduler=["diffusers", "NoSuchScheduler"]), _NO_CLASS),
    "no name": (_change(INDEX, scheduler=["diffusers", 3]), "no library and class for scheduler"),
    "one name": (_change(INDEX, scheduler=["diffusers"]), "no library and class for scheduler"),
}


@pytest.mark.parametrize("kind", _LOAD)
@pytest.mark.parametrize("attack", _ATTACKS)
def test_a_folder_of_diffusers_runs_nothing(
    copy_of: Callable[[str], Path], kind: str, attack: str
) -> None:
    spoil, message = _ATTACKS[attack]
    folder = copy_of(kind)
    spoil(folder)
    with pytest.raises(InputError, match=message):
        _LOAD[kind](folder)
    assert not (folder.parent / "ran").exists()
    assert "antigravity" not in sys.modules


_NETWORK_ATTACKS: dict[str, tuple[Spoil, str]] = {
    "a program": (_with_program("modeling.py"), "modeling.py is a program"),
    "a model of its own": (
        _change("config.json", auto_map={"AutoModelForDepthEstimation": "somebody/code--evil.E"}),
        r"config.json names code of its own \('auto_map'\)",
    ),
    "a processor of its own": (
        _change("preprocessor_config.json", auto_map={"AutoImageProcessor": "evil.Evil"}),
        r"preprocessor_config.json names code of its own \('auto_map'\)",
    ),
    "a backbone that is trusted": (
        _change("config.json", backbone_kwargs={"trust_remote_code": True}),
        "'trust_remote_code'",
    ),
    "a backbone elsewhere": (
        _change("config.json", backbone="somebody/backbone", use_pretrained_backbone=True),
        "takes its backbone from elsewhere",
    ),
    "a kernel elsewhere": (
        _change("config.json", attn_implementation="somebody/kernel"),
        "'attn_implementation'",
    ),
}


@pytest.mark.parametrize("kind", _NETWORKS)
@pytest.mark.parametrize("attack", _NETWORK_ATTACKS)
def test_a_folder_of_transformers_runs_nothing(
    copy_of: Callable[[str], Path], kind: str, attack: str
) -> None:
    spoil, message = _NETWORK_ATTACKS[attack]
    folder = copy_of(kind)
    spoil(folder)
    with pytest.raises(InputError, match=message):
        _load_network(folder)
    assert not (folder.parent / "ran").exists()


@pytest.mark.parametrize("kind", [*_LOAD, *_NETWORKS])
def test_untouched_folders_are_loaded_where_folders_are_linked(
    originals: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    shutil.copytree(originals[kind], tmp_path / "there")
    (tmp_path / "there" / "itself").symlink_to(tmp_path / "there", target_is_directory=True)
    _LOAD.get(kind, _load_network)(tmp_path / "there")

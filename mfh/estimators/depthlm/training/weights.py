"""Which of a model's weights learn, and writing the model that has learned.

Importing this module imports torch and transformers.
"""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from mfh.compute import Placement
from mfh.errors import MissingPartError, ModelError
from mfh.estimators.depthlm.models import OWN_FILE, ModelKind, model_kind
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.vlm_network import ImageTextNetwork, load
from mfh.files import write_json
from mfh.files.syncing import sync_folder, sync_names
from mfh.models.weights import Weights

# What transformers calls the vision towers of Qwen2.5-VL and Pixtral. The merger of Qwen2.5-VL,
# which brings images to the language model, lies in its tower; Pixtral's projector does not.
_TOWERS = frozenset({"visual", "vision_tower"})
_CONNECTOR = "merger"
_HEAD = "lm_head"
_GENERATION = "generation_config.json"


def trained_kind(base: Weights, focal_px: float) -> ModelKind:
    """How the model takes images; focal_px: 0 is the model's own focal length.

    Raises `ModelError` for one that resizes images as it likes, from which no metres are learned.
    """
    kind = model_kind(base, focal_px or None)
    if not kind.keeps_size:
        raise ModelError(
            f"{base.name}: a model of type {kind.model_type} resizes images as it likes, so that "
            "their focal length is lost; train Qwen2.5-VL or Pixtral"
        )
    return kind


def load_to_train(
    base: Weights,
    kind: ModelKind,
    settings: TrainingSettings,
    dtype: torch.dtype,
    *,
    keep_activations: bool = False,
) -> ImageTextNetwork:
    """Load a model on the CPU, with what is to learn of it set.

    dtype: in which it computes. Weights that learn are float32 nonetheless: steps as small as those
        of a learning rate of 1e-5 get lost in bfloat16.
    keep_activations: do not compute them again for the gradient.

    Raises `MissingPartError` where adapters are wanted and peft is not installed, and what loading
    raises.
    """
    stored = dtype if settings.lora else torch.float32
    placement = Placement("cpu", "bfloat16" if stored == torch.bfloat16 else "float32")
    loaded = load(base, kind, placement, max_new_tokens=1)
    network = loaded.network
    network.requires_grad_(True)
    if not keep_activations:
        _checkpoint_activations(network)
    if settings.freeze_vision:
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(not _in_tower(name))
    if settings.lora:
        network = _with_adapters(network, settings)
    return ImageTextNetwork(network, loaded.processor, loaded.template, loaded.kind, loaded.name)


def _checkpoint_activations(network: Any) -> None:
    # From transformers 5.20 or so on it goes by another name.
    enable = getattr(network, "activation_checkpointing_enable", None)
    (enable or network.gradient_checkpointing_enable)({"use_reentrant": False})


def _with_adapters(network: Any, settings: TrainingSettings) -> Any:
    try:
        from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingPartError(
            "setting lora needs peft, which is not installed: pip install peft; or leave it out to "
            "train the weights themselves"
        ) from error
    torch.manual_seed(settings.seed)
    with warnings.catch_warnings():
        # Of what peft asks transformers.
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(
            network,
            LoraConfig(
                r=settings.lora,
                lora_alpha=settings.lora_alpha,
                target_modules=list(_adapted(network, settings.freeze_vision)),
            ),
        )


def _adapted(network: torch.nn.Module, freeze_vision: bool) -> Iterator[str]:
    """The linear layers that get adapters: all but the head, and but a frozen vision tower's."""
    for name, module in network.named_modules():
        frozen = freeze_vision and _in_tower(name)
        if isinstance(module, torch.nn.Linear) and _HEAD not in name.split(".") and not frozen:
            yield name


def _in_tower(name: str) -> bool:
    parts = name.split(".")
    return not _TOWERS.isdisjoint(parts) and _CONNECTOR not in parts


def stored_dtype(base: Weights) -> torch.dtype:
    """The precision that most of a model's tensors are stored in, on the disk."""
    counts: Counter[str] = Counter()
    for path in base.folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            counts.update(file.get_slice(name).get_dtype() for name in file.keys())  # noqa: SIM118 - not a mapping
    ((most, _),) = counts.most_common(1)
    return {"BF16": torch.bfloat16, "F16": torch.float16}.get(most, torch.float32)


def to_store(network: Any, dtype: torch.dtype) -> Any:
    """The network as it is stored in a precision, without adapters; it is changed itself.

    Adapters are merged in float32, one layer after another: rounded by themselves, they would lose
    a part of what they learned. That is done on the CPU, as float32 may need more memory than the
    training did.
    """
    if not hasattr(network, "merge_and_unload"):
        return network.to(dtype)
    network = network.cpu()
    for module in network.modules():
        if hasattr(module, "get_base_layer"):
            layer = module.get_base_layer().float()
            module.merge()
            layer.to(dtype)
    return network.unload().to(dtype)


def share_tied(
    network: torch.nn.Module, state: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The state with one tensor for weights that are one in the network, to be written once.

    Gathered from several processes, each has its own.
    """
    names: dict[torch.nn.Parameter, str] = {}
    shared = dict(state)
    for name, parameter in network.named_parameters(remove_duplicate=False):
        first = names.setdefault(parameter, name)
        if name in shared and first in shared:
            shared[name] = shared[first]
    return shared


def save_model(
    folder: Path,
    network: Any,
    processor: Any,
    base: Weights,
    *,
    state: Mapping[str, torch.Tensor] | None,
    said: Mapping[str, Any],
) -> None:
    """Write a model in the model hub's layout, with mfh.json, whole or not at all.

    network: as `to_store` gives it. state: its weights where they lie elsewhere.
    said: what mfh.json is to hold.

    Raises `OutputError`.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    network.save_pretrained(partial, state_dict=state)
    processor.save_pretrained(partial)
    generation = base.folder / _GENERATION
    if generation.is_file():
        # In the place of what says how answers were generated here.
        shutil.copyfile(generation, partial / _GENERATION)
    write_json(partial / OWN_FILE, {**said, "mfh": version("mfh")})
    sync_folder(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    sync_names(folder.parent)

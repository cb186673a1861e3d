"""Loading a pipeline of diffusers whole, or not at all; imports torch, diffusers, transformers."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from mfh.compute import is_out_of_memory
from mfh.errors import InputError, MissingPartError, ModelError
from mfh.loading.diffusers_folder import GET_AGAIN, INDEX, LIBRARIES, DiffusersFolder
from mfh.loading.quiet import quiet_loading

# What a component may be. Functions, modules and whole pipelines, which have an index of their own,
# are none of these.
_KINDS = (
    diffusers.ModelMixin,
    diffusers.SchedulerMixin,
    transformers.PreTrainedModel,
    transformers.PreTrainedTokenizerBase,
    transformers.FeatureExtractionMixin,
    transformers.ImageProcessingMixin,
    transformers.ProcessorMixin,
)
# Any of these is what a tokenizer needs.
_VOCABULARIES = ({"vocab.json", "merges.txt"}, {"tokenizer.json"}, {"spiece.model"})
# What the libraries raise on files that are damaged, or are configured for something else.
_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    SafetensorError,
)


class NoSuchPipelineError(InputError):
    """The loader has no pipeline for a model of this kind."""


def load_pipeline(
    folder: DiffusersFolder,
    loader: Any,
    dtype: torch.dtype,
    without: Mapping[str, Any] = {},
) -> Any:
    """The pipeline in a folder, on the CPU, all its tensors from the folder's files.

    loader: the pipeline's class, or one of diffusers' `AutoPipeline...`.
    without: components not to load, with what stands in their place, and other arguments of the
        pipeline's class.

    Files named `*.fp16.*` are taken where they are the only ones.

    Raises `MissingPartError` where a package is not there, `ModelError` for a folder that is
    incomplete or damaged or of which something is none of the libraries' own classes, and
    `NoSuchPipelineError` where the loader is not for it. Lack of memory is passed on as it is.
    """
    weights = folder.weights
    # Some pipelines load without a component only if they are told that there is none.
    given: dict[str, Any] = {**dict.fromkeys(folder.absent), **without}
    components = {name: each for name, each in folder.components.items() if name not in given}
    _require_files(folder, components)
    try:
        with quiet_loading("diffusers", "transformers"):
            classes = {name: _own_class(folder, name, *each) for name, each in components.items()}
            given |= _text_encoders(folder, classes, dtype)
            pipeline: Any = loader.from_pretrained(
                str(weights.folder),
                local_files_only=True,
                **{_dtype_name(): dtype},
                **_file_choice([weights.folder / name for name in components if name not in given]),
                **given,
            )
            for name, part in pipeline.components.items():
                if isinstance(part, torch.nn.Module):
                    # What diffusers finds no tensor for stays without a value.
                    tensors = [*part.named_parameters(), *part.named_buffers()]
                    _refuse_missing(folder, name, [key for key, each in tensors if each.is_meta])
    except (InputError, MissingPartError):
        raise
    except ImportError as error:
        raise MissingPartError(
            f"{weights.name}: {folder.pipeline} needs a package that is not installed: "
            + _first_line(error)
        ) from error
    except _ERRORS as error:
        if is_out_of_memory(error):
            raise
        if "AutoPipeline can't find" in str(error):
            raise NoSuchPipelineError(f"{weights.name}: {_first_line(error)}") from error
        raise ModelError(
            f"{weights.name}: {weights.folder} cannot be loaded as a {folder.pipeline}: "
            f"{_first_line(error)}; {GET_AGAIN}"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _require_files(folder: DiffusersFolder, names: Iterable[str]) -> None:
    """Folders and vocabularies must be there; without, transformers makes up an empty one."""
    weights = folder.weights
    for name in names:
        part = weights.folder / name
        if not part.is_dir():
            raise ModelError(f"{weights.name}: {part} is missing; {GET_AGAIN}")
        present = {file.name for file in part.iterdir()}
        whole = any(files <= present for files in _VOCABULARIES)
        if name.startswith("tokenizer") and not whole:
            raise ModelError(f"{weights.name}: {part} holds no vocabulary; {GET_AGAIN}")


def _own_class(folder: DiffusersFolder, component: str, library: str, kind: str) -> Any:
    """The class of a component, which must be one that its library makes for this."""
    place = library if library in LIBRARIES else f"diffusers.pipelines.{library}"
    found: Any = getattr(importlib.import_module(place), kind, None)
    missing = getattr(found, "_backends", None)
    if isinstance(found, type) and missing:
        raise MissingPartError(
            f"{folder.weights.name}: {kind} needs packages that are not installed: "
            + ", ".join(missing)
        )
    own = isinstance(found, type) and found.__module__.partition(".")[0] in LIBRARIES
    if not (own and issubclass(found, _KINDS)):
        raise ModelError(
            f"{folder.weights.name}: {folder.weights.folder / INDEX} has {component} made by "
            f"{kind!r} of {library}, which is no class for parts of models; {GET_AGAIN}"
        )
    return found


def _text_encoders(
    folder: DiffusersFolder, classes: Mapping[str, Any], dtype: torch.dtype
) -> dict[str, Any]:
    """CLIP's text encoders: where tensors are missing, transformers would take random ones."""
    loaded = {}
    for name, kind in classes.items():
        if not kind.__name__.startswith("CLIPText"):
            continue
        path = folder.weights.folder / name
        try:
            model, report = kind.from_pretrained(
                path, local_files_only=True, output_loading_info=True, **_file_choice([path])
            )
        except SafetensorError as error:
            raise ModelError(
                f"{folder.weights.name}: {path} is damaged ({error}); {GET_AGAIN}"
            ) from error
        _refuse_missing(folder, name, report["missing_keys"])
        loaded[name] = model.to(dtype)
    return loaded


def _refuse_missing(folder: DiffusersFolder, component: str, keys: Iterable[str]) -> None:
    missing = sorted(keys)
    if missing:
        raise ModelError(
            f"{folder.weights.name}: {folder.weights.folder / component} lacks {len(missing)} "
            f"tensor{'s' * (len(missing) > 1)}, e.g. {missing[0]}; {GET_AGAIN}"
        )


def _file_choice(folders: Iterable[Path]) -> dict[str, Any]:
    """Which of their files to load: safetensors first, `*.fp16.*` where there are no others."""
    choice: dict[str, Any] = {}
    formats = set()
    for folder in folders:
        names = [f.name for f in folder.glob("*") if f.suffix in {".safetensors", ".bin"}]
        if names and all(".fp16" in name for name in names):
            choice["variant"] = "fp16"
        if names:
            formats.add(any(name.endswith(".safetensors") for name in names))
    if len(formats) == 1:
        choice["use_safetensors"] = formats.pop()
    return choice


def _dtype_name() -> str:
    """What `from_pretrained` calls the precision: `torch_dtype` until diffusers 0.40."""
    major, minor = (int(number) for number in diffusers.__version__.split(".")[:2])
    return "dtype" if (major, minor) >= (0, 40) else "torch_dtype"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(" .")

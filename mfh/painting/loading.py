"""Loading an inpainting model from a folder of diffusers; imports torch and diffusers."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import diffusers.utils.logging as diffusers_logging
import torch
import transformers
import transformers.utils.logging as transformers_logging
from diffusers import AutoPipelineForInpainting, pipelines
from safetensors import SafetensorError

from mfh.errors import InputError, MissingPartError, SettingsError
from mfh.files.reading import read_json
from mfh.models.weights import Weights
from mfh.part_settings import Scheduler

INDEX = "model_index.json"

_SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "pndm": "PNDMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
}
# What diffusers' defaults get wrong for latents, where a model's own scheduler does not say: they
# are not confined to [-1, 1], and PNDM goes without Runge-Kutta steps.
_LATENT = {"ddim": {"clip_sample": False}, "pndm": {"skip_prk_steps": True}}
# Any of these is what a tokenizer needs.
_VOCABULARIES = ({"vocab.json", "merges.txt"}, {"tokenizer.json"}, {"spiece.model"})
_GET_AGAIN = (
    "`mfh models check` tells which files are wrong, and `mfh models get` gets them again; for a "
    "folder of your own, compare it with where it came from"
)
_OTHER_MODEL = (
    "give an inpainting model of diffusers with --set painter.model=..., e.g. sd2-inpainting"
)


def load_pipeline(weights: Weights, dtype: torch.dtype) -> Any:
    """The inpainting pipeline in a folder, on the CPU, without its safety checker.

    A text-to-image model becomes an inpainting one where diffusers has a pipeline for that. Files
    named `*.fp16.*` are taken where they are the only ones. The folder holds data: components that
    bring code of their own are refused.

    Raises `MissingPartError` where the folder or a package is not there, and `InputError` for a
    folder that is no such model, or is incomplete or damaged.
    """
    if not weights.folder.is_dir():
        raise MissingPartError(
            f"{weights.name}: there is no folder {weights.folder}; get the model with "
            "`mfh models get`, or give a folder with --set painter.model=FOLDER"
        )
    index = _read_index(weights)
    kind = index["_class_name"]
    components = _components(weights, index)
    if "vae" not in components:
        raise InputError(
            f"{weights.name}: {weights.folder} holds a {kind}, which does not paint in latents (it "
            f"has no vae); {_OTHER_MODEL}"
        )
    # Some pipelines load without a component only if they are told that there is none.
    given: dict[str, Any] = {name: None for name, value in index.items() if value == [None, None]}
    if "safety_checker" in index:
        given |= {
            "safety_checker": None,
            "feature_extractor": None,
            "requires_safety_checker": False,
        }
    _require_files(weights, [name for name in components if name not in given])
    try:
        with _without_bars():
            given |= _text_encoders(weights, components, dtype)
            pipeline: Any = AutoPipelineForInpainting.from_pretrained(  # type: ignore[no-untyped-call]
                str(weights.folder),
                local_files_only=True,
                **{_dtype_name(): dtype},
                **_file_choice([weights.folder / name for name in components if name not in given]),
                **given,
            )
    except ImportError as error:
        raise MissingPartError(
            f"{weights.name}: {kind} needs a package that is not installed: {_first_line(error)}"
        ) from error
    except (OSError, ValueError, RuntimeError, LookupError, SafetensorError) as error:
        if "AutoPipeline can't find" in str(error):
            raise InputError(
                f"{weights.name}: {weights.folder} holds a {kind}, which does not paint; "
                + _OTHER_MODEL
            ) from error
        raise InputError(
            f"{weights.name}: {weights.folder} cannot be loaded as a {kind}: "
            f"{_first_line(error)}; {_GET_AGAIN}"
        ) from error
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            # What diffusers finds no tensor for stays without a value.
            absent = [key for key, tensor in part.named_parameters() if tensor.is_meta]
            _refuse_missing(weights, name, absent)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def set_scheduler(pipeline: Any, name: Scheduler) -> None:
    """Replace the pipeline's scheduler, keeping the noise schedule its model was trained with.

    Raises `SettingsError` where the model is of a kind that scheduler is not for.
    """
    if name == "model":
        return
    kind = getattr(diffusers, _SCHEDULERS[name])
    present = pipeline.scheduler
    if kind not in present.compatibles:
        raise SettingsError(
            f"painter.scheduler is {name!r}, which is not for a model with a "
            f"{type(present).__name__}; use painter.scheduler=model"
        )
    pipeline.scheduler = kind.from_config({**_LATENT.get(name, {}), **present.config})


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what diffusers says of its own code whenever it encodes and decodes in float32."""
    logger = logging.getLogger("diffusers.models.modeling_utils")
    logger.addFilter(_worth_telling)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*upcast_vae", FutureWarning)
            yield
    finally:
        logger.removeFilter(_worth_telling)


def _worth_telling(record: logging.LogRecord) -> bool:
    return "should be kept in float32" not in record.getMessage()


def _read_index(weights: Weights) -> Mapping[str, Any]:
    path = weights.folder / INDEX
    if not path.is_file():
        raise InputError(
            f"{weights.name}: {path} is missing, so {weights.folder} is not a model of diffusers; "
            + _OTHER_MODEL
        )
    index = read_json(path)
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise InputError(f"{weights.name}: {path} names no pipeline of diffusers; {_GET_AGAIN}")
    return index


def _components(weights: Weights, index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Library and class of each component; of other libraries diffusers would run a file."""
    components = {}
    for name, value in index.items():
        if not isinstance(value, list) or len(value) != 2 or value[0] is None:
            continue
        library, kind = map(str, value)
        if library not in {"diffusers", "transformers"} and not hasattr(pipelines, library):
            raise InputError(
                f"{weights.name}: {weights.folder / INDEX} takes {name} from {library!r}; only "
                f"parts of diffusers and transformers are loaded; {_OTHER_MODEL}"
            )
        components[name] = library, kind
    return components


def _require_files(weights: Weights, names: Iterable[str]) -> None:
    """Folders and vocabularies must be there; without, transformers makes up an empty one."""
    for name in names:
        folder = weights.folder / name
        if not folder.is_dir():
            raise InputError(f"{weights.name}: {folder} is missing; {_GET_AGAIN}")
        present = {file.name for file in folder.iterdir()}
        whole = any(files <= present for files in _VOCABULARIES)
        if name.startswith("tokenizer") and not whole:
            raise InputError(f"{weights.name}: {folder} holds no vocabulary; {_GET_AGAIN}")


def _text_encoders(
    weights: Weights, components: Mapping[str, tuple[str, str]], dtype: torch.dtype
) -> dict[str, Any]:
    """CLIP's text encoders: where tensors are missing, transformers would take random ones."""
    loaded = {}
    for name, (library, kind) in components.items():
        if library != "transformers" or not kind.startswith("CLIPText"):
            continue
        folder = weights.folder / name
        try:
            model, report = getattr(transformers, kind).from_pretrained(
                folder, local_files_only=True, output_loading_info=True, **_file_choice([folder])
            )
        except SafetensorError as error:
            raise InputError(
                f"{weights.name}: {folder} is damaged ({error}); {_GET_AGAIN}"
            ) from error
        _refuse_missing(weights, name, report["missing_keys"])
        loaded[name] = model.to(dtype)
    return loaded


def _refuse_missing(weights: Weights, component: str, keys: Iterable[str]) -> None:
    missing = sorted(keys)
    if missing:
        raise InputError(
            f"{weights.name}: {weights.folder / component} lacks {len(missing)} "
            f"tensor{'s' * (len(missing) > 1)}, e.g. {missing[0]}; {_GET_AGAIN}"
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


@contextmanager
def _without_bars() -> Iterator[None]:
    """Load without progress bars of the libraries, which write over our own."""
    shown = [
        library
        for library in (diffusers_logging, transformers_logging)
        if library.is_progress_bar_enabled()
    ]
    for library in shown:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()

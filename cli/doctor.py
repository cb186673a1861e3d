"""`mfh doctor`."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mfh.settings import PRESETS, settings_from

if TYPE_CHECKING:
    from mfh.models import Model, ModelStore

# The dependencies of pyproject.toml; torch has a row of its own.
REQUIRED = (
    "accelerate",
    "diffusers",
    "filelock",
    "huggingface_hub",
    "matplotlib",
    "numpy",
    "pillow",
    "rich",
    "safetensors",
    "scipy",
    "torchvision",
    "transformers",
    "trimesh",
    "typer",
    "warp-lang",
)
_GOOD, _BAD, _PLAIN = "[green]{}[/]", "[red]{}[/]", "{}"
_GIB = 2**30


def doctor() -> None:
    """What is installed and what models are here, which presets can run, and what to do next."""
    console = Console(highlight=False)
    table = Table(title="mfh doctor", title_justify="left", box=None, pad_edge=False)
    table.add_column("what", style="dim", no_wrap=True)
    table.add_column("state", overflow="fold")
    table.add_column("next", overflow="fold")
    for rows in (_packages(), _machine(), _models(), _commands()):
        for what, state, style, following in rows:
            table.add_row(what, style.format(escape(state)), escape(following))
        table.add_section()
    console.print(table)


_Rows = Iterator[tuple[str, str, str, str]]


def _packages() -> _Rows:
    yield "mfh", _version("mfh") or "not installed", _GOOD, ""
    yield "python", platform.python_version(), _GOOD, ""
    yield _torch_row()
    for package in REQUIRED:
        found = _version(package)
        remedy = "" if found else f"pip install {package}"
        yield package, found or "missing", _GOOD if found else _BAD, remedy
    yield from _optional_packages()


def _optional_packages() -> _Rows:
    from mfh.models import find_model  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.models.needs import install_commands  # noqa: PLC0415

    remedies = {"pytorch3d": "optional renderer, see environment.yml"}
    detector = find_model("vitdet-h")
    for package in detector.packages:
        if package not in ("torch", *REQUIRED):
            (command,) = install_commands([package])
            remedies[package] = f"optional, for the paper's detector ({detector.name}): {command}"
    for package, remedy in remedies.items():
        found = _version(package)
        yield package, found or "not installed", _PLAIN, "" if found else remedy


def _torch_row() -> tuple[str, str, str, str]:
    found = _version("torch")
    if found is None:
        return "torch", "missing", _BAD, "pip install torch torchvision"
    problem = _torch_problem()
    if problem:
        return "torch", f"{found}, broken: {problem}", _BAD, "pip install --force-reinstall torch"
    import torch  # noqa: PLC0415 - heavy

    built_for = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    if torch.backends.mps.is_available():
        built_for = "MPS"
    return "torch", f"{found} for {built_for}", _GOOD, ""


def _torch_problem() -> str:
    """Why torch cannot be used, in a line; "" where it can."""
    try:
        import torch  # noqa: PLC0415 - heavy

        torch.cuda.is_available()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ""


def _machine() -> _Rows:
    yield "CPU cores", str(os.cpu_count()), _PLAIN, ""
    memory = _memory_gib()
    if memory is not None:
        yield "memory", f"{memory:.0f} GiB", _PLAIN, ""
    gpus = _gpus()
    slow = "everything runs on the CPU, and painting is slow"
    yield "GPU", "\n".join(gpus) or "none", _GOOD if gpus else _PLAIN, "" if gpus else slow


def _gpus() -> list[str]:
    if _version("torch") is None or _torch_problem():
        return []
    import torch  # noqa: PLC0415 - heavy

    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(f"{properties.name}, {properties.total_memory / _GIB:.0f} GiB")
    if torch.backends.mps.is_available():
        found.append(f"Apple {platform.machine()} (MPS), memory shared with the CPU")
    return found


def _models() -> _Rows:
    from mfh.models import ModelStore, catalogue, needed  # noqa: PLC0415 - keeps `mfh --help` quick

    store = ModelStore()
    free = shutil.disk_usage(_existing(store.folder)).free
    change = "" if "MFH_MODELS" in os.environ else "another folder: set MFH_MODELS"
    yield "models in", f"{store.folder}\n{free / 1e9:.0f} GB free", _PLAIN, change
    if store.offline:
        yield "network", "not to be used", _PLAIN, "unset MFH_OFFLINE and HF_HUB_OFFLINE"
    if store.mirror:
        yield "mirror", str(store.mirror), _PLAIN, ""
    states = [store.state(model) for model in (*catalogue(), *store.others())]
    remedies = {
        "ready": "",
        "partial": "mfh models get NAME goes on",
        "damaged": "mfh models get NAME repairs them",
        "absent": "all there are: mfh models list",
    }
    styles = {"ready": _GOOD, "damaged": _BAD}
    wanted = {model for preset in PRESETS for model in needed(settings_from(preset))}
    for status, remedy in remedies.items():
        found = [state.model for state in states if state.status == status]
        if status == "absent":
            found = [model for model in found if model in wanted]
        if found:
            names = ", ".join(model.name for model in found)
            yield f"{status} models", names, styles.get(status, _PLAIN), remedy


def _commands() -> _Rows:
    from mfh.models import ModelStore, needed  # noqa: PLC0415 - keeps `mfh --help` quick

    store = ModelStore()
    yield "mfh demo", "can run", _GOOD, ""
    yield "mfh simulate", "can run", _GOOD, ""
    yield "mfh predict --use ...", "can run", _GOOD, "with your own files for every stage"
    for preset in PRESETS:
        steps = _steps(store, preset, needed(settings_from(preset)))
        state = "cannot run yet" if steps else "can run"
        yield f"--preset {preset}", state, _BAD if steps else _GOOD, "\n".join(steps)


def _steps(store: ModelStore, preset: str, models: tuple[Model, ...]) -> list[str]:
    """What has to be done before a preset can run."""
    from mfh.models.needs import install_commands, missing_packages  # noqa: PLC0415

    absent = [model for model in models if not store.state(model).ready]
    packages = {package for model in models for package in missing_packages(model)}
    steps = list(install_commands(packages))
    if any(model.downloadable for model in absent):
        size = sum(model.download_gb for model in absent if model.downloadable)
        option = "" if preset == "default" else f" --preset {preset}"
        steps.append(f"mfh models get{option}  ({size:.1f} GB)")
    for model in absent:
        if model.obtain == "register":
            steps.append(f"mfh models add {model.name} FILE  (register at {model.page})")
    return steps


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _memory_gib() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB

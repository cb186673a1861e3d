"""`mfh doctor`: one page on what can run here, what cannot, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from mfh.settings import PRESETS, settings_from

from .packages import Package, dependencies, torch_works, version_of

if TYPE_CHECKING:
    from mfh.models import Model, ModelState, ModelStore

_GIB = 2**30
_LABEL_WIDTH = 12
_OPTIONAL = {
    "pytorch3d": "another renderer, see environment.yml",
    "detectron2": "for vitdet-h",
    "timm": "for vitdet-h",
}
# Keeps a name and its version on one line.
_NO_BREAK = "\N{NO-BREAK SPACE}"


def doctor() -> None:
    """What can run here and what to do for the rest; the machine, the models, the packages."""
    from mfh.models import ModelStore  # noqa: PLC0415 - keeps `mfh --help` quick

    page = _Page()
    store = ModelStore()
    packages = dependencies()
    _commands(page, store, packages)
    page.gap()
    _machine(page)
    _models(page, store)
    page.gap()
    _packages(page, packages)


class _Page:
    """Lines of a label and a text. Text is wrapped at spaces; paths and commands never are."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._width = max(self._console.width - _LABEL_WIDTH, 30)

    def row(self, label: str, text: str, style: str = "") -> None:
        lines = textwrap.wrap(
            text, self._width, break_long_words=False, break_on_hyphens=False
        ) or [""]
        for number, line in enumerate(lines):
            self.line("" if number else label, line.replace(_NO_BREAK, " "), style)

    def line(self, label: str, text: str, style: str = "") -> None:
        styled = f"[{style}]{escape(text)}[/]" if style else escape(text)
        self._console.print(f"[dim]{label:<{_LABEL_WIDTH}}[/]{styled}", soft_wrap=True)

    def gap(self) -> None:
        self._console.print()


def _commands(page: _Page, store: ModelStore, packages: Sequence[Package]) -> None:
    """What can run, and for what cannot what to type; once for presets that lack the same."""
    faulty = [package for package in packages if package.fault]
    simulated = not [package for package in faulty if not package.for_learned_stages]
    lacking: dict[tuple[ModelState, ...], list[str]] = {}
    for preset in PRESETS:
        states = tuple(store.state(model) for model in _needed(preset, store))
        lacking.setdefault(tuple(s for s in states if not s.ready), []).append(preset)
    repairs = list(dict.fromkeys(package.remedy for package in faulty))
    if simulated:
        able = [] if faulty else lacking.pop((), [])
        page.row("can run", "mfh demo, mfh simulate", "green")
        for preset in able:
            page.row("", f"mfh predict --preset {preset}", "green")
        page.row("", "mfh predict --use STAGE=PATH with your own files for every stage", "green")
    if not simulated:
        page.row("not yet", "any command; type:", "red")
        _steps(page, repairs)
    elif lacking:
        by_hand: dict[str, Model] = {}
        for states, presets in sorted(lacking.items(), key=_registrations):
            models = [state.model for state in states]
            by_hand |= {model.name: model for model in models if model.obtain == "register"}
            commands = ", ".join(_unbroken(f"--preset {preset}" for preset in presets))
            page.row("not yet", f"{commands}; type:", "red")
            _steps(page, [*repairs, *_getting(models, presets)])
        for model in by_hand.values():
            page.row("", f"FILE of {model.name}: register at {model.page}, {model.register}")
    _stand_ins(page, store)


def _registrations(lacking: tuple[tuple[ModelState, ...], list[str]]) -> int:
    """How many models some presets lack that have to be registered for."""
    states, _ = lacking
    return sum(state.model.obtain == "register" for state in states)


def _unbroken(names: Iterable[str]) -> list[str]:
    return [name.replace(" ", _NO_BREAK) for name in names]


def _steps(page: _Page, commands: Iterable[str]) -> None:
    for command in commands:
        page.line("", f"  {command}", "bold")


def _getting(models: Sequence[Model], presets: Sequence[str]) -> list[str]:
    """The commands that get the models which some presets lack."""
    from mfh.models.needs import install_commands, missing_packages  # noqa: PLC0415

    known = {package.name for package in dependencies()}
    missing = {name for model in models for name in missing_packages(model)} - known
    commands = list(install_commands(missing))
    if any(model.downloadable for model in models):
        size = sum(model.download_gb for model in models if model.downloadable)
        option = "" if "default" in presets else f" --preset {presets[0]}"
        commands.append(f"mfh models get{option}  # {size:.1f} GB")
    commands += [f"mfh models add {m.name} FILE" for m in models if m.obtain == "register"]
    return commands


def _stand_ins(page: _Page, store: ModelStore) -> None:
    """Say where presets take other models of people than the paper."""
    from mfh.models import find_model  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.models.needs import install_commands, missing_packages  # noqa: PLC0415

    of_paper = find_model("vitdet-h")
    used = next(model for model in _needed("paper", store) if model.part == "detector")
    missing = missing_packages(of_paper)
    if used != of_paper and missing:
        page.row(
            "note",
            f"in --preset paper {_in_short(used)} stands in for the paper's {_in_short(of_paper)}, "
            f"which needs {' and '.join(missing)}: {'; '.join(install_commands(missing))}",
        )
    anny = find_model("anny")
    if anny in _needed("default", store):
        page.row(
            "note",
            f"{anny.title} measures people in the other presets, without a registration; once SMPL "
            f"is here, the paper's {_in_short(find_model('hmr2'))} does",
        )


def _in_short(model: Model) -> str:
    return model.title.partition(",")[0]


def _machine(page: _Page) -> None:
    gpus = _gpus()
    for number, gpu in enumerate(gpus):
        page.row("" if number else "GPU", gpu, "green")
    if not gpus:
        page.row("GPU", "none: everything runs on the CPU, and painting is slow")
    memory = _memory_gib()
    page.row("CPU cores", str(os.cpu_count()))
    if memory is not None:
        page.row("memory", f"{memory:.0f} GiB")


def _gpus() -> list[str]:
    if not torch_works():
        return []
    import torch  # noqa: PLC0415 - heavy

    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(f"{properties.name}, {properties.total_memory / _GIB:.0f} GiB")
    if torch.backends.mps.is_available():
        found.append(f"Apple {platform.machine()} (MPS), memory shared with the CPU")
    return found


def _models(page: _Page, store: ModelStore) -> None:
    from mfh.models import catalogue  # noqa: PLC0415 - keeps `mfh --help` quick

    page.line("models in", str(store.folder))
    free = shutil.disk_usage(_existing(store.folder)).free
    elsewhere = "" if "MFH_MODELS" in os.environ else "; set MFH_MODELS to keep them elsewhere"
    page.row("", f"{free / 1e9:.0f} GB free{elsewhere}")
    if store.offline:
        page.row("network", "not to be used; to allow it, unset MFH_OFFLINE and HF_HUB_OFFLINE")
    if store.mirror:
        page.line("mirror", str(store.mirror))
    wanted = {model for preset in PRESETS for model in _needed(preset, store)}
    states = [store.state(model) for model in (*catalogue(), *store.others())]
    for status, style, remedy in (
        ("ready", "green", ""),
        ("partial", "", "; go on with: mfh models get NAME"),
        ("damaged", "red", "; repair with: mfh models get NAME"),
        ("absent", "", "; all there are: mfh models list"),
    ):
        found = [state.model for state in states if state.status == status]
        if status == "absent":
            found = [model for model in found if model in wanted]
        if found:
            page.row(status, ", ".join(model.name for model in found) + remedy, style)


def _packages(page: _Page, packages: Sequence[Package]) -> None:
    named = [f"mfh {version_of('mfh') or 'not installed'}", f"python {platform.python_version()}"]
    for package in packages:
        if not package.fault:
            built = f" for {_built_for()}" if package.name == "torch" else ""
            named.append(f"{package.name} {package.found}{built}")
    page.row("packages", ", ".join(_unbroken(named)))
    for package in packages:
        if package.fault:
            page.row("", f"{package.name} {package.fault}", "red")
            page.line("", f"  {package.remedy}", "red")
    here = [f"{name} {version_of(name)}" for name in _OPTIONAL if version_of(name)]
    absent = [f"{name} ({what})" for name, what in _OPTIONAL.items() if not version_of(name)]
    if absent:
        here.append(f"not installed: {', '.join(absent)}")
    page.row("optional", ", ".join(here))


def _built_for() -> str:
    import torch  # noqa: PLC0415 - heavy

    if torch.backends.mps.is_available():
        return "MPS"
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU alone"


def _needed(preset: str, store: ModelStore) -> tuple[Model, ...]:
    from mfh.models import needed  # noqa: PLC0415 - keeps `mfh --help` quick

    return needed(settings_from(preset), store)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _memory_gib() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB

"""`mfh doctor`."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

_REQUIRED = ("numpy", "scipy", "pillow", "matplotlib", "trimesh", "warp-lang")
_OPTIONAL = {
    "pytorch3d": "optional renderer, see environment.yml",
}
_GIB = 2**30


def doctor() -> None:
    """What is installed here, and what can run."""
    from mfh.models import default_model  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.parts import STAGES  # noqa: PLC0415

    console = Console(highlight=False)
    table = Table(title="mfh doctor", title_justify="left", box=None, pad_edge=False)
    table.add_column("what", style="dim", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("next", overflow="fold")
    good, bad, plain = "[green]{}[/]", "[red]{}[/]", "{}"

    def row(what: str, state: str, style: str = plain, remedy: str = "") -> None:
        table.add_row(what, style.format(state), remedy)

    row("mfh", _version("mfh") or "not installed", good)
    row("python", platform.python_version(), good)
    for package in _REQUIRED:
        found = _version(package)
        if found:
            row(package, found, good)
        else:
            row(package, "missing", bad, f"pip install {package}")
    for package, remedy in _OPTIONAL.items():
        row(package, _version(package) or "not installed", plain, remedy)
    row("CPU cores", str(os.cpu_count()))
    memory = _memory_gib()
    if memory is not None:
        row("memory", f"{memory:.0f} GiB")
    gpu = _gpu()
    row("GPU", gpu or "none", remedy="" if gpu else "everything runs on the CPU")
    table.add_section()
    for command in ("mfh demo", "mfh simulate"):
        row(command, "can run", good)
    row("mfh predict --use ...", "can run", good, "with your own files for the stages below")
    for stage in STAGES:
        row(f"  {stage}", "your files", plain, f"--use {stage}=PATH: {default_model(stage).title}")
    console.print(table)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _memory_gib() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB


def _gpu() -> str:
    if _version("warp-lang") is None:
        return "unknown"
    from mfh.warp_runtime import wp  # noqa: PLC0415 - starts Warp

    names = [device.name for device in wp.get_cuda_devices()]
    return ", ".join(names)

"""The packages that `mfh` depends on: which versions are here, and what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

# Simulated runs go without these.
_OF_LEARNED_STAGES = frozenset(
    (
        "accelerate",
        "diffusers",
        "huggingface_hub",
        "safetensors",
        "torch",
        "torchvision",
        "transformers",
    )
)


@dataclass(frozen=True)
class Package:
    """A package: its version here ("" is missing), and the lowest one that will do.

    broken: why it cannot be imported although it is here.
    """

    name: str
    found: str
    lowest: str
    broken: str = ""

    @property
    def fault(self) -> str:
        """What is wrong with it, in words; "" is nothing."""
        if not self.found:
            return "missing"
        if self.broken:
            return f"{self.found}, broken: {self.broken}"
        if _numbers(self.found) < _numbers(self.lowest):
            return f"{self.found} is too old"
        return ""

    @property
    def remedy(self) -> str:
        """The command that sets it right."""
        if self.broken:
            return f"pip install --force-reinstall {self.name}"
        return f'pip install "{self.name}>={self.lowest}"'

    @property
    def for_learned_stages(self) -> bool:
        """Whether simulated runs go without it."""
        return self.name in _OF_LEARNED_STAGES


def dependencies() -> tuple[Package, ...]:
    """The packages that `mfh` says it needs, whatever the version of Python; torch comes first."""
    try:
        texts = [text for text in requires("mfh") or () if ";" not in text]
    except PackageNotFoundError:
        return ()
    names = dict(re.split(r"\s*>=\s*", text, maxsplit=1) for text in texts)
    return tuple(
        Package(name, version_of(name), names[name], _torch_problem() if name == "torch" else "")
        for name in sorted(names, key=lambda name: (name != "torch", name))
    )


def version_of(package: str) -> str:
    """The version that is installed; "" is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def torch_works() -> bool:
    """Whether torch is here and can be used."""
    return bool(version_of("torch")) and not _torch_problem()


def _torch_problem() -> str:
    """Why torch cannot be used, in a line; "" where it can, or is not here."""
    if not version_of("torch"):
        return ""
    try:
        import torch  # noqa: PLC0415 - heavy

        torch.cuda.is_available()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ""


def _numbers(text: str) -> tuple[int, ...]:
    """A version's leading numbers, e.g. (2, 15) of "2.15.0rc1"; zeros at the end do not count."""
    released = re.match(r"\d+(\.\d+)*", text)
    numbers = [int(part) for part in released[0].split(".")] if released else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)

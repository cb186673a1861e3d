"""SMPL: the user's own file, read without running it and kept as `.npz`, and the body it gives.

`convert_smpl` needs no model library; `load_body` and `SmplBody` import torch when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mfh.people.smpl.conversion import SmplSummary, convert_smpl

if TYPE_CHECKING:
    from mfh.people.smpl.body import SmplBody, load_body

__all__ = ["SmplBody", "SmplSummary", "convert_smpl", "load_body"]


def __getattr__(name: str) -> Any:
    if name in ("SmplBody", "load_body"):
        return getattr(import_module("mfh.people.smpl.body"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

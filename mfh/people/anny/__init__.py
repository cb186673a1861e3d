"""People measured without any licensed body model: a compact Anny body, fitted to keypoints.

What needs a model library is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mfh.people.anny.body import Body, Population, load_body

if TYPE_CHECKING:
    from mfh.people.anny.regressor import AnnyRegressor

__all__ = ["AnnyRegressor", "Body", "Population", "load_body"]


def __getattr__(name: str) -> Any:
    if name == "AnnyRegressor":
        return importlib.import_module(f"{__name__}.regressor").AnnyRegressor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

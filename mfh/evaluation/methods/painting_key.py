"""Which settings a prediction, or its paintings, depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfh.models import ModelStore
from mfh.models.needs import resolved
from mfh.photos import safe_name
from mfh.settings import Settings
from mfh.simulation import SimulatedErrors

OF_PARTS = ("painter", "people", "disparity", "precision")
"""Settings that simulated stages do without."""

# Settings that change nothing but where and how quickly something is computed.
_NO_RESULT = {
    "": ("seed", "device", "low_memory"),
    "painter": ("batch",),
    "people": ("detector_batch", "regressor_batch"),
    "disparity": ("batch",),
}
_OF_PAINTINGS = (
    *("prompts", "strip_min_ratio", "strip_max_ratio", "working_short_side_px"),
    *("painter", "precision"),
)


def depended_on(settings: Settings) -> dict[str, Any]:
    """The settings that a prediction depends on besides its seed, as plain JSON values."""
    # What "auto" is depends on what is on this machine.
    values = resolved(settings, ModelStore()).as_dict()
    for group, names in _NO_RESULT.items():
        for name in names:
            del (values[group] if group else values)[name]
    # Metric from Human asks no model.
    del values["depthlm"]
    # Anny has no other body, and nothing else looks for joints.
    del values["people"]["body_model" if values["people"]["model"] == "anny" else "keypoints"]
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def name_of_paintings(settings: Settings, errors: SimulatedErrors | None = None) -> str:
    """A folder's name, the same for all rows that need the same paintings of a photo.

    errors: of simulated stages.
    """
    values = depended_on(settings)
    key: Mapping[str, Any] = {name: values[name] for name in _OF_PAINTINGS}
    painter = safe_name(Path(settings.painter.model).name)
    if errors is not None:
        plain = {name: values[name] for name in _OF_PAINTINGS if name not in OF_PARTS}
        key, painter = {**plain, "errors": errors.as_dict()}, "simulated"
    digest = hashlib.sha256(json.dumps([settings.seed, key], sort_keys=True).encode())
    return f"{painter}_{digest.hexdigest()[:12]}"

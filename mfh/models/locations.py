"""Where models are kept, and what the environment says about getting them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_TRUE = {"1", "on", "yes", "true"}


def default_folder() -> Path:
    """The folder of all models: `$MFH_MODELS`, else one in the user's cache folder."""
    chosen = os.environ.get("MFH_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    return _user_cache() / "mfh" / "models"


def default_mirror() -> str:
    """The mirror `$MFH_MIRROR` names; "" is none."""
    return os.environ.get("MFH_MIRROR", "")


def offline_wanted() -> bool:
    """Whether `$MFH_OFFLINE` or `$HF_HUB_OFFLINE` forbids the network."""
    variables = ("MFH_OFFLINE", "HF_HUB_OFFLINE")
    return any(os.environ.get(name, "").strip().lower() in _TRUE for name in variables)


def _user_cache() -> Path:
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"

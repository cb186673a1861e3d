"""A run's records on disk: reused where nothing they depend on has changed, else made anew.

```
run.json              format, versions, photo, camera, settings, parts
photo/                photo.png camera.json, at the working size
painted/              NAME.png NAME_repainted.png painted.json
people/  disparity/  landmarks/   photo.npz NAME.npz
aligned/  head/       aligned.json  head.json
```
Each of these folders also holds `stage.json`: the digest of everything the stage depends on, and
what that was; and the digest of what the photo's own entry depends on, which is none of the
paintings. A stage is written into `STAGE.partial` and renamed when whole; one that was interrupted,
or that needs more entries than it has, goes on from there. One process at a time uses a run folder.
"""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from mfh.errors import InputError, OutputError, RunFolderError
from mfh.files import atomic_path, make_folder, remove_temporaries, write_json
from mfh.files.reading import read_json
from mfh.records import PHOTO_NAME

FORMAT = 1
_STAGE_FILE = "stage.json"
_PACKAGES = (
    *("mfh", "numpy", "scipy", "pillow", "warp-lang"),
    *("torch", "torchvision", "diffusers", "transformers"),
)


@dataclass(frozen=True)
class StageKey:
    """Everything a stage's record depends on.

    settings: the settings it reads.
    part: the fingerprint of the part that does it; None for a part that has none, whose records are
        never reused.
    inputs: the digests of the records it reads.
    photo_inputs: those of the records that its entry of the photo itself depends on; None where
        they are the same.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    part: Mapping[str, Any] | None = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    photo_inputs: Mapping[str, str] | None = None
    _salt: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def contents(self) -> dict[str, Any]:
        """The key as plain JSON values."""
        contents = {
            "mfh": version("mfh"),
            "settings": dict(self.settings),
            "part": self._salt if self.part is None else dict(self.part),
            "inputs": dict(self.inputs),
        }
        plain: dict[str, Any] = json.loads(json.dumps(contents))
        return plain

    @property
    def digest(self) -> str:
        """SHA-256 of the key."""
        return hashlib.sha256(json.dumps(self.contents, sort_keys=True).encode()).hexdigest()

    @property
    def photo_digest(self) -> str:
        """SHA-256 of the key of the photo's own entry."""
        if self.photo_inputs is None:
            return self.digest
        return replace(self, inputs=self.photo_inputs, photo_inputs=None).digest

    def differences(self, earlier: Mapping[str, Any]) -> str:
        """What changed since an earlier key's contents, in words."""
        now = self.contents
        if earlier.get("mfh") != now["mfh"]:
            return f"made by mfh {earlier.get('mfh')}"
        changed = _changes(earlier.get("settings", {}), now["settings"])
        before, part = earlier.get("part"), now["part"]
        if isinstance(before, dict) and isinstance(part, dict) and before.keys() == part.keys():
            changed += _changes(before, part)
        elif before != part:
            changed.append("another part")
        changed += [
            f"{name} changed"
            for name, digest in now["inputs"].items()
            if earlier.get("inputs", {}).get(name) != digest
        ]
        return ", ".join(changed) or "something it depends on"


class RunFolder:
    """A folder that keeps the records of one photo's run.

    Raises `OutputError` where the folder cannot be made or written, and `RunFolderError` where it
    holds a run of another format.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = make_folder(path)
        self._earlier = self._described() if (self.path / "run.json").exists() else {}
        # Stages see to their own folders when they go on.
        for folder in (self.path, self.stage("photo")):
            remove_temporaries(folder)

    def describe(self, *, parts: Mapping[str, str], **description: Any) -> None:
        """Write `run.json`: format, versions and what is given.

        parts: their names, by what they do. Those of an earlier run that this one does without are
        kept: what they made still lies here.
        """
        versions = {name: version(name) for name in _PACKAGES}
        versions["python"] = platform.python_version()
        kept = self._earlier.get("parts", {})
        description["parts"] = {**(kept if isinstance(kept, dict) else {}), **parts}
        write_json(self.path / "run.json", {"format": FORMAT, "versions": versions, **description})

    def stage(self, name: str) -> Path:
        """The folder of a whole stage."""
        return self.path / name

    def state(self, name: str, key: StageKey) -> str:
        """Whether a stage can be reused: "reused", "computed", or "recomputed: why"."""
        stage_file = self.stage(name) / _STAGE_FILE
        if not stage_file.is_file():
            return "computed"
        try:
            earlier = read_json(stage_file)
            found = _match(earlier, key)
            if found == "whole":
                return "reused"
            if found == "photo" and earlier["digest"] == earlier["photo_digest"]:
                return "computed"  # the photo alone is there, and goes on to serve
            return f"recomputed: {key.differences(earlier['key'])}"
        except (InputError, KeyError, TypeError, AttributeError):
            return "recomputed: its record is damaged"

    def begin(self, name: str, key: StageKey) -> Path:
        """The folder to write a stage into; it keeps what earlier tries with this key left."""
        partial, stage = self.path / f"{name}.partial", self.stage(name)
        if _match_of(partial, key) != "whole" and _match_of(stage, key) == "whole":
            _remove(partial)
            _rename(stage, partial)
        if _match_of(partial, key) == "whole":
            remove_temporaries(partial)
            return partial
        photo = _photo_entry(partial, key) or _photo_entry(stage, key)
        _remove(partial)
        make_folder(partial)
        for path in photo:
            with atomic_path(partial / path) as temporary:
                temporary.write_bytes(photo[path])
        described = {"digest": key.digest, "photo_digest": key.photo_digest, "key": key.contents}
        write_json(partial / _STAGE_FILE, described)
        return partial

    def finish(self, name: str) -> None:
        """Give a stage that is whole its name."""
        _remove(self.stage(name))
        _rename(self.path / f"{name}.partial", self.stage(name))

    def _described(self) -> dict[str, Any]:
        """What `run.json` says."""
        description = self.path / "run.json"
        try:
            described = read_json(description)
            found = described.get("format")
        except (InputError, AttributeError) as error:
            raise RunFolderError(
                f"{description}: damaged ({error}); remove the folder, or choose another with --out"
            ) from error
        if found != FORMAT:
            raise RunFolderError(
                f"{self.path}: made by another version of mfh (format {found}, this one reads and "
                f"writes {FORMAT}); choose another folder with --out, or remove this one"
            )
        return dict(described)


def _match(earlier: Mapping[str, Any], key: StageKey) -> Literal["whole", "photo"] | None:
    """What of a stage that was written earlier serves for a key: all, or the photo's own entry.

    Where nothing but the photo's own entry is asked for, that is all.
    """
    if earlier["digest"] == key.digest:
        return "whole"
    if earlier.get("photo_digest") != key.photo_digest:
        return None
    return "whole" if key.digest == key.photo_digest else "photo"


def _match_of(folder: Path, key: StageKey) -> Literal["whole", "photo"] | None:
    try:
        return _match(read_json(folder / _STAGE_FILE), key)
    except (InputError, KeyError, TypeError):
        return None


def _photo_entry(folder: Path, key: StageKey) -> dict[str, bytes]:
    """The photo's own entry of a stage whose others are of other paintings, by the file's name."""
    if _match_of(folder, key) != "photo":
        return {}
    try:
        return {path.name: path.read_bytes() for path in folder.glob(f"{PHOTO_NAME}.*")}
    except OSError:
        return {}


def _rename(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError as error:
        raise OutputError(
            f"cannot rename {folder} to {target.name}: {error}; close what has it open"
        ) from error


def _remove(folder: Path) -> None:
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(
                f"cannot remove {folder}: {error}; remove it, or choose another folder with --out"
            ) from error


def _changes(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The values that differ, by name; digests tell nothing but that something did."""
    changed = []
    for name, value in now.items():
        before = earlier.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            changed += _changes(before, value)
        elif before != value:
            digest = name.endswith("sha256")
            what = f"another {name.removesuffix('_sha256')}" if name != "sha256" else "other files"
            changed.append(what if digest else f"{name} {_short(before)} -> {_short(value)}")
    return changed


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."

"""The catalogue of upstream models: one TOML file each, in `third_party/`."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal, get_args

from mfh.errors import InputError, SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Part = Literal[
    "painter",
    "detector",
    "keypoints",
    "mesh",
    "body",
    "disparity",
    "vision language model",
    "estimator",
]
Obtain = Literal["hub", "url", "register", "included", "folder"]

# The stage of each part; a stage of several parts is named after the one that gives its records.
_STAGE: Mapping[str, str] = {
    "painter": "painted",
    "detector": "people",
    "keypoints": "people",
    "mesh": "people",
    "body": "people",
    "disparity": "disparity",
    "vision language model": "estimators",
    "estimator": "estimators",
}
_MAIN_PART = {"painted": "painter", "people": "mesh", "disparity": "disparity"}
_HEX = re.compile(r"[0-9a-f]*")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file of a model, and what is known of it beforehand.

    path: in the model's folder, with "/".
    bytes: its size; None is unknown.
    sha256, md5: its digest in hexadecimal, or how that begins; "" is unknown.
    git_oid: its object id in Git (SHA-1 of a header and the content); "" is unknown.
    urls: where it can be downloaded; any of them will do.
    member: the file to take out of the .tar.gz that `urls` lead to.
    """

    path: str
    bytes: int | None = None
    sha256: str = ""
    md5: str = ""
    git_oid: str = ""
    urls: tuple[str, ...] = ()
    member: str = ""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.path)
        inside = bool(self.path) and ".." not in path.parts and "\\" not in self.path
        if not inside or path.is_absolute() or PureWindowsPath(self.path).drive:
            raise InputError(f"{self.path!r} is no path inside a model's folder")
        if self.bytes is not None and self.bytes < 0:
            raise InputError(f"{self.path}: has {self.bytes} bytes")
        for digest in (self.sha256, self.md5, self.git_oid):
            if not _HEX.fullmatch(digest):
                raise InputError(f"{self.path}: {digest!r} is no digest")

    @property
    def archive(self) -> str:
        """The name of the .tar.gz that holds the file; "" where it is got as it is."""
        return self.urls[0].rpartition("/")[2] if self.member else ""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One upstream model.

    name: what settings and commands call it.
    stage: what it is for: "painted", "people" or "disparity", or "estimators" for other methods,
        which no settings name; `part`: its part in that.
    title: its name in words.
    id: where its publisher keeps it.
    obtain: how it gets here: from the model hub, from URLs, from the user who registered for it,
        with mfh, which includes it, or not at all, being a folder of the user's own.
    revision: the commit on the hub; "" takes the newest one and stays with it.
    files: its files, of one that mfh includes in the folder of mfh; `patterns`: more files on the
        hub, as in `fnmatch`.
    download_gb: about how much there is to download, in 10^9 bytes.
    licence: the licence's name; `commercial`: whether that allows commercial use.
    packages: Python packages it needs.
    source: the page that says all this.
    page, register: where to register, and what to download there.
    default: whether settings name it, or come down to it, where they are not told otherwise.
    note: what a user has to know.
    """

    name: str
    stage: str
    part: Part
    title: str
    id: str
    obtain: Obtain
    licence: str
    commercial: bool
    source: str
    revision: str = ""
    files: tuple[ModelFile, ...] = ()
    patterns: tuple[str, ...] = ()
    download_gb: float = 0.0
    packages: tuple[str, ...] = ()
    page: str = ""
    register: str = ""
    default: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise InputError(f"model {self.name}: {problem}")

    @property
    def downloadable(self) -> bool:
        """Whether `mfh models get` can get it."""
        return self.obtain in {"hub", "url"}

    def _problems(self) -> Iterator[str]:
        if self.part not in get_args(Part) or self.obtain not in get_args(Obtain):
            yield f"part {self.part!r} or obtain {self.obtain!r} is unknown"
        elif self.stage != _STAGE[self.part]:
            yield f"part {self.part} is of stage {_STAGE[self.part]}, not {self.stage}"
        if not re.fullmatch(r"([0-9a-f]{40})?", self.revision):
            yield f"revision {self.revision!r} is no whole commit"
        if self.obtain == "hub" and not is_hub_id(self.id):
            yield f"id {self.id!r} is none of the model hub"
        if self.obtain == "url" and not (self.files and all(file.urls for file in self.files)):
            yield "a file has no URL"
        if self.obtain == "register" and not (self.page and self.register and self.files):
            yield "it is not said where to register, or which file that gives"
        if self.obtain == "included" and not self.files:
            yield "it is not said which of mfh's files it is"


@cache
def catalogue() -> tuple[Model, ...]:
    """All models, by name."""
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in files("mfh_third_party").iterdir()
        if entry.name.endswith(".toml")
    }
    return tuple(read_model(name, tomllib.loads(texts[name])) for name in sorted(texts))


def read_model(name: str, values: Mapping[str, Any]) -> Model:
    """A model from what its TOML file holds. Raises `InputError` where that is no model."""
    known = {field.name for field in fields(Model)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"model {name}: {unknown[0]!r} is unknown")
    chosen: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    chosen["files"] = tuple(
        ModelFile(**{**file, "urls": tuple(file.get("urls", ()))})
        for file in chosen.get("files", ())
    )
    try:
        return Model(name=name, **chosen)
    except TypeError as error:
        raise InputError(f"model {name}: {error}") from error


def default_model(stage: str, part: Part | None = None) -> Model:
    """The model of a stage, or of a part of it, that every machine can have."""
    part = part or _MAIN_PART[stage]  # type: ignore[assignment]
    return next(model for model in catalogue() if model.part == part and model.default)


def find_model(text: str, part: Part | None = None) -> Model:
    """The model of a name or an id, for a part where one is given.

    Raises `SettingsError` for a name that is unknown, or is another part's.
    """
    found = [model for model in catalogue() if text in (model.name, model.id)]
    fitting = [model for model in found if part in (None, model.part)]
    if fitting:
        return fitting[0]
    names = [model.name for model in catalogue() if part in (None, model.part)]
    if found:
        article = "an" if found[0].part == "estimator" else "a"
        raise SettingsError(
            f"{text} is {article} {found[0].part}, not a {part}; there are {_listed(names)}"
        )
    near = _nearest(text, [model for model in catalogue() if part in (None, model.part)])
    hint = f"did you mean {near!r}?" if near else f"there are {_listed(names)}"
    what = part or "model"
    raise SettingsError(f"{what} {text!r} is unknown; {hint} (see `mfh models list`)")


def _nearest(text: str, models: list[Model]) -> str:
    """The name that was probably meant, of those that begin alike, hold the text or resemble it."""
    wanted = _letters(text)
    # Of several that fit the one that is used anyway is the likeliest.
    models = sorted(models, key=lambda model: not model.default)
    if len(wanted) > 1:
        for fits in (str.startswith, str.__contains__):
            for model in models:
                if fits(_letters(model.name), wanted):
                    return model.name
        for model in models:
            if wanted in _letters(model.id):
                return model.name
    near = difflib.get_close_matches(text, [model.name for model in models], n=1)
    return near[0] if near else ""


def _letters(name: str) -> str:
    """A name without what is easily put differently: case, hyphens, dots."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def hub_model(model_id: str, part: Part | None = None) -> Model:
    """Any other model on the hub, of which nothing is known but its id."""
    part = part or "disparity"
    page = f"https://huggingface.co/{model_id}"
    return Model(
        name=model_id,
        stage=_STAGE[part],
        part=part,
        title=model_id,
        id=model_id,
        obtain="hub",
        licence=f"see {page}",
        commercial=False,
        source=page,
    )


def folder_model(path: Path, part: Part, files: tuple[ModelFile, ...] = ()) -> Model:
    """A folder of the user's own, and which files it has to hold."""
    folder = str(path)
    return Model(
        name=folder,
        stage=_STAGE[part],
        part=part,
        title=folder,
        id=folder,
        obtain="folder",
        licence="your own",
        commercial=False,
        source=folder,
        files=files,
    )


def named_folder(text: str | Path) -> Path | None:
    """The folder that a text names where a model is asked for; None where it names none.

    Names and ids of the catalogue are its models, also where there is such a folder, which "./NAME"
    names then. A `Path` is always a folder's.
    """
    if any(text in (model.name, model.id) for model in catalogue()):
        return None
    path = Path(text).expanduser()
    return path if path.is_dir() else None


def is_hub_id(text: str) -> bool:
    """Whether a text could be an id on the hub, as "org/name"."""
    return bool(_HUB_ID.fullmatch(text)) and not text.startswith(".")


def _listed(names: list[str]) -> str:
    return ", ".join(names)

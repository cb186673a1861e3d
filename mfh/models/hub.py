"""The model hub (Hugging Face): what a repository holds, and where its files are.

`huggingface_hub` says where the hub is, with which token to ask, and what its cache holds. The
bytes come by `mfh.models.download`, as all others do: it compares digests, tells how far it is,
and takes any web server as a mirror, none of which `hf_hub_download` does in all its versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mfh.errors import MissingPartError
from mfh.models.catalogue import Model, ModelFile
from mfh.models.download import Address, NotThereError, read_json_from

_WANTED = (".jinja", ".json", ".model", ".safetensors", ".txt")
_VARIANT = re.compile(r"\.(bf16|ema|fp16|fp32|non_ema)[.-]")


def hub_listing(
    model: Model, revision: str, endpoint: str = ""
) -> tuple[str, tuple[ModelFile, ...]]:
    """The commit of a revision ("" is the newest), and the files of it that are needed.

    endpoint: where the hub is; "" is the usual place.

    Raises `MissingPartError` where a file that is needed is not there, and `TransferError`.
    """
    url = f"{endpoint or _endpoint()}/api/models/{model.id}"
    if revision:
        url += f"/revision/{quote(revision, safe='')}"
    try:
        values = read_json_from(Address(f"{url}?blobs=true", _headers(endpoint)))
    except NotThereError as error:
        what = f"{model.id} at {revision}" if revision else model.id
        message = f"{what}: the model hub has no such model; see {model.source}"
        raise NotThereError(message) from error
    try:
        commit = str(values["sha"])
        listed = {each["rfilename"]: _listed_file(each) for each in values["siblings"]}
    except (KeyError, TypeError, ValueError) as error:
        raise MissingPartError(f"{url}: did not answer as the model hub does") from error
    chosen = wanted_files(model, listed, model.id)
    return commit, tuple(_merged(listed[path], model) for path in chosen)


def wanted_files(model: Model, present: Iterable[str], where: str) -> tuple[str, ...]:
    """Which of the files of a repository, or of a folder, are needed.

    where: its name, for messages.

    Raises `MissingPartError` where one that is needed is not there.
    """
    names = sorted(present)
    required = [file.path for file in model.files]
    absent = [path for path in required if path not in names]
    matching = [
        name for name in names if any(fnmatchcase(name, pattern) for pattern in model.patterns)
    ]
    unmatched = [p for p in model.patterns if not any(fnmatchcase(name, p) for name in names)]
    if not required and not model.patterns:
        matching = _loadable(names)
        unmatched = [] if any(n.endswith(".safetensors") for n in matching) else ["*.safetensors"]
    if absent or unmatched:
        raise MissingPartError(
            f"{where}: holds no {', '.join([*absent, *unmatched])}; it is not the model, or has "
            "changed"
        )
    return tuple(sorted({*required, *matching}))


def file_address(model: Model, revision: str, path: str, endpoint: str = "") -> Address:
    """Where the hub has a file."""
    base = endpoint or _endpoint()
    url = f"{base}/{model.id}/resolve/{quote(revision or 'main', safe='')}/{quote(path)}"
    return Address(url, _headers(endpoint))


def cached_file(model: Model, revision: str, path: str) -> Path | None:
    """A file that other programs got from the hub at this commit, if there is one."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - heavy

    found = try_to_load_from_cache(model.id, path, revision=revision) if revision else None
    return Path(found) if isinstance(found, str) else None


def _endpoint() -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - heavy

    return str(constants.ENDPOINT)


def _headers(endpoint: str) -> dict[str, str]:
    """The user's token, for the hub itself and for no mirror."""
    from huggingface_hub import get_token  # noqa: PLC0415 - heavy

    token = None if endpoint else get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _listed_file(values: dict[str, Any]) -> ModelFile:
    lfs = values.get("lfs")
    return ModelFile(
        path=values["rfilename"],
        bytes=values.get("size"),
        sha256=lfs["sha256"] if lfs else "",
        git_oid="" if lfs else values.get("blobId") or "",
    )


def _merged(listed: ModelFile, model: Model) -> ModelFile:
    """What the hub says of a file, with what the catalogue says, which has to agree."""
    known = next((file for file in model.files if file.path == listed.path), listed)
    size = listed.bytes if known.bytes is None else known.bytes
    if listed.bytes not in (None, size) or not listed.sha256.startswith(known.sha256):
        raise MissingPartError(
            f"{model.id}: has another {listed.path} than the one known to mfh; see {model.source}"
        )
    return replace(known, bytes=size, sha256=listed.sha256, git_oid=listed.git_oid)


def _loadable(names: list[str]) -> list[str]:
    """What `from_pretrained` needs of a repository of which nothing else is known.

    Weights in safetensors only; of a pipeline those of its folders; and full precision where both
    are there.
    """
    found = [name for name in names if name.endswith(_WANTED) and not name.startswith(".")]
    pipeline = "model_index.json" in found
    weights = [name for name in found if name.endswith(".safetensors")]
    if pipeline:
        weights = [name for name in weights if "/" in name]
    plain = {name.rpartition("/")[0] for name in weights if not _VARIANT.search(name)}
    kept = [n for n in weights if not _VARIANT.search(n) or n.rpartition("/")[0] not in plain]
    return [name for name in found if not name.endswith(".safetensors")] + kept

"""Where a model's files can be had: from its publisher, from a mirror, from a folder.

A mirror is a folder, or the address of one, laid out as `mfh` keeps models itself:
`NAME/PATH` for each file, `NAME/mfh_model.json` beside them. The layouts of the model hub are
understood, too: on a web server `ORG/MODEL/resolve/COMMIT/PATH`, in a folder `ORG/MODEL/PATH` and
`models--ORG--MODEL/snapshots/COMMIT/PATH`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import quote

from mfh.errors import InputError, MissingPartError
from mfh.models import hub
from mfh.models.catalogue import Model, ModelFile
from mfh.models.download import Address, NotThereError, read_json_from
from mfh.models.receipts import RECEIPT, Receipt, parse_receipt, read_receipt

_OFFLINE = "the network is not to be used; take it from a folder with --from or --mirror"


@dataclass(frozen=True)
class Plan:
    """What is to be got: the files of one revision."""

    revision: str
    files: tuple[ModelFile, ...]


@dataclass(frozen=True)
class Place:
    """Where a file can be had: an address, or a path; or of the archive that holds it."""

    at: Address | Path
    archive: bool = False

    def __str__(self) -> str:
        return self.at.url if isinstance(self.at, Address) else str(self.at)


class Source(Protocol):
    """Gives the files of models."""

    name: str

    def plan(self, model: Model, revision: str) -> Plan:
        """The files of a model at a revision; "" is the newest. Raises `MissingPartError`."""
        ...

    def places(self, model: Model, revision: str, file: ModelFile) -> Iterable[Place]:
        """Where one of them may be, the likeliest place first."""
        ...

    def why_none(self, model: Model) -> str:
        """Why there is no place for a file, in a sentence, and what to do."""
        ...


def store_name(model: Model) -> str:
    """The folder of a model among others."""
    return model.name.replace("/", "--")


class Publisher:
    """The model hub, and the addresses in the catalogue; the user's cache of the hub first.

    offline: nothing but that cache.
    """

    def __init__(self, *, offline: bool) -> None:
        self.name = "its publisher"
        self._offline = offline

    def plan(self, model: Model, revision: str) -> Plan:
        """The files of a model at a revision; "" is the newest."""
        if model.obtain == "url":
            return Plan(revision, model.files)
        if not self._offline:
            return Plan(*hub.hub_listing(model, revision))
        if model.patterns or not model.files:
            raise MissingPartError(
                f"{model.name}: its files are listed by the model hub, and {_OFFLINE}"
            )
        return Plan(revision, model.files)

    def places(self, model: Model, revision: str, file: ModelFile) -> Iterator[Place]:
        """Where one of them is."""
        if model.obtain == "hub":
            cached = hub.cached_file(model, revision, file.path)
            if cached is not None:
                yield Place(cached)
            if not self._offline:
                yield Place(hub.file_address(model, revision, file.path))
        elif not self._offline:
            for url in file.urls:
                yield Place(Address(url), archive=bool(file.member))

    def why_none(self, model: Model) -> str:
        """What keeps this from asking anybody: the network is not to be used."""
        if model.obtain == "hub":
            return f"the model hub's cache here has no such file, and {_OFFLINE}"
        return _OFFLINE


class MirrorSite:
    """A mirror on a web server."""

    def __init__(self, url: str) -> None:
        self.name = url
        self._url = url.rstrip("/")

    def plan(self, model: Model, revision: str) -> Plan:
        """The files of a model as the mirror's receipt says, or the hub it copies."""
        url = f"{self._url}/{store_name(model)}/{RECEIPT}"
        try:
            receipt = parse_receipt(read_json_from(Address(url)), url)
        except NotThereError:
            if model.obtain != "hub":
                return Plan(revision, model.files)
        except InputError as error:
            raise MissingPartError(str(error)) from error
        else:
            return _plan_of(receipt, model, revision, url)
        try:
            return Plan(*hub.hub_listing(model, revision, self._url))
        except NotThereError:
            if model.patterns or not model.files:
                raise
            return Plan(revision, model.files)

    def places(self, model: Model, revision: str, file: ModelFile) -> Iterator[Place]:
        """Where one of them may be."""
        base = f"{self._url}/{store_name(model)}"
        yield Place(Address(f"{base}/{quote(file.path)}"))
        if file.member:
            yield Place(Address(f"{base}/{quote(file.archive)}"), archive=True)
        if model.obtain == "hub":
            yield Place(hub.file_address(model, revision, file.path, self._url))

    def why_none(self, model: Model) -> str:
        """Never asked: a mirror may have any file."""
        return f"{self.name} has no {model.name}"


class Folder:
    """A folder of the user's: a mirror, or one that holds a model's files as they were published.

    one_model: whether the folder itself may hold the model.
    """

    def __init__(self, path: Path, *, one_model: bool) -> None:
        self.name = str(path)
        self._path = path
        self._one_model = one_model
        if not path.exists():
            raise InputError(f"{path}: there is no such folder or file")

    def plan(self, model: Model, revision: str) -> Plan:
        """The files of a model as the folder's receipt says, or as they lie there."""
        folders = self._folders(model, revision)
        for folder in folders:
            receipt = read_receipt(folder)
            if receipt is not None:
                return _plan_of(receipt, model, revision, str(folder))
        if not model.patterns and model.files:
            return Plan(revision, model.files)
        for folder in folders:
            if folder.is_dir():
                present = (each for each in folder.rglob("*") if each.is_file())
                names = [each.relative_to(folder).as_posix() for each in present]
                known = {file.path: file for file in model.files}
                wanted = hub.wanted_files(model, names, str(folder))
                return Plan(revision, tuple(known.get(p, ModelFile(path=p)) for p in wanted))
        if self._path.is_file():
            raise MissingPartError(self.why_none(model))
        looked = ", ".join(map(str, folders))
        raise MissingPartError(
            f"{model.name}: {self._path} holds it under none of the names looked for: {looked}"
        )

    def places(self, model: Model, revision: str, file: ModelFile) -> Iterator[Place]:
        """Where one of them may be."""
        if self._path.is_file():
            if len(model.files) == 1 or self._path.name == PurePosixPath(file.path).name:
                yield Place(self._path, archive=self._path.name.endswith(".tar.gz"))
            return
        for folder in self._folders(model, revision):
            yield Place(folder / file.path)
            if file.member:
                yield Place(folder / file.archive, archive=True)

    def why_none(self, model: Model) -> str:
        """What is wrong with a single file."""
        return (
            f"{self._path} is one file, and {model.name} has more; give the folder that holds them"
        )

    def _folders(self, model: Model, revision: str) -> list[Path]:
        top = self._path
        found = [top / store_name(model)]
        if model.obtain == "hub":
            snapshots = top / f"models--{model.id.replace('/', '--')}" / "snapshots"
            found += [top / model.id, snapshots / (revision or "main")]
        if self._one_model:
            found.append(top)
        return found


def source_from(text: str | Path, *, offline: bool, one_model: bool = False) -> Source:
    """A mirror or a folder, as the user named it.

    Raises `InputError` for a folder that is not there, and `MissingPartError` for an address where
    the network is not to be used.
    """
    if str(text).startswith(("http://", "https://")):
        if offline:
            raise MissingPartError(f"{text}: is not asked, as the network is not to be used")
        return MirrorSite(str(text))
    return Folder(Path(text).expanduser(), one_model=one_model)


def _plan_of(receipt: Receipt, model: Model, revision: str, where: str) -> Plan:
    """The plan by a receipt; what the catalogue says of a file has to hold, too."""
    if receipt.id != model.id or (revision and receipt.revision not in ("", revision)):
        raise MissingPartError(
            f"{where}: is of {receipt.id} {receipt.revision[:12]}, not of {model.id} "
            f"{revision[:12]}"
        )
    known = {file.path: file for file in model.files}
    files = []
    for path, entry in receipt.files.items():
        file = known.get(path, ModelFile(path=path))
        if entry.sha256 and not entry.sha256.startswith(file.sha256):
            raise MissingPartError(f"{where}: has another {path} than {model.id}")
        files.append(
            ModelFile(
                path=path,
                bytes=entry.bytes if file.bytes is None else file.bytes,
                sha256=entry.sha256 or file.sha256,
                md5=file.md5,
                urls=file.urls,
                member=file.member,
            )
        )
    absent = sorted(set(known) - set(receipt.files))
    if absent:
        raise MissingPartError(f"{where}: has no {absent[0]}")
    return Plan(revision or receipt.revision, tuple(files))

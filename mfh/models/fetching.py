"""Getting the files of one model into its folder, each verified before it takes its place."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mfh.errors import InputError, MissingPartError
from mfh.files import make_folder
from mfh.models.archives import extract_member
from mfh.models.catalogue import Model, ModelFile
from mfh.models.digests import Digests, difference, read_digests
from mfh.models.disk import require_room, writing
from mfh.models.download import (
    Address,
    BrokenTransferError,
    NotThereError,
    TransferError,
    UnknownHostError,
    discard,
    download,
)
from mfh.models.progress import DownloadProgress
from mfh.models.receipts import Entry, Receipt, read_receipt
from mfh.models.sources import Place, Plan, Source
from mfh.models.states import checked_digests, label_of

_WEIGHTS = (".ckpt", ".pkl", ".pth", ".safetensors")

# A Git repository cloned without its large files holds such texts in their places.
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def fetch(model: Model, folder: Path, source: Source, progress: DownloadProgress) -> None:
    """Get a model, or what is missing or damaged of it.

    Its receipt says at any time which files are whole. A model without a fixed revision stays at
    the one that was got first.

    Raises `UnknownHostError` where this machine has no way to the source, `MissingPartError` where
    a file cannot be had for another reason, and `OutputError`.
    """
    make_folder(folder)
    before = _receipt_or_none(folder)
    plan = source.plan(model, model.revision or (before.revision if before else ""))
    require_room(folder, _bytes_to_get(model, plan, folder))
    recorded = dict(before.files) if before and before.revision == plan.revision else {}
    entries = {file.path: Entry(file.bytes, file.sha256, done=False) for file in plan.files}
    receipt = Receipt(model.id, plan.revision, source.name, entries)
    receipt.write(folder)
    task = _Task(model, folder, plan.revision, source, progress)
    for file in plan.files:
        kept = task.kept(file, recorded.get(file.path))
        entries[file.path] = kept or task.obtain(file)
        receipt.write(folder)


@dataclass(frozen=True)
class _Task:
    """Getting a model: which, where to, which revision, where from."""

    model: Model
    folder: Path
    revision: str
    source: Source
    progress: DownloadProgress

    def kept(self, file: ModelFile, recorded: Entry | None) -> Entry | None:
        """A file that is here already, if its digest is known and right."""
        target = self.folder / file.path
        if not file.sha256 and recorded is not None:
            file = replace(file, sha256=recorded.sha256)
        if not target.is_file() or not (file.sha256 or file.md5 or file.git_oid):
            return None
        found = checked_digests(target, file, self.model, self.progress)
        if difference(found, file):
            return None
        return Entry(found.bytes, found.sha256, done=True)

    def obtain(self, file: ModelFile) -> Entry:
        """Get a file from the first place that has it, and has it right."""
        target = self.folder / file.path
        make_folder(target.parent)
        failed: list[TransferError] = []
        for place in self.source.places(self.model, self.revision, file):
            # Only what was downloaded may be gone on with: a link is the user's own file.
            own = place.archive or isinstance(place.at, Path)
            piece = target.with_name(f"{target.name}{'.copy' if own else '.part'}")
            try:
                found = self._verified(place, piece, file)
                with writing(target):
                    piece.replace(target)
            except BrokenTransferError:
                # Another place might have to begin again.
                raise
            except TransferError as error:
                failed.append(error)
                continue
            finally:
                if own:
                    with suppress(OSError):
                        piece.unlink(missing_ok=True)
            self._tidy(file)
            self.progress.finish(label_of(self.model, file))
            return Entry(found.bytes, found.sha256, done=True)
        raise self._nowhere(file, failed)

    def _verified(self, place: Place, piece: Path, file: ModelFile) -> Digests:
        """Put into `piece` what is at a place, and compare it with what is known of the file."""
        begun = piece.is_file()
        self._take(place, piece, file)
        found = read_digests(piece, file)
        if difference(found, file) and begun:
            # What was there from before may have been of another file.
            discard(piece)
            self._take(place, piece, file)
            found = read_digests(piece, file)
        wrong = difference(found, file) or _implausible(found, file, self.model)
        if wrong:
            discard(piece)
            raise TransferError(f"{place}: {wrong}; it is damaged, or another file")
        return found

    def _take(self, place: Place, piece: Path, file: ModelFile) -> None:
        """Put into `piece` what is at a place."""
        label = label_of(self.model, file)
        if isinstance(place.at, Path):
            if not place.at.is_file():
                raise NotThereError(f"{place}: is not there")
            if place.archive:
                extract_member(place.at, file.member, piece, label, self.progress)
            else:
                _link(place.at, piece, label, self.progress)
        elif place.archive:
            self._take_member(place.at, piece, file)
        else:
            download(place.at, piece, file, label, self.progress)

    def _take_member(self, address: Address, piece: Path, file: ModelFile) -> None:
        archive = self.folder / f"{file.archive}.part"
        label = f"{self.model.name}: {file.archive}"
        download(address, archive, ModelFile(path=file.archive), label, self.progress)
        self.progress.finish(label)
        try:
            extract_member(archive, file.member, piece, label_of(self.model, file), self.progress)
        except TransferError:
            discard(archive)
            raise
        discard(archive)

    def _tidy(self, file: ModelFile) -> None:
        """Remove what earlier attempts left, also those at other places."""
        target = self.folder / file.path
        discard(target.with_name(f"{target.name}.part"))
        if file.member:
            discard(self.folder / f"{file.archive}.part")

    def _nowhere(self, file: ModelFile, failed: list[TransferError]) -> MissingPartError:
        unknown = [error for error in failed if isinstance(error, UnknownHostError)]
        if unknown and len(unknown) == len(failed):
            hosts = dict.fromkeys(error.host for error in unknown)
            return UnknownHostError(" or ".join(hosts), unknown[0].reason)
        why = [error for error in failed if not isinstance(error, NotThereError)] or failed
        reasons = [str(error) for error in why] or [self.source.why_none(self.model)]
        return MissingPartError(
            "\n  ".join([f"{self.model.name}: {file.path} could not be got", *reasons])
        )


def _implausible(found: Digests, file: ModelFile, model: Model) -> str:
    """Why a file of which neither size nor digest is known cannot be a model's weights.

    Only a model with one file of weights says by its size about how large that is.
    """
    weights = [each.path for each in model.files if each.path.endswith(_WEIGHTS)]
    known = file.bytes is not None or file.sha256 or file.md5 or file.git_oid
    if known or model.patterns or weights != [file.path]:
        return ""
    if found.bytes >= model.download_gb * 1e9 / 2:
        return ""
    return f"is {found.bytes / 1e6:.1f} MB, about {model.download_gb:g} GB expected"


def _receipt_or_none(folder: Path) -> Receipt | None:
    """The receipt in a folder; one that is damaged is written anew."""
    try:
        return read_receipt(folder)
    except InputError:
        return None


def _bytes_to_get(model: Model, plan: Plan, folder: Path) -> float:
    """About how much room is needed; an archive takes its own while it is unpacked."""
    missing = [file for file in plan.files if not (folder / file.path).is_file()]
    if any(file.bytes is None for file in missing):
        known = model.download_gb * 1e9
        return 2 * known if any(file.member for file in missing) else known
    return sum(file.bytes or 0 for file in missing)


def _link(source: Path, piece: Path, label: str, progress: DownloadProgress) -> None:
    """Link a file, which takes no room, or copy it where that is not possible."""
    try:
        source = source.resolve(strict=True)
        with source.open("rb") as stream:
            beginning = stream.read(len(_LFS_POINTER))
    except OSError as error:
        raise TransferError(f"{source}: cannot be read ({error.strerror or error})") from error
    if beginning == _LFS_POINTER:
        raise TransferError(
            f"{source}: only stands for the file; fetch it with `git lfs pull` in that folder"
        )
    progress.start(label, source.stat().st_size, 0)
    with writing(piece):
        piece.unlink(missing_ok=True)
    try:
        os.link(source, piece)
    except OSError:
        with writing(piece):
            shutil.copyfile(source, piece)
    progress.advance(label, piece.stat().st_size)

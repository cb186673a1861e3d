"""Whether a model on this machine is whole and unchanged, and what is at fault if not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from mfh.errors import InputError
from mfh.models.catalogue import Model, ModelFile
from mfh.models.digests import Digests, difference, read_digests
from mfh.models.progress import DownloadProgress
from mfh.models.receipts import RECEIPT, Receipt, read_receipt

Status = Literal["ready", "absent", "partial", "damaged"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, in words that follow its path."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"


@dataclass(frozen=True)
class ModelState:
    """What of a model is here.

    status: "ready"; "absent"; "partial", where getting it was not finished, or it is of another
        revision; "damaged", where something that was there is missing or changed.
    """

    model: Model
    folder: Path
    status: Status
    faults: tuple[Fault, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return self.status == "ready"

    def __str__(self) -> str:
        named = self.model.title != self.model.name
        what = f"{self.model.title} ({self.model.name})" if named else self.model.title
        if self.model.obtain == "included" and self.ready:
            return f"{what} comes with mfh"
        if self.status == "absent":
            return f"{what} is not on this machine"
        if self.ready:
            return f"{what} is ready"
        first = "; ".join(map(str, self.faults[:3]))
        more = f"; and {len(self.faults) - 3} more" if len(self.faults) > 3 else ""
        status = {"partial": "not complete", "damaged": "damaged"}[self.status]
        where = f" in {self.folder}" if self.model.obtain != "folder" else ""
        return f"{what} is {status}{where}: {first}{more}"


def state_of(
    model: Model, folder: Path, *, thorough: bool, progress: DownloadProgress
) -> ModelState:
    """What of a model is in its folder; `thorough` compares digests, else sizes."""
    if model.obtain in {"folder", "included"}:
        return _state_of_folder(model, folder)
    try:
        receipt = read_receipt(folder)
    except InputError:
        return ModelState(model, folder, "damaged", (Fault(RECEIPT, "is unreadable"),))
    begun = folder.is_dir() and any(
        each.is_file() and each.name != RECEIPT for each in folder.rglob("*")
    )
    if receipt is None:
        faults = (Fault(RECEIPT, "is missing"),) if begun else ()
        return ModelState(model, folder, "partial" if begun else "absent", faults)
    damage = _damage(receipt, model, folder, progress if thorough else None)
    undone = _undone(receipt, model)
    status: Status = "ready"
    if damage:
        status = "damaged"
    elif undone:
        status = "partial" if begun else "absent"
    return ModelState(model, folder, status, damage or undone)


def _state_of_folder(model: Model, folder: Path) -> ModelState:
    """What of its files a folder holds that is the user's own, or of mfh."""
    if not folder.is_dir():
        return ModelState(model, folder, "absent")
    absent = [file.path for file in model.files if not (folder / file.path).is_file()]
    faults = tuple(Fault(path, "is missing") for path in absent)
    return ModelState(model, folder, "partial" if faults else "ready", faults)


def _damage(
    receipt: Receipt, model: Model, folder: Path, progress: DownloadProgress | None
) -> tuple[Fault, ...]:
    """Which files that were whole no longer are; digests are compared where there is `progress`."""
    faults = []
    for path, entry in receipt.files.items():
        if not entry.done:
            continue
        file = folder / path
        expected = ModelFile(path=path, bytes=entry.bytes, sha256=entry.sha256)
        try:
            found = Digests(bytes=file.stat().st_size, sha256=entry.sha256)
            if progress is not None and not difference(found, expected):
                found = checked_digests(file, expected, model, progress)
        except FileNotFoundError:
            faults.append(Fault(path, "is missing"))
            continue
        except OSError as error:
            faults.append(Fault(path, f"cannot be read ({(error.strerror or str(error)).lower()})"))
            continue
        wrong = difference(found, expected)
        if wrong:
            faults.append(Fault(path, wrong))
    return tuple(faults)


def checked_digests(
    path: Path, file: ModelFile, model: Model, progress: DownloadProgress
) -> Digests:
    """The digests of a file, with a line of progress as it may be large."""
    label = f"{label_of(model, file)} (checking)"
    progress.start(label, path.stat().st_size, 0)
    found = read_digests(path, file, lambda count: progress.advance(label, count))
    progress.finish(label)
    return found


def label_of(model: Model, file: ModelFile) -> str:
    """A file as progress calls it."""
    return f"{model.name}: {'/'.join(PurePosixPath(file.path).parts[-2:])}"


def _undone(receipt: Receipt, model: Model) -> tuple[Fault, ...]:
    if receipt.id != model.id:
        return (Fault(RECEIPT, f"says {receipt.id}, expected {model.id}"),)
    if model.revision and receipt.revision not in ("", model.revision):
        revisions = f"{receipt.revision[:12]}, expected {model.revision[:12]}"
        return (Fault(RECEIPT, f"says revision {revisions}"),)
    required = {file.path for file in model.files}
    not_got = [path for path, entry in receipt.files.items() if not entry.done]
    missing = [*not_got, *sorted(required - set(receipt.files))]
    return tuple(Fault(path, "is missing") for path in missing)

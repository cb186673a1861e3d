"""The models on this machine: what is there, and getting what is not."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mfh.errors import InputError, MissingPartError, OutputError
from mfh.files import make_folder
from mfh.models import locations
from mfh.models.catalogue import Model, catalogue, hub_model, is_hub_id
from mfh.models.digests import read_digests
from mfh.models.download import UnknownHostError
from mfh.models.fetching import fetch
from mfh.models.progress import DownloadProgress
from mfh.models.receipts import Entry, Receipt, read_receipt
from mfh.models.sources import Publisher, Source, source_from, store_name
from mfh.models.states import ModelState, state_of
from mfh.models.weights import Weights

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class UnreachableModelError(MissingPartError):
    """A model that this machine has no way to, so that it has to come here differently.

    why: the message without what to do about it.
    """

    def __init__(self, model: Model, folder: Path, cause: UnknownHostError) -> None:
        self.why = f"{model.name}: {cause}"
        super().__init__(
            f"{self.why}; on a machine with a network: mfh models get {model.name}, then copy its "
            f"folder to {folder} here; or: mfh models get {model.name} --from DIR | --mirror "
            "DIR|URL"
        )


class ModelStore:
    """The models in one folder, each in a folder of its own.

    folder: by default `$MFH_MODELS`, else one in the user's cache folder.
    offline: never use the network; by default what `$MFH_OFFLINE` or `$HF_HUB_OFFLINE` says.
    mirror: an address or a folder that everything is got from, see `mfh.models.sources`; by default
        `$MFH_MIRROR`, else each model's publisher.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        offline: bool | None = None,
        mirror: str | Path | None = None,
    ) -> None:
        self.folder = Path(folder).expanduser() if folder else locations.default_folder()
        self.offline = locations.offline_wanted() if offline is None else offline
        self.mirror = mirror or locations.default_mirror()

    def path(self, model: Model) -> Path:
        """The folder of a model, whether it is there or not."""
        if model.obtain == "included":
            return Path(__file__).parents[1]
        return Path(model.id) if model.obtain == "folder" else self.folder / store_name(model)

    def state(
        self, model: Model, *, thorough: bool = False, progress: DownloadProgress | None = None
    ) -> ModelState:
        """Whether a model is here, whole and unchanged.

        thorough: compare digests, which takes a while, else sizes.
        """
        progress = progress or DownloadProgress()
        return state_of(model, self.path(model), thorough=thorough, progress=progress)

    def others(self) -> tuple[Model, ...]:
        """The models from the hub that are here, or begun, and that the catalogue does not have."""
        known = {store_name(model) for model in catalogue()}
        found = []
        for folder in sorted(self.folder.glob("*--*")):
            model_id = folder.name.replace("--", "/", 1)
            if folder.name not in known and folder.is_dir() and is_hub_id(model_id):
                found.append(hub_model(model_id))
        return tuple(found)

    def weights(self, model: Model) -> Weights:
        """The files of a model that is here.

        Raises `MissingPartError` where it is not, or not whole, with the command that gets it.
        """
        state = self.state(model)
        if not state.ready:
            raise MissingPartError(f"{state}; {remedy(model)}")
        if model.obtain == "folder":
            return Weights.local(model.id)
        folder = self.path(model)
        if model.obtain == "included":
            return Weights(name=model.title, folder=folder, identity={"id": model.id})
        receipt = read_receipt(folder)
        if receipt is None:
            raise MissingPartError(f"{folder}: was removed a moment ago; {remedy(model)}")
        identity = {"id": receipt.id, "revision": receipt.revision, "content": receipt.content}
        return Weights(name=model.title, folder=folder, identity=identity)

    def get(
        self,
        model: Model,
        progress: DownloadProgress | None = None,
        source: str | Path | None = None,
    ) -> Weights:
        """Get a model, or what is missing or damaged of it; all of it is verified.

        source: a folder to take it from, in place of the mirror or the publisher: one with the
            model's files, or any that a mirror may be.

        Raises `InputError` where that folder is not there, `UnreachableModelError` where this
        machine has no way to the model, `MissingPartError` where it cannot be had for another
        reason, and `OutputError` where it cannot be written. What was got stays, and getting it
        again goes on from there.
        """
        if not model.downloadable:
            state = self.state(model)
            if state.ready:
                return self.weights(model)
            raise MissingPartError(f"{state}; {remedy(model)}")
        progress = progress or DownloadProgress()
        if source is not None:
            # Before all that takes long; a mirror is asked for only where something is missing.
            self.source(source)
        with self._locked(model, progress) as waited:
            # Whoever was waited for has just verified it.
            if not self.state(model, thorough=not waited, progress=progress).ready:
                try:
                    fetch(model, self.path(model), self.source(source), progress)
                except UnknownHostError as error:
                    raise UnreachableModelError(model, self.path(model), error) from error
        return self.weights(model)

    def add(
        self, model: Model, path: str | Path, convert: Callable[[Path, Path], object]
    ) -> Weights:
        """Take the file of a model that its user registered for and downloaded.

        convert: writes what is kept of a file to another one, e.g. `mfh.people.smpl.convert_smpl`,
            and raises `InputError` for a file that is not the model.

        Raises `InputError` also for a model that is got otherwise.
        """
        if model.obtain != "register":
            raise InputError(f"{model.name}: is not added from a file; {remedy(model)}")
        name = model.files[0].path
        with self._locked(model, DownloadProgress()):
            folder = make_folder(self.path(model))
            convert(Path(path).expanduser(), folder / name)
            found = read_digests(folder / name)
            entry = Entry(found.bytes, found.sha256, done=True)
            Receipt(model.id, "", "its user", {name: entry}).write(folder)
        return self.weights(model)

    def source(self, source: str | Path | None = None) -> Source:
        """Where models are got from: a folder given, else the mirror, else their publishers.

        Raises `InputError` where the folder or a mirror's is not there, and `MissingPartError`
        where the mirror is an address and the network is not to be used.
        """
        if source is not None:
            return source_from(source, offline=self.offline, one_model=True)
        if self.mirror:
            return source_from(self.mirror, offline=self.offline)
        return Publisher(offline=self.offline)

    @contextmanager
    def _locked(self, model: Model, progress: DownloadProgress) -> Iterator[bool]:
        """Keep other processes from getting the same model; gives whether one was waited for."""
        locks = make_folder(self.folder / ".locks")
        lock = FileLock(locks / f"{store_name(model)}.lock")
        waited = False
        try:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                waited = True
                progress.say(f"{model.name}: another process is getting it; waiting for that")
                lock.acquire()
        except (OSError, NotImplementedError) as error:
            raise OutputError(_not_locked(locks, error)) from error
        try:
            yield waited
        finally:
            lock.release()


def remedy(model: Model) -> str:
    """What a user does to have a model: the command, and before it where to register."""
    if model.downloadable:
        size = f" ({model.download_gb:g} GB)" if model.download_gb else ""
        return f"get it with: mfh models get {model.name}{size}"
    if model.obtain == "register":
        return f"register at {model.page}, {model.register}; then: mfh models add {model.name} FILE"
    if model.obtain == "included":
        return f"{model.name} comes with mfh: install mfh again"
    return f"give a folder that holds {', '.join(file.path for file in model.files) or 'it'}"


def _not_locked(locks: Path, error: OSError | NotImplementedError) -> str:
    """Why a model could not be locked, and what to do."""
    why = (isinstance(error, OSError) and error.strerror) or error
    # Versions of filelock tell by NotImplementedError where the system knows no locks.
    if not isinstance(error, OSError) or error.errno in _NO_LOCKS:
        return (
            f"{locks}: this drive has no locks, which keep two processes from writing the same "
            f"model ({why}); have them switched on, as network drives may need, or keep models "
            "on another drive: set MFH_MODELS to a folder there"
        )
    return (
        f"cannot write to {locks}: {why}; allow writing there, or keep models "
        "elsewhere: set MFH_MODELS to another folder"
    )

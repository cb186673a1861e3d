"""A trained CLIP2Depth on disk; importing this module loads no model library.

A folder with `clip2depth.safetensors`, a few MB of what training changed, and `config.json`. Of
CLIPSeg it has no more than the digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from mfh.errors import InputError, MissingPartError, ModelError, SettingsError
from mfh.estimators.clip2depth.config import Clip2DepthConfig, Decoder, Mirror
from mfh.estimators.hub import hub_weights
from mfh.files import atomic_path, make_folder, write_json
from mfh.files.reading import read_json
from mfh.models import DownloadProgress, ModelStore, Weights

if TYPE_CHECKING:
    from mfh.estimators.clip2depth.network import Clip2DepthNetwork

STATE_FILE = "clip2depth.safetensors"
CONFIG_FILE = "config.json"
MODEL_NAME = "model"
"""The folder in that of a training which holds the model."""

_FORMAT = "mfh CLIP2Depth 1"
_PUBLISHED = "clipseg"  # its name in the catalogue
_GIVE = "give the folder that `mfh train clip2depth` wrote, with all that is in it"


@dataclass(frozen=True)
class SavedModel:
    """What `config.json` says.

    decoder, mirror: as `Clip2DepthNetwork.from_clipseg` was told.
    base: the CLIPSeg it was trained on: "id", "identity", and "sha256" of its weights' file.
    trained_on: whatever the training said of its photos, plain JSON. Results tell of "data_set", a
        name, and of "focal_length_widths", the cameras' focal length in widths of their photos.
    """

    config: Clip2DepthConfig
    decoder: Decoder
    mirror: Mirror
    base: Mapping[str, Any]
    trained_on: Mapping[str, Any]


def save_model(
    folder: str | Path,
    network: Clip2DepthNetwork,
    *,
    trained_on: Mapping[str, Any],
    base: Mapping[str, Any],
) -> None:
    """Write a network's trained weights and what they are, each file whole or not at all.

    trained_on, base: as in `SavedModel`, plain JSON; the digest is added to `base`.

    Raises `ModelError` for weights that are not finite, and `OutputError`.
    """
    from safetensors.torch import save  # noqa: PLC0415 - heavy

    folder = make_folder(folder)
    state = network.trained_state()
    broken = sorted(name for name, each in state.items() if not bool(each.isfinite().all()))
    if broken:
        raise ModelError(
            f"{folder}: nothing was written: {broken[0]} holds NaN or infinite values, so the "
            "training diverged; go back to an earlier checkpoint, or use a lower learning rate"
        )
    with atomic_path(folder / STATE_FILE) as temporary:
        temporary.write_bytes(save(state))
    write_json(
        folder / CONFIG_FILE,
        {
            "format": _FORMAT,
            "config": asdict(network.config),
            "decoder": network.decoder_from,
            "mirror": network.mirror_use,
            "base": {**base, "sha256": network.base_sha256},
            "trained_on": dict(trained_on),
        },
    )


def load_config(folder: str | Path) -> SavedModel:
    """What a folder says of the model in it; no weights are read.

    Raises `ModelError` where it holds no trained CLIP2Depth.
    """
    folder = Path(folder).expanduser()
    for name in (CONFIG_FILE, STATE_FILE):
        if not (folder / name).is_file():
            model = folder / MODEL_NAME
            give = f"give the model in it: {model}" if (model / CONFIG_FILE).is_file() else _GIVE
            raise ModelError(f"{folder}: holds no {name}, so it is no CLIP2Depth; {give}")
    path = folder / CONFIG_FILE
    try:
        values = read_json(path)
        if values["format"] != _FORMAT:
            raise ModelError(
                f"{path}: its format is {values['format']!r}, and this mfh reads {_FORMAT!r}; use "
                "the version of mfh that trained it, or train it again"
            )
        decoder, mirror, base = values["decoder"], values["mirror"], values["base"]
        if decoder not in get_args(Decoder) or mirror not in get_args(Mirror):
            raise ValueError(f"decoder {decoder!r} or mirror {mirror!r} is unknown")
        if not all(isinstance(base[key], str) for key in ("id", "sha256")):
            raise ValueError("base has no id and sha256")
        return SavedModel(
            config=Clip2DepthConfig(**values["config"]),
            decoder=cast("Decoder", decoder),
            mirror=cast("Mirror", mirror),
            base=base,
            trained_on=dict(values["trained_on"]),
        )
    except ModelError:
        raise
    except (InputError, SettingsError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path}: does not say what a CLIP2Depth is ({_words(error)}); {_GIVE}"
        ) from error


def load_network(folder: str | Path, base: Weights | None = None) -> Clip2DepthNetwork:
    """The network in a folder, float32, on the CPU.

    base: the CLIPSeg it was trained on; None takes it from the user's models by the id in
        config.json, and where that is a folder that is not here, the published one.

    Raises `ModelError` for files that are damaged or no CLIP2Depth, and for another CLIPSeg than
    the one it was trained on, and `MissingPartError` where that is not here, with the command that
    gets it.
    """
    from safetensors import SafetensorError  # noqa: PLC0415 - heavy
    from safetensors.torch import load_file  # noqa: PLC0415

    from mfh.estimators.clip2depth.clipseg import load_clipseg  # noqa: PLC0415
    from mfh.estimators.clip2depth.network import Clip2DepthNetwork  # noqa: PLC0415

    folder = Path(folder).expanduser()
    saved = load_config(folder)
    try:
        state = load_file(folder / STATE_FILE)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{folder / STATE_FILE}: is damaged ({error}); {_GIVE}") from error
    weights = base or base_weights(saved)
    clipseg = load_clipseg(weights)
    if clipseg.sha256 != saved.base["sha256"]:
        raise ModelError(
            f"{folder}: was trained on {saved.base['id']}, whose weights have SHA-256 "
            f"{saved.base['sha256'][:16]}; those in {weights.folder} have {clipseg.sha256[:16]}, "
            "and with another CLIPSeg its depth would mean nothing: give the one it was trained on"
        )
    network = Clip2DepthNetwork(clipseg, saved.config, decoder=saved.decoder, mirror=saved.mirror)
    try:
        network.load_trained_state(state)
    except ModelError as error:
        raise ModelError(f"{folder / STATE_FILE}: {error}; {_GIVE}") from error
    return network


def base_weights(
    saved: SavedModel, store: ModelStore | None = None, progress: DownloadProgress | None = None
) -> Weights:
    """The CLIPSeg a model was trained on, and where that folder is not here, the published one.

    Raises what `hub_weights` does.
    """
    trained_on = str(saved.base["id"])
    try:
        return hub_weights(trained_on, store, progress)
    except SettingsError:
        pass
    try:
        return hub_weights(_PUBLISHED, store, progress)
    except MissingPartError as error:
        raise MissingPartError(
            f"{trained_on}: the CLIPSeg that the model was trained on is not here; put it there "
            f"again, or if it is the published one: {error}"
        ) from error


def _words(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)

"""Metric3D v2 through a clone of its own code; importing this module loads no model library.

https://github.com/YvanYin/Metric3D is on no package registry. Hu et al., "Metric3D v2: A Versatile
Monocular Geometric Foundation Model", TPAMI 2024, arXiv 2404.15506. Sizes and numbers are those of
its `hubconf.py`.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.compute import is_out_of_memory
from mfh.errors import InputError, MissingPartError, ModelError
from mfh.estimators.estimator import REMEDY, LearnedEstimator
from mfh.models.weights import Weights
from mfh.records import Photo
from mfh.settings import Device

SIZES = ("vit_small", "vit_large", "vit_giant2")

_REPOSITORY = "https://github.com/YvanYin/Metric3D"
_CACHED = "yvanyin_metric3d_"  # torch.hub names clones OWNER_NAME_BRANCH, as the user wrote them
_INSTALL = f"git clone {_REPOSITORY} DIR; pip install mmcv mmengine timm"
_INPUT_SIZE = (616, 1064)
_CANONICAL_F_PX = 1000.0
_FARTHEST_M = 300.0
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# Only training uses it, and checkpoints may be without.
_NEVER_USED = "mask_token"


class Metric3D(LearnedEstimator):
    """Metric3D v2 (`mfh.estimators.Estimator`), given the photo's focal length.

    Photos are resized to fit 616 x 1064 px, padded with the mean colour, and seen as by a camera of
    a focal length of 1000 px; the depth is then scaled by the real one, the mean of fx and fy, as
    its own evaluation does (`mono/utils/do_test.py`). It computes in float32, and depth ends at
    300 m.

    size: "vit_small", "vit_large" or "vit_giant2".
    clone: a clone of its repository, whose code is run; None takes the one in torch.hub's cache.
        Nothing is downloaded.

    Raises `MissingPartError` where code or weights are not here, with the commands that get them,
    and `InputError` for a folder that is no clone.
    """

    part = "Metric3D v2"
    camera_use = "camera used: focal length"

    def __init__(
        self, size: str = "vit_large", clone: str | Path | None = None, *, device: Device = "auto"
    ) -> None:
        self._size = size
        self._clone = _cached_clone() if clone is None else Path(clone).expanduser()
        if not (self._clone / "hubconf.py").is_file():
            raise InputError(
                f"{self._clone}: holds no hubconf.py, so it is no clone of {_REPOSITORY}; "
                f"{_INSTALL}"
            )
        super().__init__(_weights(size, self._clone), device, "float32")
        self.name = f"Metric3D v2 ({size})"

    def _depends_on(self) -> Mapping[str, Any]:
        return {"size": self._size}

    def _run(self, photo: Photo) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415 - heavy
        from torch.nn.functional import interpolate, pad  # noqa: PLC0415

        network, device = self._network, self._placement.device
        scale = min(most / side for most, side in zip(_INPUT_SIZE, photo.shape, strict=True))
        height, width = (int(side * scale) for side in photo.shape)
        top, left = (_INPUT_SIZE[0] - height) // 2, (_INPUT_SIZE[1] - width) // 2
        bottom, right = _INPUT_SIZE[0] - height - top, _INPUT_SIZE[1] - width - left
        rgb = torch.from_numpy(photo.image.copy()).to(device).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            # Rounded, as OpenCV resizes bytes.
            rgb = interpolate(rgb, (height, width), mode="bilinear").round()
            mean, std = (
                torch.tensor(each, device=device).reshape(3, 1, 1) for each in (_MEAN, _STD)
            )
            rgb = pad((rgb - mean) / std, (left, right, top, bottom))
            canonical = network.inference({"input": rgb})[0]
            canonical = canonical.reshape(1, 1, *canonical.shape[-2:]).float()
            canonical = canonical[..., top : top + height, left : left + width]
            canonical = interpolate(canonical, photo.shape, mode="bilinear")[0, 0]
        f_px = scale * (photo.camera.fx + photo.camera.fy) / 2
        depth = (canonical * (f_px / _CANONICAL_F_PX)).clamp(0, _FARTHEST_M)
        depth_m: NDArray[np.float32] = depth.cpu().numpy()
        return depth_m

    @cached_property
    def _network(self) -> Any:
        import torch.hub  # noqa: PLC0415 - heavy

        hub: Any = torch.hub  # of no types
        with self._placement.loading(self.name, REMEDY):
            try:
                network = hub.load(
                    str(self._clone), f"metric3d_{self._size}", source="local", pretrain=False
                )
            except (ImportError, RuntimeError) as error:
                if is_out_of_memory(error):
                    raise
                raise MissingPartError(
                    f"{self.name}: the code in {self._clone} cannot be run ({error}); install what "
                    "it needs: pip install mmcv mmengine timm"
                ) from error
            self._fill(network)
            return network.to(self._placement.device).eval()

    def _fill(self, network: Any) -> None:
        """Load the checkpoint: its tensors, and no code that a pickle may name."""
        import torch  # noqa: PLC0415 - heavy

        path = self._weights.file(_checkpoint(self._size))
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)["model_state_dict"]
            missing = network.load_state_dict(stored, strict=False).missing_keys
        except (pickle.UnpicklingError, OSError, LookupError, TypeError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            raise ModelError(
                f"{self.name}: {path} is damaged, or not its checkpoint ({error}); get it again: "
                + _download(self._size, path.parent)
            ) from error
        lacking = sorted(key for key in missing if not key.endswith(_NEVER_USED))
        if lacking:
            raise ModelError(
                f"{self.name}: {path} lacks {len(lacking)} tensors, the first is {lacking[0]}; it "
                f"is another size's, or damaged: {_download(self._size, path.parent)}"
            )


def _cached_clone() -> Path:
    hub = _torch_hub()
    found = [path for path in sorted(hub.glob("*")) if path.name.lower().startswith(_CACHED)]
    if not found:
        raise MissingPartError(
            f"Metric3D v2 needs its own code, and neither is a clone given nor one in {hub}: "
            f"{_INSTALL}; then give DIR: --method metric3d:vit_large@DIR"
        )
    return found[0]


def _weights(size: str, clone: Path) -> Weights:
    name = _checkpoint(size)
    places: Sequence[Path] = (clone / "weight", _torch_hub() / "checkpoints")
    for folder in places:
        path = folder / name
        if path.is_file():
            identity = {"file": name, "bytes": path.stat().st_size}
            return Weights(name=f"Metric3D v2 ({size})", folder=folder, identity=identity)
    looked = " nor in ".join(map(str, places))
    raise MissingPartError(
        f"Metric3D v2 ({size}): {name} is neither in {looked}: {_download(size, places[0])}"
    )


def _checkpoint(size: str) -> str:
    return f"metric_depth_{size}_800k.pth"


def _download(size: str, folder: Path) -> str:
    return f'hf download JUGGHM/Metric3D {_checkpoint(size)} --local-dir "{folder}"'


def _torch_hub() -> Path:
    import torch.hub  # noqa: PLC0415 - heavy

    return Path(torch.hub.get_dir())

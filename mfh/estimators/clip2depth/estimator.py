"""CLIP2Depth as a method of metric depth; importing this module loads no model library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mfh.errors import SettingsError
from mfh.estimators.clip2depth.files import STATE_FILE, load_config, load_network
from mfh.estimators.estimator import REMEDY, CameraUse, LearnedEstimator
from mfh.models.digests import read_digests
from mfh.models.weights import Weights
from mfh.records import MetricDepth, Photo
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    import torch

    from mfh.estimators.clip2depth.network import Clip2DepthNetwork

MirrorAtPrediction = Literal["trained", "randomised"]


class CLIP2Depth(LearnedEstimator):
    """A trained CLIP2Depth (`mfh.estimators.Estimator`), arXiv 2402.03251.

    The whole photo is resized to CLIPSeg's square, and its depth bilinearly back to its size. The
    text encoder runs once, when the model is loaded: what it makes of the mirror is the same for
    all photos. The camera is not used, so that metres are those of the training cameras.

    folder: what the training wrote.
    base: the CLIPSeg it was trained on; None finds it by its id.
    mirror: "randomised" puts random numbers in its place, which shows what it had learned (paper
        Sec. 4.3).
    device, precision: as in `mfh.Settings`.

    Raises `ModelError` for a folder without a trained CLIP2Depth.
    """

    part = "CLIP2Depth"
    camera_use: CameraUse = "camera not used"

    def __init__(
        self,
        folder: str | Path,
        *,
        base: Weights | None = None,
        mirror: MirrorAtPrediction = "trained",
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        if mirror not in get_args(MirrorAtPrediction):
            raise SettingsError(
                f"mirror {mirror!r} is unknown; use {' or '.join(get_args(MirrorAtPrediction))}"
            )
        folder = Path(folder).expanduser()
        self._saved = load_config(folder)
        identity = {
            "state": read_digests(folder / STATE_FILE).sha256,
            "base": self._saved.base["sha256"],
        }
        name = folder.resolve().name
        super().__init__(Weights(name=name, folder=folder, identity=identity), device, precision)
        self.name = f"CLIP2Depth ({name})"
        self._base = base
        self._mirror = mirror

    def predict(self, photo: Photo) -> MetricDepth:
        """The depth of a photo, in metres, with what the model was trained on.

        Raises what `LearnedEstimator.predict` does.
        """
        result = super().predict(photo)
        warnings = [self._about_cameras(photo)]
        if self._mirror == "randomised":
            warnings.append(
                f"{self.name}: its mirror was replaced by random numbers, which shows what it had "
                "learned and makes depth worse; leave that out to get its best"
            )
        mirror = "randomised" if self._mirror == "randomised" else self._saved.mirror
        return replace(
            result,
            parts={
                **result.parts,
                "trained on": self._data_set,
                "conditioning": self._saved.config.conditioning,
                "mirror": mirror,
            },
            warnings=tuple(warnings),
        )

    @property
    def _data_set(self) -> str:
        return str(self._saved.trained_on.get("data_set", "unknown photos"))

    def _about_cameras(self, photo: Photo) -> str:
        trained = self._saved.trained_on.get("focal_length_widths")
        text = (
            f"{self.name} does not take the camera: it was trained on {self._data_set}, and its "
            "metres hold for cameras like those"
        )
        if isinstance(trained, int | float):
            own = photo.camera.fx / photo.camera.width
            is_ = "is assumed to be" if photo.camera.source == "assumed" else "is"
            text += (
                f": focal length {trained:.2f} of the photo's width, this photo's {is_} {own:.2f}"
            )
        return text

    def _depends_on(self) -> Mapping[str, Any]:
        return {"config": asdict(self._saved.config), "mirror": self._mirror}

    def _run(self, photo: Photo) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415 - heavy
        from torch.nn.functional import interpolate  # noqa: PLC0415

        network, condition = self._loaded
        with torch.inference_mode():
            pixels = network.pixels([photo.image]).to(condition.device)
            depth = network(pixels, condition)
            full = interpolate(depth[:, None], photo.shape, mode="bilinear")[0, 0]
        depth_m: NDArray[np.float32] = full.cpu().numpy()
        return depth_m

    @cached_property
    def _loaded(self) -> tuple[Clip2DepthNetwork, torch.Tensor]:
        """The network on its device, and what its text encoder makes of the mirror."""
        import torch  # noqa: PLC0415 - heavy

        with self._placement.loading(self.name, REMEDY):
            network = load_network(self._weights.folder, self._base)
            if self._mirror == "randomised":
                network.randomise_mirror()
            with torch.inference_mode():
                # In float32, whatever the photos are computed in.
                condition = network.condition()
            network = network.to(self._placement.device, self._placement.dtype).eval()
            return network, condition.to(self._placement.device, self._placement.dtype)

"""UniDepthV2 through its own package; importing this module loads no model library.

https://github.com/lpiccinelli-eth/UniDepth is on no package registry; its weights are on the model
hub. Piccinelli et al., "UniDepthV2: Universal Monocular Metric Depth Estimation Made Simpler",
arXiv 2502.20110.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.compute import is_out_of_memory
from mfh.errors import MissingPartError, ModelError
from mfh.estimators.estimator import REMEDY, LearnedEstimator
from mfh.models.weights import Weights
from mfh.records import Photo
from mfh.settings import Device

MODELS: Mapping[str, str] = {
    size: f"lpiccinelli/unidepth-v2-{size}" for size in ("vits14", "vitb14", "vitl14")
}
"""The ids of its models on the model hub, by size."""

INSTALL = 'pip install "unidepth @ git+https://github.com/lpiccinelli-eth/UniDepth"'


def require_unidepth() -> None:
    """Make sure that the package is installed. Raises `MissingPartError` with the install line."""
    if find_spec("unidepth") is None:
        raise MissingPartError(
            f"UniDepth needs its own package, unidepth, not found here: {INSTALL}"
        )


class UniDepth(LearnedEstimator):
    """UniDepthV2 (`mfh.estimators.Estimator`), given the photo's intrinsics.

    The package chooses the size of the input, and computes in float16 on CUDA, else in float32.

    weights: config.json and model.safetensors, as the model hub arranges them.
    """

    part = "UniDepthV2"
    camera_use = "camera used: intrinsics"

    def __init__(self, weights: Weights, *, device: Device = "auto") -> None:
        super().__init__(weights, device, "auto")
        self.name = f"UniDepthV2 ({weights.name})"

    def _depends_on(self) -> Mapping[str, Any]:
        return {}

    def _run(self, photo: Photo) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415 - heavy

        network = self._network
        rgb = torch.from_numpy(photo.image.copy()).permute(2, 0, 1)
        # Its pixel centres are at 0.5, too (`coords_grid`).
        K = torch.from_numpy(photo.camera.matrix.astype(np.float32))[None]
        with torch.no_grad(), warnings.catch_warnings():
            # It warns on each photo that its defaults are used, and on a CPU that there is no CUDA.
            warnings.simplefilter("ignore", UserWarning)
            depth = network.infer(rgb, K)["depth"]
        depth_m: NDArray[np.float32] = depth.reshape(depth.shape[-2:]).float().cpu().numpy()
        return depth_m

    @cached_property
    def _network(self) -> Any:
        require_unidepth()
        for name in ("config.json", "model.safetensors"):
            self._weights.file(name)
        try:
            with redirect_stdout(io.StringIO()):
                network_class = import_module("unidepth.models").UniDepthV2
        except (ImportError, AttributeError) as error:
            raise MissingPartError(
                f"unidepth is installed, but cannot be imported ({error}); install what it needs: "
                f"{INSTALL}"
            ) from error
        from safetensors import SafetensorError  # noqa: PLC0415

        folder = self._weights.folder
        with self._placement.loading(self.name, REMEDY):
            try:
                with redirect_stdout(io.StringIO()):
                    network = network_class.from_pretrained(str(folder), local_files_only=True)
            except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
                if is_out_of_memory(error):
                    raise
                raise ModelError(
                    f"{self.name}: {folder} cannot be loaded: {error}; get the files again, or see "
                    "`mfh models check`"
                ) from error
            return network.to(self._placement.device).eval()

"""Any metric depth model of transformers; importing this module loads no model library."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import SettingsError
from mfh.estimators.estimator import REMEDY, CameraUse, LearnedEstimator
from mfh.estimators.hub_kinds import metric_kind
from mfh.models import DownloadProgress, Model, ModelStore, Weights, catalogue
from mfh.models.catalogue import folder_model, hub_model, is_hub_id
from mfh.records import Photo
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    from mfh.estimators.hub_network import MetricNetwork


class HubEstimator(LearnedEstimator):
    """A model of transformers that gives depth in metres (`mfh.estimators.Estimator`).

    ZoeDepth: padded by its own processor, and the mean of the photo and its mirror image, as its
    authors evaluate it. Depth Pro: the photo's focal length takes the place of the field of view
    that the model would guess. Depth Anything's metric models, GLPN, DPT on DINOv2 and TIPSv2:
    as their own processors have it. All but Depth Pro have learned the scale of their training
    cameras and take no other: the photo's is not used, and results say so.

    weights: config.json, preprocessor_config.json and safetensors, as the model hub arranges them.
    device, precision: as in `mfh.Settings`, but that "auto" is float32 for ZoeDepth.

    Raises `ModelError` for a folder without a model that gives metric depth of a photo alone.
    """

    part = "metric depth of transformers"
    camera_use: CameraUse = "camera not used"

    def __init__(
        self, weights: Weights, *, device: Device = "auto", precision: Precision = "auto"
    ) -> None:
        self._kind = metric_kind(weights)
        if precision == "auto" and self._kind.needs_float32:
            precision = "float32"
        super().__init__(weights, device, precision)
        self.name = f"{self._kind.title} ({weights.name})"
        if self._kind.inverse:
            self.camera_use = "camera used: focal length"

    def _depends_on(self) -> Mapping[str, Any]:
        return {"kind": self._kind.title}

    def _run(self, photo: Photo) -> NDArray[np.float32]:
        return self._network.predict(photo)

    @cached_property
    def _network(self) -> MetricNetwork:
        from mfh.estimators.hub_network import load  # noqa: PLC0415 - heavy

        with self._placement.loading(self.name, REMEDY):
            return load(self._weights, self._kind, self._placement)


def hub_weights(
    text: str, store: ModelStore | None = None, progress: DownloadProgress | None = None
) -> Weights:
    """The files of a model: a folder's, or those of an id on the model hub, downloaded if need be.

    text: a folder, an id as "Intel/zoedepth-nyu-kitti", or a name in `mfh models list`.
    store: where models are kept; by default the user's own, with its mirror, which stays off the
        network where the user wants that.

    Raises `SettingsError` for a text that is neither, and `MissingPartError` where the files are
    not here and cannot be had, with the command that gets them.
    """
    store, model = store or ModelStore(), _model(text)
    if model.downloadable and not store.offline and not store.state(model).ready:
        return store.get(model, progress)
    return store.weights(model)


def _model(text: str) -> Model:
    for model in catalogue():
        if text in (model.name, model.id):
            return model
    path = Path(text).expanduser()
    if path.is_dir():
        return folder_model(path, "disparity")
    if is_hub_id(text):
        return hub_model(text)
    raise SettingsError(
        f"{text}: there is no such folder, and it is no id of the model hub, which are as "
        "Intel/zoedepth-nyu-kitti"
    )

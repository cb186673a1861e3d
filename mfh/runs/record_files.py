"""Records as files in open formats: PNG, NPZ and JSON.

Each record has a pair of functions, `write_...` and `read_...`, that take the folder it lives in.
Readers take plain arrays only (`allow_pickle=False`) and raise `InputError` for damaged files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.decoding import read_image
from mfh.files import atomic_path, json_number, write_json, write_npz
from mfh.files.reading import read_json, read_npz
from mfh.painting.from_files import MASK_ENDING
from mfh.records import (
    AlignedDisparity,
    Disparity,
    LandmarkKind,
    Landmarks,
    MetricHead,
    PaintingPlan,
    People,
    Photo,
    Space,
)

# PNG's quickest compression: a run folder is written far more often than it is sent anywhere.
_PNG_LEVEL = 1


def write_png(path: Path, pixels: NDArray[Any]) -> None:
    """Write an image array (H, W[, 3]) as PNG, atomically."""
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, compress_level=_PNG_LEVEL)


def write_photo(folder: Path, photo: Photo) -> None:
    """Write `photo.png` and `camera.json`."""
    write_png(folder / "photo.png", photo.image)
    write_json(folder / "camera.json", asdict(photo.camera))


def write_painted_image(folder: Path, name: str, image: NDArray[np.uint8]) -> None:
    """Write one painted photo."""
    write_png(folder / f"{name}.png", image)


def read_painted_image(folder: Path, name: str) -> NDArray[np.uint8]:
    """Read one painted photo, (H, W, 3)."""
    return np.asarray(read_image(folder / f"{name}.png").convert("RGB"))


def write_plan(folder: Path, plan: PaintingPlan) -> None:
    """Write the masks as PNG, white where repainted, and `painted.json`."""
    for name, mask in zip(plan.names, plan.repainted, strict=True):
        write_png(folder / f"{name}{MASK_ENDING}.png", mask.astype(np.uint8) * 255)
    described = {"names": plan.names, "prompts": plan.prompts, "seeds": plan.seeds}
    write_json(folder / "painted.json", described)


def write_people(folder: Path, name: str, people: People) -> None:
    """Write the people of one image as `NAME.npz`."""
    write_npz(
        folder / f"{name}.npz",
        vertices_m=people.vertices_m,
        faces=people.faces,
        mask=people.mask,
        box_px=people.box_px,
        score=people.score,
        relative_error=people.relative_error,
        refused=np.array(people.refused, dtype=np.str_),
    )


def read_people(folder: Path, name: str) -> People:
    """Read the people of one image; older files tell neither errors nor who was refused."""
    arrays = read_npz(folder / f"{name}.npz")
    refused = arrays.pop("refused", np.zeros(0, np.str_))
    return People(**arrays, refused=tuple(refused.tolist()))


def write_landmarks(folder: Path, name: str, landmarks: Landmarks) -> None:
    """Write the landmarks of one image as `NAME.npz`."""
    write_npz(
        folder / f"{name}.npz",
        depth_m=landmarks.depth_m,
        owner=landmarks.owner,
        weight=landmarks.weight,
        kind=np.array(landmarks.kind, dtype=np.str_),
        relative_error=landmarks.relative_error,
        up=landmarks.up,
        foot_m=landmarks.foot_m,
    )


def read_landmarks(folder: Path, name: str) -> Landmarks:
    """Read the landmarks of one image."""
    arrays = read_npz(folder / f"{name}.npz")
    kind = cast(tuple[LandmarkKind, ...], tuple(arrays.pop("kind").tolist()))
    return Landmarks(**arrays, kind=kind)


def write_disparity(folder: Path, name: str, disparity: Disparity) -> None:
    """Write the disparity of one image as `NAME.npz`; compressing it would gain little."""
    write_npz(
        folder / f"{name}.npz",
        level=0,
        values=disparity.values,
        space=np.array(disparity.space),
        model=np.array(disparity.model),
    )


def read_disparity(folder: Path, name: str) -> Disparity:
    """Read the disparity of one image, (1, H, W)."""
    arrays = read_npz(folder / f"{name}.npz")
    space = cast(Space, str(arrays["space"]))
    return Disparity(arrays["values"], space, str(arrays["model"]))


def write_aligned(folder: Path, aligned: AlignedDisparity) -> None:
    """Write `aligned.json`: scale and offset, kept and reason; the values follow from those."""
    write_json(
        folder / "aligned.json",
        {
            "space": aligned.space,
            "scale": [json_number(value) for value in aligned.scale],
            "offset": [json_number(value) for value in aligned.offset],
            "kept": aligned.kept.tolist(),
            "reason": aligned.reason,
        },
    )


def write_head(folder: Path, head: MetricHead) -> None:
    """Write `head.json`."""
    write_json(folder / "head.json", head_as_dict(head))


def read_head(folder: Path) -> MetricHead:
    """Read the metric head."""
    return head_from_dict(read_json(folder / "head.json"))


def head_as_dict(head: MetricHead) -> dict[str, Any]:
    """The metric head as plain JSON values; what is unknown is None."""
    return {
        **vars(head),
        "loss": json_number(head.loss),
        "relative_error": json_number(head.relative_error),
        "shared_error": json_number(head.shared_error),
        "used": head.used.tolist(),
        "covariance": [[json_number(value) for value in row] for row in head.covariance.tolist()],
    }


def head_from_dict(values: Mapping[str, Any]) -> MetricHead:
    """The metric head that `head_as_dict` described.

    Raises `KeyError` or `TypeError` where a value is missing or of another kind.
    """
    numbers = ("loss", "relative_error", "shared_error")
    unknown = {name: np.nan for name in numbers if values[name] is None}
    arrays = {
        "used": np.array(values["used"], np.bool_),
        "covariance": np.array(values["covariance"], np.float64),
    }
    return MetricHead(**{**values, **unknown, **arrays})

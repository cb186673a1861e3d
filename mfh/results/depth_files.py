"""Metric depth as files: everything in .npz, millimetres in a 16-bit PNG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mfh.errors import InputError
from mfh.files import atomic_path, write_npz
from mfh.files.reading import read_npz
from mfh.records import Counts, Intrinsics, MetricDepth
from mfh.results.summary import camera_in_words
from mfh.runs.record_files import head_as_dict, head_from_dict

FARTHEST_MM = 65535
METRES_PER_UNIT = 0.001
PNG_VALUES: Mapping[str, float] = MappingProxyType(
    {"metres_per_unit": METRES_PER_UNIT, "unknown": 0, "too_far": FARTHEST_MM}
)
"""What the values of a 16-bit PNG of depth mean, for `summary.json`."""
_STRIP_ROWS = 256


def write_depth_npz(path: Path, result: MetricDepth) -> None:
    """Write a result as .npz, readable with `allow_pickle=False`. Raises `OutputError`.

    depth_m: (H, W) float32, metres along the optical axis; inf where no more is known than "far".
    intrinsics: (3, 3) float64; width, height: the image size in px it holds for.
    scale, offset, space: the metric head; `1 / depth_m = scale * d + offset` in space "disparity",
        `depth_m = scale * d + offset` in space "depth". Only where one gave the scale.
    covariance, disparity_error: (2, 2) and one number, what `MetricHead.relative_error_of` goes by;
        NaN and 0 where unknown. Only where there is a head.
    relative_error: 1 sigma of the depth scale as a fraction; NaN where unknown.
    relative_error_map: (H, W) float16, 1 sigma of each pixel's depth as a fraction of it; inf where
        depth is. Only where the method can tell. Half precision rounds an error by at most
        a 2000th of itself, and takes a fifth of the room.
    provenance: JSON text of everything else: the version of mfh, whether a part was simulated,
        parts, device, camera, head and counts (null where there are none), painting and warnings.
    """
    head, counts = result.head, result.counts
    provenance = {
        "mfh": version("mfh"),
        "simulated": result.simulated,
        "parts": dict(result.parts),
        "device": result.device,
        "camera": asdict(result.camera),
        "head": None if head is None else head_as_dict(head),
        "counts": None if counts is None else counts.as_dict(),
        "painting": result.painting,
        "warnings": list(result.warnings),
    }
    arrays: dict[str, ArrayLike] = {}
    if head is not None:
        arrays |= {
            "scale": head.scale,
            "offset": head.offset,
            "space": head.space,
            "covariance": head.covariance,
            "disparity_error": head.disparity_error,
        }
    if result.relative_error_map is not None:
        with np.errstate(over="ignore"):  # an error beyond half precision is as good as infinite
            arrays["relative_error_map"] = result.relative_error_map.astype(np.float16)
    write_npz(
        path,
        level=6,
        depth_m=result.depth_m,
        intrinsics=result.camera.matrix,
        width=result.camera.width,
        height=result.camera.height,
        relative_error=result.relative_error,
        provenance=json.dumps(provenance, ensure_ascii=False, allow_nan=False),
        **arrays,
    )


def read_depth_npz(path: Path) -> MetricDepth:
    """Read a result back. Raises `InputError` for a file that `write_depth_npz` did not write."""
    stored = read_npz(path)
    try:
        provenance = json.loads(str(stored["provenance"]))
        head, counts = provenance["head"], provenance["counts"]
        return MetricDepth(
            depth_m=stored["depth_m"],
            camera=Intrinsics(**provenance["camera"]),
            head=None if head is None else head_from_dict(head),
            relative_error=float(stored["relative_error"]),
            counts=None if counts is None else Counts(**counts),
            parts=provenance["parts"],
            device=provenance.get("device", ""),
            warnings=tuple(provenance["warnings"]),
            relative_error_map=stored.get("relative_error_map"),
            painting=provenance.get("painting", ""),
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(
            f"{path}: not a depth file of mfh ({error}); expected what `mfh predict` wrote"
        ) from error


def write_depth_png_mm(
    path: Path,
    depth_m: NDArray[np.float32],
    *,
    camera: Intrinsics | None = None,
    error: str = "",
    simulated: bool = False,
    mark_too_far: bool = True,
) -> int:
    """Write depth (H, W) as a 16-bit grey PNG in millimetres; return how many pixels were too far.

    0: unknown (NaN). 1..65534: millimetres, rounded, at least 1. 65535: 65.535 m or farther, inf
    included. The PNG's text says so: "Description", which also names the error (in words), the
    camera and simulation, and for programs "metres_per_unit". Raises `OutputError`.

    mark_too_far: without it what is too far is 0 too, for readers that take 65535 for a depth.
    """
    millimetres = np.zeros(depth_m.shape, np.uint16)
    for top in range(0, len(depth_m), _STRIP_ROWS):
        strip = depth_m[top : top + _STRIP_ROWS].astype(np.float64) * 1000
        known = strip > 0
        millimetres[top : top + _STRIP_ROWS][known] = np.rint(strip[known]).clip(1, FARTHEST_MM)
    too_far = millimetres == FARTHEST_MM
    too_far_px = int(np.count_nonzero(too_far))
    farthest = f"{FARTHEST_MM / 1000} m or farther"
    if mark_too_far:
        codes = f"0: unknown; {FARTHEST_MM}: {farthest}"
    else:
        codes = f"0: unknown, or {farthest}"
        millimetres[too_far] = 0
    text = PngInfo()
    text.add_text("metres_per_unit", str(METRES_PER_UNIT))
    text.add_text(
        "Description",
        f"Depth along the optical axis in millimetres; {codes}."
        + (f" Error: {error}." if error else "")
        + (f" Camera: {camera_in_words(camera)}." if camera else "")
        + (" Simulated." if simulated else ""),
    )
    text.add_text("Software", f"mfh {version('mfh')}")
    with atomic_path(path) as temporary:
        Image.fromarray(millimetres).save(temporary, pnginfo=text)
    return too_far_px


def too_far_for_png_px(depth_m: NDArray[np.float32]) -> int:
    """Count the depths that are too far for 16 bits of millimetres: 65.535 m, rounded, or more."""
    return int(np.count_nonzero(depth_m > np.float64((FARTHEST_MM - 0.5) * METRES_PER_UNIT)))

"""A user's own SMPL file, checked, as the plain `.npz` that `mfh` keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.files import make_folder, write_npz
from mfh.people.smpl.sources import arrays_of, read_source

VERTICES = 6890
JOINTS = 24
FACES = 13776
BETAS = 10

_STATURES_M = (1.4, 2.1)
_NUMBERS = "v_template", "shapedirs", "posedirs", "J_regressor", "weights"

# By these numbers of vertices and joints the body models that are taken for SMPL are told.
_RELATIVES = {
    (6890, 52): "SMPL+H",
    (10475, 55): "SMPL-X",
    (778, 16): "MANO",
    (5023, 5): "FLAME",
}


@dataclass(frozen=True)
class SmplSummary:
    """What was kept of an SMPL file.

    source_name, source_sha256: the file it was read from.
    vertices, joints, faces: their numbers.
    betas: how many shape coefficients are kept, of `betas_in_source`.
    stature_m: the height of the mean body, in metres.
    """

    source_name: str
    source_sha256: str
    vertices: int
    joints: int
    faces: int
    betas: int
    betas_in_source: int
    stature_m: float


def convert_smpl(source: Path, target: Path) -> SmplSummary:
    """Read a user's SMPL file and write what a body needs of it as `.npz`.

    source: an official SMPL or SMPLify pickle (1.0.0 or 1.1.0; female, male or neutral), one freed
        of chumpy, or its arrays as `.npz`. Nothing in it is run.
    target: the file to write: v_template (V, 3) in metres, shapedirs (V, 3, 10), posedirs
        (V, 3, 207), J_regressor (24, V), weights (V, 24), all float32; faces (F, 3) and parents
        (24,), -1 for the root, int32; source_name and source_sha256. V = 6890, F = 13776.

    Raises `InputError` for a file that is no SMPL model, naming what it is or which of its arrays
    is wrong, and `OutputError` where the target cannot be written.
    """
    source, target = Path(source), Path(target)
    data = read_source(source)
    wanted = (*_NUMBERS, "f", "faces", "kintree_table", "parents")
    found, names = arrays_of(data, wanted, source)
    arrays = {("faces" if name == "f" else name): array for name, array in found.items()}
    if "kintree_table" in arrays:
        arrays["parents"] = _parents(arrays.pop("kintree_table"), source)
    lacking = [name for name in (*_NUMBERS, "faces", "parents") if name not in arrays]
    if lacking:
        raise InputError(
            f"{source}: lacks {', '.join(lacking)}, which an SMPL model holds (faces as f, parents "
            f"as kintree_table); it holds {', '.join(sorted(names)[:30]) or 'nothing'}"
        )
    _check(arrays, source)
    digest = hashlib.sha256(data).hexdigest()
    make_folder(target.parent)
    write_npz(
        target,
        level=0,
        v_template=arrays["v_template"].astype(np.float32),
        shapedirs=arrays["shapedirs"][..., :BETAS].astype(np.float32),
        posedirs=arrays["posedirs"].astype(np.float32),
        J_regressor=arrays["J_regressor"].astype(np.float32),
        weights=arrays["weights"].astype(np.float32),
        faces=arrays["faces"].astype(np.int32),
        parents=arrays["parents"].astype(np.int32),
        source_name=np.str_(source.name),
        source_sha256=np.str_(digest),
    )
    return SmplSummary(
        source_name=source.name,
        source_sha256=digest,
        vertices=VERTICES,
        joints=JOINTS,
        faces=FACES,
        betas=BETAS,
        betas_in_source=arrays["shapedirs"].shape[2],
        stature_m=_stature_m(arrays["v_template"]),
    )


def _parents(table: NDArray[Any], source: Path) -> NDArray[np.int64]:
    """The parent of each joint, -1 for the root, from (2, joints): parents and joints."""
    if table.ndim != 2 or len(table) != 2 or table.dtype.kind not in "iu":
        raise InputError(
            f"{source}: kintree_table is {table.shape} {table.dtype}; expected (2, {JOINTS}) whole "
            "numbers, parents and joints"
        )
    # The root's parent is -1, which the official files hold as an unsigned number.
    parents: NDArray[np.int64] = table[0].astype(np.int64)
    parents[:1] = -1
    if not np.array_equal(table[1], np.arange(table.shape[1])):
        raise InputError(
            f"{source}: kintree_table lists the joints as {table[1].tolist()}; expected 0, 1, 2, "
            "... in order"
        )
    return parents


def _check(arrays: Mapping[str, NDArray[Any]], source: Path) -> None:
    """Refuse what is no SMPL body in metres."""
    _check_family(arrays, source)
    expected = {
        "v_template": (VERTICES, 3),
        "posedirs": (VERTICES, 3, 9 * (JOINTS - 1)),
        "J_regressor": (JOINTS, VERTICES),
        "weights": (VERTICES, JOINTS),
        "faces": (FACES, 3),
        "parents": (JOINTS,),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise InputError(f"{source}: {name} is {arrays[name].shape}; an SMPL model has {shape}")
    shapedirs = arrays["shapedirs"]
    if shapedirs.shape[:2] != (VERTICES, 3) or shapedirs.ndim != 3 or shapedirs.shape[2] < BETAS:
        raise InputError(
            f"{source}: shapedirs is {shapedirs.shape}; an SMPL model has ({VERTICES}, 3, B) with "
            f"B at least {BETAS}"
        )
    for name in _NUMBERS:
        if arrays[name].dtype.kind != "f" or not _finite_as_kept(arrays[name]):
            raise InputError(
                f"{source}: {name} ({arrays[name].dtype}) holds NaN, infinities, numbers too large "
                "for float32 or what are no real numbers; the file is damaged"
            )
    _check_indices(arrays["faces"], arrays["parents"], source)
    _check_geometry(arrays, source)


def _finite_as_kept(array: NDArray[Any]) -> bool:
    """Whether all numbers are finite in float32, too."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(array.astype(np.float32)).all())


def _check_family(arrays: Mapping[str, NDArray[Any]], source: Path) -> None:
    # Shapes are not checked yet: arrays may have no dimension at all.
    counts = (*arrays["v_template"].shape[:1], *arrays["parents"].shape[:1])
    if counts in _RELATIVES:
        raise InputError(
            f"{source}: is an {_RELATIVES[counts]} model ({counts[0]} vertices, {counts[1]} "
            f"joints); HMR 2.0 needs SMPL ({VERTICES} vertices, {JOINTS} joints), e.g. "
            "SMPL_NEUTRAL.pkl from https://smpl.is.tue.mpg.de"
        )


def _check_indices(faces: NDArray[Any], parents: NDArray[Any], source: Path) -> None:
    if faces.dtype.kind not in "iu" or int(faces.min()) < 0 or int(faces.max()) >= VERTICES:
        raise InputError(
            f"{source}: faces ({faces.dtype}) refer to vertices {faces.min()} to {faces.max()}; "
            f"expected whole numbers from 0 to {VERTICES - 1}"
        )
    ordered = parents[0] == -1 and (parents[1:] >= 0).all()
    if not ordered or (parents[1:] >= np.arange(1, JOINTS)).any():
        raise InputError(
            f"{source}: the parents of the joints are {parents.tolist()}; expected -1 for the "
            "first, and for each other one an earlier joint"
        )


def _check_geometry(arrays: Mapping[str, NDArray[Any]], source: Path) -> None:
    template = arrays["v_template"].astype(np.float64)
    stature_m = _stature_m(template)
    shortest_m, tallest_m = _STATURES_M
    if not shortest_m <= stature_m <= tallest_m:
        raise InputError(
            f"{source}: the mean body is {stature_m:.4g} tall along y; expected {shortest_m} to "
            f"{tallest_m} m: divide v_template, shapedirs and posedirs by 100 if they are in "
            "centimetres, by 1000 if in millimetres, and turn y up"
        )
    sums = arrays["weights"].astype(np.float64).sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > 1e-3:
        raise InputError(
            f"{source}: the weights of vertex {worst} sum to {sums[worst]:.4g}; expected 1 for each"
        )
    joints_m = arrays["J_regressor"].astype(np.float64) @ template
    outside = (joints_m < template.min(axis=0)) | (joints_m > template.max(axis=0))
    if outside.any():
        joint = int(outside.any(axis=1).argmax())
        raise InputError(
            f"{source}: J_regressor puts joint {joint} at {np.round(joints_m[joint], 3).tolist()} "
            "m, outside the body; the file is damaged"
        )


def _stature_m(template: NDArray[Any]) -> float:
    """The extent along y, which points up."""
    return float(np.ptp(template[:, 1]))

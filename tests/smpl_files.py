"""SMPL models with random numbers, and files that hold them in the forms there are.

The arrays have the official shapes; the body is a closed egg-shaped surface in metres, upright and
as tall as a person, so that it can be posed and rendered.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""SMPL's kinematic tree."""

# A sphere of latitudes and longitudes with SMPL's 6890 vertices and 13776 faces.
_RINGS, _COLUMNS = 82, 84


def random_smpl(seed: int = 0, betas: int = 10) -> dict[str, np.ndarray]:
    """The arrays of an SMPL model, as the official files hold them (J_regressor dense).

    v_template (6890, 3), shapedirs (6890, 3, betas), posedirs (6890, 3, 207), J_regressor
    (24, 6890), weights (6890, 24) float64; f (13776, 3), kintree_table (2, 24) uint32.
    """
    generator = np.random.default_rng(seed)
    height, width, depth = generator.uniform((1.6, 0.4, 0.25), (1.8, 0.5, 0.35))
    template = _sphere() * (width / 2, height / 2, depth / 2)
    stretch = generator.normal(0, 0.02, (3, 3, betas))
    shapedirs = np.tensordot(template, stretch, axes=1)
    shapedirs += generator.normal(0, 2e-4, shapedirs.shape)
    # Unequal amounts of one ring of vertices for each joint, so that all lie in the body.
    regressor = np.zeros((24, len(template)))
    for row, ring in zip(regressor, generator.choice(np.arange(5, _RINGS - 5), 24, replace=False)):
        row[1 + ring * _COLUMNS :][:_COLUMNS:9] = generator.uniform(0.5, 1.5, 10)
    regressor /= regressor.sum(axis=1, keepdims=True)
    return {
        "v_template": template,
        "shapedirs": shapedirs,
        "posedirs": generator.standard_normal((len(template), 3, 207), np.float32) * 1e-3,
        "J_regressor": regressor,
        "weights": _weights(template, regressor @ template),
        "f": _faces().astype(np.uint32),
        "kintree_table": np.array([PARENTS, range(24)]).astype(np.uint32),
    }


def write_npz(path: Path, data: dict[str, np.ndarray]) -> Path:
    """Write the arrays as they are."""
    np.savez(path, **data)
    return path


def write_official_pickle(
    path: Path, data: dict[str, np.ndarray], *, protocol: int = 2, selected: bool = False
) -> Path:
    """Write a pickle as Python 2 made the official ones: protocol 2 (1.0.0) or 0 (1.1.0).

    shapedirs is a chumpy array, J_regressor a sparse matrix; with `selected` v_template is a chumpy
    array and shapedirs its first columns of more, as chumpy's slicing leaves them.
    """
    path.write_bytes(pickled_by_python_2(official(data, selected=selected), protocol))
    return path


def official(data: dict[str, np.ndarray], *, selected: bool = False) -> dict[str, Any]:
    """What the official files hold, with stand-ins for the objects of SciPy and chumpy."""
    shapedirs: Any = chumpy("ch", "Ch", x=data["shapedirs"])
    template: Any = data["v_template"]
    if selected:
        whole = np.concatenate([data["shapedirs"], 1 + data["shapedirs"]], axis=-1)
        chosen = np.arange(whole.size).reshape(whole.shape)[..., : data["shapedirs"].shape[-1]]
        shapedirs = chumpy(
            "reordering",
            "Select",
            a=chumpy("ch", "Ch", x=whole),
            idxs=chosen.ravel(),
            preferred_shape=chosen.shape,
        )
        template = chumpy("ch", "Ch", x=template)
    regressor = compressed_columns(data["J_regressor"])
    return {
        "J_regressor_prior": regressor,
        "f": data["f"],
        "J_regressor": regressor,
        "kintree_table": data["kintree_table"],
        "J": data["J_regressor"] @ data["v_template"],
        "weights_prior": data["weights"],
        "weights": data["weights"],
        "vert_sym_idxs": np.arange(len(data["v_template"])),
        "posedirs": data["posedirs"].astype(np.float64),
        "pose_training_info": {"gender": "neutral", "J_regressor_prior_wt": 10.0},
        "bs_style": "lbs",
        "v_template": template,
        "shapedirs": shapedirs,
        "bs_type": "lrotmin",
    }


def chumpy(module: str, name: str, **terms: Any) -> Any:
    """An object that pickles as chumpy's of that name: its terms, and what chumpy keeps beside."""
    state = {"_dirty_vars": {"x"}, "_itr": None, "_make_dense": False, "_depends_on_deps": {}}
    return _object(f"chumpy.{module}", name, {**state, **terms})


def compressed_columns(matrix: np.ndarray, module: str = "scipy.sparse.csc") -> Any:
    """An object that pickles as SciPy's csc_matrix of a matrix."""
    from scipy import sparse

    columns = sparse.csc_matrix(matrix)
    state = {name: getattr(columns, name) for name in ("data", "indices", "indptr")}
    return _object(module, "csc_matrix", {"_shape": matrix.shape, "maxprint": 50, **state})


def pickled_by_python_2(value: Any, protocol: int = 2) -> bytes:
    """A pickle as Python 2 and its NumPy wrote it: text and bytes alike as `str`, old names."""
    file = io.BytesIO()
    _Python2Pickler(file, protocol).dump(value)
    return file.getvalue()


def _object(module: str, name: str, state: dict[str, Any]) -> Any:
    instance = type(name, (), {"__module__": module})()
    vars(instance).update(state)
    return instance


class _Python2Pickler(pickle._Pickler):
    """Python's own pickler, with the opcodes and names of Python 2 where they differ."""

    def reducer_override(self, value):
        if isinstance(value, np.dtype):
            make, (code, *_), state = value.__reduce__()
            return make, (code, 0, 1), state
        return NotImplemented

    def save_global(self, value, name=None):
        module = value.__module__.replace("numpy._core", "numpy.core")
        module = {"builtins": "__builtin__", "copyreg": "copy_reg"}.get(module, module)
        self.write(pickle.GLOBAL + f"{module}\n{name or value.__qualname__}\n".encode())
        self.memoize(value)

    def save_text(self, value):
        data = value.encode("latin-1") if isinstance(value, str) else value
        if not self.bin:
            self.write(pickle.STRING + repr(data)[1:].encode() + b"\n")
        elif len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)
        self.memoize(value)

    def save_set(self, value):
        self.save_reduce(set, (list(value),), obj=value)

    def save_type(self, value):
        self.save_global(value)

    dispatch = {
        **pickle._Pickler.dispatch,
        str: save_text,
        bytes: save_text,
        set: save_set,
        type: save_type,
    }


def _sphere() -> np.ndarray:
    """Unit sphere: the south pole, rings from south to north, the north pole; y is up."""
    latitude = np.pi * (np.arange(1, _RINGS + 1) / (_RINGS + 1) - 0.5)[:, None]
    longitude = 2 * np.pi * np.arange(_COLUMNS)[None] / _COLUMNS
    x, z = np.cos(latitude) * np.sin(longitude), np.cos(latitude) * np.cos(longitude)
    rings = np.stack([x, np.broadcast_to(np.sin(latitude), x.shape), z], axis=-1).reshape(-1, 3)
    return np.concatenate([[(0, -1, 0)], rings, [(0, 1, 0)]])


def _faces() -> np.ndarray:
    here = np.arange(_RINGS * _COLUMNS).reshape(_RINGS, _COLUMNS) + 1
    east = np.roll(here, -1, axis=1)
    south, north = np.zeros(_COLUMNS, int), np.full(_COLUMNS, here[-1, -1] + 1)
    sides = [(here[:-1], east[:-1], east[1:]), (here[:-1], east[1:], here[1:])]
    caps = [(south, east[0], here[0]), (here[-1], east[-1], north)]
    return np.concatenate([np.stack(each, axis=-1).reshape(-1, 3) for each in (*sides, *caps)])


def _weights(template: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Each vertex follows its four nearest joints."""
    distance = np.linalg.norm(template[:, None] - joints, axis=-1)
    farthest = np.partition(distance, 3, axis=1)[:, 3:4]
    weights = np.where(distance <= farthest, np.exp(-10 * distance), 0)
    return weights / weights.sum(axis=1, keepdims=True)

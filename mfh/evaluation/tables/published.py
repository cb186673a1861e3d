"""Figures that others have published, to stand beside ours: none of them was measured here.

Fractions for delta and AbsRel, per cent for SIlog, metres for RMSE, as `depth_errors` gives them.
Protocols of different papers differ in crops, caps and masks; those of one source agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mfh.evaluation.tables.quantities import QUANTITIES

MFH = "Metric from Human (NeurIPS 2024)"
_CLIP2DEPTH = "CLIP Can Understand Depth (CLIP2Depth)"
_UNIDEPTH_V2 = "UniDepthV2 and Metric3D v2 papers"
_DEPTHLM = "DepthLM, at sampled pixels"

PRINTED = ("delta1", "abs_rel", "silog", "rmse")
"""The metrics of the tables of "Metric from Human", in their order."""

_Figures = tuple[float | None, ...]


@dataclass(frozen=True)
class Published:
    """What is published of a method on a data set.

    data_set: its name on the command line, e.g. "nyu". method: as its paper calls it.
    source: which paper, and where in it.
    values: by the names of `PhotoScore.values`.
    """

    data_set: str
    method: str
    source: str
    values: Mapping[str, float]


def published(data_set: str) -> tuple[Published, ...]:
    """The published figures on a data set, by source and in its order; () where there are none."""
    return tuple(each for each in _ALL if each.data_set == data_set)


def figures(printed: Sequence[float | None], prefix: str = "") -> dict[str, float]:
    """Figures by the names of `PhotoScore.values`.

    printed: as in the tables of "Metric from Human": delta1 and AbsRel in per cent, SIlog, RMSE in
        metres, or the first of these; None where it could not be read.
    """
    return {
        prefix + name: round(figure / QUANTITIES[name].factor, 6)
        for name, figure in zip(PRINTED, printed, strict=False)
        if figure is not None
    }


# Table 1: NYU Depth V2, KITTI. "LORN" is left out: its row is not legible in the text we have.
_TABLE_1: Mapping[str, tuple[_Figures, _Figures]] = {
    "ZeroDepth": ((90.1, 10.0, None, 0.380), (89.2, 10.2, None, 4.38)),
    "Metric3D": ((92.6, 9.38, 9.13, 0.337), (97.5, 5.33, 7.28, 2.26)),
    "UniDepth-C": ((97.2, 6.26, 6.41, 0.232), (97.9, 4.69, 6.71, 2.00)),
    "UniDepth-V": ((98.4, 5.78, 5.27, 0.201), (98.6, 4.21, 5.84, 1.75)),
    "Hu et al.": ((42.8, 34.7, None, 1.049), (31.2, 38.4, None, 12.29)),
    "DepthCLIP": ((39.4, 38.8, None, 1.167), (28.1, 47.3, None, 12.96)),
    "MfH, N = 32": ((83.2, 13.7, 9.78, 0.487), (81.2, 13.3, 10.5, 4.21)),
}

# Table 2: DIODE (indoor), iBims-1, ETH3D.
_TABLE_2: Mapping[str, tuple[_Figures, _Figures, _Figures]] = {
    "ZoeDepth-NK": (
        (38.8, 33.0, 13.3, 1.598),
        (61.0, 18.7, 8.98, 0.778),
        (33.5, 47.3, 14.0, 2.094),
    ),
    "Depth Anything-N": (
        (29.7, 32.7, 12.5, 1.486),
        (71.3, 15.0, 7.58, 0.594),
        (25.2, 38.7, 10.2, 2.327),
    ),
    "Depth Anything-K": (
        (11.1, 231, 15.5, 5.199),
        (2.88, 217, 17.2, 5.385),
        (16.9, 136, 17.1, 4.202),
    ),
    "ZeroDepth": (
        (43.2, 30.0, 13.2, 1.392),
        (74.6, 16.4, 10.6, 0.634),
        (31.2, 32.6, 13.4, 1.926),
    ),
    "Metric3D": (
        (26.8, None, None, 1.429),
        (14.4, None, None, 0.646),
        (34.2, None, None, 2.965),
    ),
    "UniDepth-C": (
        (62.8, 23.8, 11.5, 0.968),
        (81.1, 14.8, 8.30, 0.536),
        (43.3, 35.5, 10.3, 1.532),
    ),
    "UniDepth-V": (
        (79.8, 18.1, 10.4, 0.760),
        (23.4, 35.7, 6.87, 1.063),
        (27.2, 43.1, 8.93, 1.950),
    ),
    "MfH, N = 32": (
        (42.2, 34.5, 13.2, 1.363),
        (67.7, 23.3, 9.73, 0.738),
        (47.1, 24.0, 8.16, 1.366),
    ),
}

# Table 6, "MRDE": depth after the best scale and offset; delta1, AbsRel, SIlog on the same sets.
_TABLE_6: Mapping[str, tuple[_Figures, _Figures, _Figures]] = {
    "ZoeDepth-NK": ((91.6, 12.2, 11.9), (97.3, 5.61, 7.74), (94.9, 8.15, 9.85)),
    "Depth Anything-N": ((94.4, 10.2, 10.6), (98.4, 4.45, 6.18), (93.8, 8.03, 9.95)),
    "Depth Anything-K": ((92.4, 11.9, 12.0), (95.7, 6.82, 9.36), (97.7, 6.09, 7.36)),
    "ZeroDepth": ((91.8, 12.1, 12.1), (94.8, 6.51, 9.25), (87.6, 11.6, 12.1)),
    "UniDepth-C": ((94.2, 10.2, 10.7), (97.6, 4.68, 7.24), (96.6, 6.96, 8.76)),
    "UniDepth-V": ((95.6, 8.89, 9.78), (98.6, 3.41, 5.69), (97.4, 5.79, 7.53)),
}


def _tables() -> list[Published]:
    found = []
    for method, of_sets in _TABLE_1.items():
        for data_set, printed in zip(("nyu", "kitti"), of_sets, strict=True):
            found.append(Published(data_set, method, f"{MFH}, Table 1", figures(printed)))
    for method, of_three in _TABLE_2.items():
        of_shape = _TABLE_6.get(method, ((), (), ()))
        where = f"{MFH}, Tables 2 and 6" if method in _TABLE_6 else f"{MFH}, Table 2"
        for data_set, printed, shape in zip(
            ("diode", "ibims", "eth3d"), of_three, of_shape, strict=True
        ):
            values = {**figures(printed), **figures(shape, "affine_")}
            found.append(Published(data_set, method, where, values))
    return found


# delta1, as fractions.
_DELTA1: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("UniDepthV2", _UNIDEPTH_V2): {"nyu": 0.988, "kitti": 0.989, "ibims": 0.945, "eth3d": 0.852},
    ("Metric3D v2", _UNIDEPTH_V2): {"nyu": 0.989, "kitti": 0.985, "ibims": 0.684, "eth3d": 0.900},
    ("DepthLM 7B", _DEPTHLM): {"nyu": 0.915, "ibims": 0.920, "eth3d": 0.718},
}

_ALL = (
    *_tables(),
    *(
        Published(data_set, method, source, {"delta1": delta1})
        for (method, source), of_sets in _DELTA1.items()
        for data_set, delta1 in of_sets.items()
    ),
    Published(
        "nyu",
        "CLIP2Depth (trained on NYU)",
        f"{_CLIP2DEPTH}, Table 1",
        {
            "delta1": 0.900,
            "delta2": 0.983,
            "delta3": 0.996,
            "abs_rel": 0.100,
            "rmse": 0.379,
            "log10": 0.042,
        },
    ),
    Published(
        "kitti",
        "CLIP2Depth (trained on KITTI)",
        f"{_CLIP2DEPTH}, Table 2",
        {
            "delta1": 0.938,
            "delta2": 0.990,
            "delta3": 0.998,
            "abs_rel": 0.074,
            "sq_rel": 0.303,
            "rmse": 2.948,
            "log10": 0.032,
        },
    ),
)

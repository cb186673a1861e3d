"""Known distances: points of a photo whose distance from the camera was measured, or asked for.

They come as texts, files or numbers (`load_distances`), and become landmarks of the photo
(`landmarks_with_distances`) beside its people, or without any.
"""

from mfh.known_distances.distance import (
    RELATIVE_ERROR,
    DistanceKind,
    KnownDistance,
    check_distances,
    fingerprint,
)
from mfh.known_distances.placing import landmarks_with_distances
from mfh.known_distances.reading import DistanceLike, load_distances

__all__ = [
    "RELATIVE_ERROR",
    "DistanceKind",
    "DistanceLike",
    "KnownDistance",
    "check_distances",
    "fingerprint",
    "landmarks_with_distances",
    "load_distances",
]

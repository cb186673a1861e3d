"""Whether depth stays the same from frame to frame, and shrinks with what it is of.

CLIP2Depth, section 4.2. `temporal` compares neighbouring frames of a drive, `spatial` the depth of
objects with their height in px. Both take the predictions of an evaluation run.
"""

from mfh.evaluation.consistency.kitti_drive import KittiDrive, Pair
from mfh.evaluation.consistency.kitti_motion import camera_poses
from mfh.evaluation.consistency.kitti_objects import KittiObjects, LabelledObject
from mfh.evaluation.consistency.reprojection import inconsistency, reproject
from mfh.evaluation.consistency.spatial import (
    ClassScore,
    ObjectDepth,
    class_scores,
    object_depths,
    rank_correlation,
)
from mfh.evaluation.consistency.temporal import (
    FrameScore,
    PairScore,
    RowConsistency,
    camera_motions,
    frame_scores,
    row_consistencies,
    score_drive,
)

__all__ = [
    "ClassScore",
    "FrameScore",
    "KittiDrive",
    "KittiObjects",
    "LabelledObject",
    "ObjectDepth",
    "Pair",
    "PairScore",
    "RowConsistency",
    "camera_motions",
    "camera_poses",
    "class_scores",
    "frame_scores",
    "inconsistency",
    "object_depths",
    "rank_correlation",
    "reproject",
    "row_consistencies",
    "score_drive",
]

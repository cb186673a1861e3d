"""What the robust head expects before it has seen a landmark, each number with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """The numbers of the robust head; docs/metric_head.md derives them.

    Errors are standard deviations of a logarithm: 0.1 is about 10 %.

    depth_range: in nine photos of ten the farthest point is between this many times as far as the
        nearest. Of 30 iBims-1 photos nine tenths lie in 1.6 to 8, KITTI is at 10.
    painted_person: how far the sizes of painted people scatter, as measured: 17 % for the painter,
        4 % for the body, 5 % for the disparity under them. It may be off by a third; the painted
        people of the photo correct it.
    painted_bias: by how much the painter misreads a scene as a whole.
    person: the same scatter for somebody who is in the photo itself: no painter.
    body: what of these two is the measuring of a body: statures scatter by so much within a sex.
        The `relative_error` of a person takes its place.
    body_bias: by how much the body model is off for everybody alike.
    asked_point: how far the answers of a vision language model that is asked for distances scatter
        by themselves; the `relative_error` of an answer takes its place.
    asked_bias: by how much such a model misreads a photo as a whole.
    doubt: the share of people who are none, or of quite another size.
    doubt_distance: the share of known distances that are mistaken.
    doubt_answer: the share of answers that are nonsense: of another thing than the one asked about,
        in another unit, or just a number. With it and the two errors above 78 % of answers are
        within 25 % of the truth; of DepthLM's three models 77 to 84 % are (its paper, Table 1).
    doubtful, doubtful_too_far: how far those scatter, and about which error: people who are none
        are smaller than people more often than larger (children, things), so they seem too far.
    doubtful_answer: how far nonsense answers scatter, on both sides.
    camera_height_m, camera_height: how high photos are taken above the ground people stand on, and
        how far that scatters (the scale of Student's t with four degrees of freedom, whose standard
        deviation is 1.4 times that): held before the face or the chest, standing or sitting.
    tilt: by how much, in radians, people's meshes together misjudge which way is up.
    stance: by how much somebody's feet are off, in the log of depth (the scale of Student's t).
    stances: bends of the disparity are shared by neighbours, so that however many people stand,
        they tell no more of the ground than so many.
    landmark: by how much the disparity under a landmark is off, all its pixels together.
    disparity: by how much disparity itself is off from pixel to pixel: AbsRel 4.57 % with the best
        of all scales and offsets (paper Table 3), whose standard deviation is 5.7 %.
    """

    depth_range: tuple[float, float] = (1.5, 20.0)
    painted_person: float = 0.19
    painted_bias: float = 0.12
    person: float = 0.08
    body: float = 0.04
    body_bias: float = 0.04
    asked_point: float = 0.15
    asked_bias: float = 0.06
    doubt: float = 0.1
    doubt_distance: float = 0.001
    doubt_answer: float = 0.08
    doubtful: float = 0.6
    doubtful_too_far: float = 0.2
    doubtful_answer: float = 0.8
    camera_height_m: float = 1.4
    camera_height: float = 0.15
    tilt: float = 0.045
    stance: float = 0.1
    stances: float = 8.0
    landmark: float = 0.045
    disparity: float = 0.057

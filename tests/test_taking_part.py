"""Who takes part in a fit, and whom it set aside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mfh.errors import InputError
from mfh.records import AlignedDisparity, Landmarks, MetricHead, People
from mfh.taking_part import images_taking_part, owners_of, owners_taking_part, set_aside
from mfh.verdicts import (
    DISAGREES,
    NO_PIXEL,
    NOBODY,
    OUTSIDE,
    counts_of,
    nobody_message,
    verdicts_of,
)


def landmarks(*owners, kind=("painted person",), weight=None):
    """An image of one row whose pixels belong to these owners."""
    owner = np.array([owners], np.int16)
    count = max(max(owners) + 1, len(kind))
    depth = np.where(owner >= 0, np.float32(2), np.float32(np.nan))
    return Landmarks(depth, owner, np.ones(count) if weight is None else weight, kind)


def aligned(*kept):
    count = len(kept)
    return AlignedDisparity(
        np.ones((count, 1, 4)),
        np.ones(count),
        np.zeros(count),
        np.array(kept),
        tuple("" if each else "alignment scale not positive" for each in kept),
    )


def head(*used):
    return MetricHead(1.0, 0.0, "disparity", "m", 0.0, 0.1, np.array(used), "converged")


IMAGES = (
    landmarks(1, -1, 2, 0, kind=("person", "person", "measured point")),
    landmarks(0, 1, 1, -1),
    landmarks(-1, -1, -1, -1, weight=np.ones(1)),
    landmarks(0, 0, 0, 0),
    landmarks(0, -1, -1, -1),
    landmarks(0, -1, 0, -1, weight=np.zeros(1)),
)
ALIGNED = aligned(True, True, True, False, True, True)


def test_an_image_takes_part_that_is_kept_and_has_a_pixel_of_somebody_trusted():
    part = images_taking_part(ALIGNED, IMAGES)
    np.testing.assert_array_equal(part, [True, True, False, False, True, False])
    np.testing.assert_array_equal(owners_of(IMAGES[0]), [0, 1, 2])


def test_what_a_fit_says_of_each_owner():
    owners = owners_taking_part(head(True, False, True, True, False, False), ALIGNED, IMAGES)
    assert [(o.image, o.number, o.used) for o in owners] == [
        (0, 0, True),
        (0, 1, False),
        (0, 2, True),
        (1, 0, True),
        (1, 1, False),
        (4, 0, False),
    ]
    assert [o.kind for o in owners[:3]] == ["person", "person", "measured point"]
    aside = set_aside(owners, IMAGES)
    assert [each.tolist() for each in aside] == [
        [False, True, False],
        [False, True],
        [False],
        [False],
        [True],
        [False],
    ]


def test_verdicts_and_counts_agree_with_the_fit():
    people = [People.nobody(1, 4)] * len(IMAGES)
    owners = owners_taking_part(head(True, False, True, True, False, False), ALIGNED, IMAGES)
    before = verdicts_of(people, IMAGES, ALIGNED)
    assert before == ("", "", NO_PIXEL, "alignment scale not positive", "", OUTSIDE)
    verdicts = verdicts_of(people, IMAGES, ALIGNED, owners)
    assert verdicts == ("", "", NO_PIXEL, "alignment scale not positive", DISAGREES, OUTSIDE)
    counts = counts_of(people, verdicts, owners)
    assert (counts.people, counts.in_photo, counts.set_aside, counts.points) == (2, 1, 3, 1)
    assert (counts.painted, counts.kept) == (5, 1)
    assert sum(counts.rejected.values()) == 4
    empty = landmarks(-1, -1, -1, -1, weight=np.ones(0), kind=())
    assert verdicts_of(people[:1], [empty], aligned(True)) == (NOBODY,)


def test_who_was_found_and_refused_is_named_where_nobody_counts():
    nobody = People.nobody(1, 4)
    small, cut = (People.nobody(1, 4, [reason]) for reason in ("is too small", "is cut off"))
    both = People.nobody(1, 4, ["is cut off", "is too small"])
    empty = landmarks(-1, -1, -1, -1, weight=np.ones(0), kind=())
    outside = landmarks(0, -1, 0, -1, weight=np.zeros(1))
    own = replace(outside, weight=np.ones(1))
    people = [cut, nobody, small, both, nobody, cut, both, both]
    images = [own, empty, empty, empty, outside, outside, outside, own]
    verdicts = verdicts_of(people, images, aligned(*[True] * 8))
    assert verdicts == (
        "",
        NOBODY,
        "somebody is too small",
        "somebody is cut off",
        OUTSIDE,
        # Whoever is refused in the photo itself is refused here, too.
        OUTSIDE,
        "somebody is too small",
        "",
    )
    counts = counts_of(people, verdicts, [])
    assert dict(counts.rejected) == {
        NOBODY: 1,
        "somebody is too small": 2,
        "somebody is cut off": 1,
        OUTSIDE: 2,
    }


def test_where_everybody_was_refused_the_message_says_why_and_what_to_do():
    cut = "somebody is cut off"
    said = nobody_message(["", cut, cut, NOBODY])
    assert "none of 3 painted photos gave a person to measure by" in said
    assert "(2 x somebody is cut off, 1 x nobody found)" in said
    assert "room for a person to stand in full view, or measure one distance" in said
    alone = nobody_message([cut])
    assert "the photo itself gave nothing to measure by (somebody is cut off), and no" in alone
    assert "--paint auto" in alone


def test_a_head_that_speaks_of_others_is_named():
    with pytest.raises(InputError, match="used is about 2 owners; .* 6 have a pixel"):
        owners_taking_part(head(True, True), ALIGNED, IMAGES)

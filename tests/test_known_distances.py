"""Known distances: their depth, the landmarks they make, and how they are read."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from mfh.camera import project, resize_intrinsics
from mfh.errors import InputError
from mfh.head import fit
from mfh.known_distances import (
    KnownDistance,
    check_distances,
    fingerprint,
    landmarks_with_distances,
    load_distances,
)
from mfh.records import Intrinsics, Landmarks, Photo

# Off-centre, with pixels that are not square.
CAMERA = Intrinsics(fx=500, fy=650, cx=250, cy=300, height=480, width=640)


def photo_of(camera: Intrinsics) -> Photo:
    return Photo(np.zeros((camera.height, camera.width, 3), np.uint8), camera)


def nobody(height: int, width: int) -> Landmarks:
    return Landmarks(
        depth_m=np.full((height, width), np.nan, np.float32),
        owner=np.full((height, width), -1, np.int16),
        weight=np.zeros(0, np.float32),
    )


def centred(height: int, width: int) -> Intrinsics:
    return Intrinsics(100, 100, width / 2, height / 2, height, width)


def assert_owner(landmarks: Landmarks, expected: str) -> None:
    """`expected` draws the owners, a row of digits or dots (nobody) for each row of the image."""
    drawn = ["".join("." if o < 0 else str(o) for o in row) for row in landmarks.owner]
    assert drawn == expected.split()


# Depth of a straight distance


@pytest.mark.parametrize(
    "point_m", [(0.0, 0.0, 2.4), (1.5, -1.0, 2.0), (-0.9, 0.5, 1.3), (2.8, 1.0, 4.0)], ids=str
)
def test_straight_distance_of_a_point_gives_its_depth(point_m):
    x, y = project(point_m, CAMERA)
    distance = KnownDistance(x, y, distance_m=float(np.linalg.norm(point_m)))
    assert distance.depth_at(CAMERA) == pytest.approx(point_m[2], rel=1e-12)


def test_depth_is_kept_as_it_is():
    assert KnownDistance(3, 470, depth_m=2.4).depth_at(CAMERA) == 2.4


def test_depth_is_the_same_whatever_size_the_photo_is_reduced_to():
    small = resize_intrinsics(CAMERA, 133, 177)
    whole = KnownDistance(600, 20, distance_m=3.0).depth_at(CAMERA)
    reduced = KnownDistance(600 * 177 / 640, 20 * 133 / 480, distance_m=3.0).depth_at(small)
    assert reduced == pytest.approx(whole, rel=1e-12)


def test_numbers_of_numpy_serve_and_are_stored_as_plain_ones():
    distance = KnownDistance(np.float32(1.5), np.int64(2), distance_m=np.float64(3))
    assert fingerprint([distance, KnownDistance(1, 2, depth_m=4, relative_error=0.1)]) == [
        {"x_px": 1.5, "y_px": 2, "distance_m": 3, "depth_m": None, "relative_error": 0.02},
        {"x_px": 1, "y_px": 2, "distance_m": None, "depth_m": 4, "relative_error": 0.1},
    ]
    json.dumps(fingerprint([distance]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x_px": math.nan}, "known distance: x is nan; it must be a number of px"),
        ({"y_px": math.inf}, "known distance: y is inf; it must be a number of px"),
        ({"x_px": "320"}, "x is '320'; it must be a number of px"),
        ({"y_px": None}, "y is None; it must be a number of px"),
        ({"x_px": True}, "x is True; it must be a number of px"),
        ({"x_px": 10**400}, "; it must be a number of px"),
        ({"distance_m": 0}, r"at \(320, 240\): distance_m is 0; .* positive number of metres"),
        ({"distance_m": -2.0}, "distance_m is -2.0; it must be a positive number of metres"),
        ({"distance_m": math.nan}, "distance_m is nan; it must be a positive number of metres"),
        ({"distance_m": math.inf}, "distance_m is inf; it must be a positive number of metres"),
        ({"distance_m": "2.4"}, "distance_m is '2.4'; it must be a positive number of metres"),
        ({"distance_m": 1e-60}, "distance_m is 1e-60; .* from 0.001 to 1e.06"),
        ({"distance_m": None, "depth_m": 1e39}, "depth_m is 1e.39; .* from 0.001 to 1e.06"),
        ({"depth_m": 2.4}, "gives distance_m and depth_m; give either distance_m .* or depth_m"),
        ({"distance_m": None}, "gives no distance; give either distance_m .* or depth_m"),
        ({"relative_error": 0}, "relative_error is 0; .* fraction from 1e-06 .* 0.02 for 2 %"),
        ({"relative_error": 2}, "relative_error is 2; .* below 1, e.g. 0.02 for 2 %"),
        ({"relative_error": math.nan}, "relative_error is nan; it must be a fraction"),
        ({"relative_error": None}, "relative_error is None; it must be a fraction"),
    ],
)
def test_impossible_numbers_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        KnownDistance(**{"x_px": 320, "y_px": 240, "distance_m": 2.4, **fields})


# Whether they fit the photo


def test_all_of_the_photo_is_inside_and_nothing_else():
    inside = [KnownDistance(x, y, depth_m=1) for x in (0, 639.99) for y in (0, 479.99)]
    check_distances(inside, photo_of(CAMERA))
    for x, y in ((640, 10), (-0.01, 10), (10, 480), (10, -0.01)):
        with pytest.raises(
            InputError, match=rf"known distance at \({x}, {y}\): lies outside .* of 640 x 480 px"
        ) as caught:
            check_distances([*inside, KnownDistance(x, y, depth_m=1)], photo_of(CAMERA))
        assert ("wrong way round" in str(caught.value)) == (y == 480)


def test_swapped_coordinates_are_told():
    with pytest.raises(InputError, match="the wrong way round, write 600,200"):
        check_distances([KnownDistance(200, 600, depth_m=1)], photo_of(CAMERA))


def test_contradictions_at_one_pixel_are_refused():
    """Of 2 % each, three sigma of both are 8.5 %."""
    photo = photo_of(CAMERA)
    first = KnownDistance(320.1, 240.9, depth_m=2.0)
    check_distances([first, KnownDistance(320.9, 240.1, depth_m=2.16)], photo)
    check_distances([first, KnownDistance(321.0, 240.9, depth_m=9.0)], photo)
    message = (
        r"two at pixel \(320, 240\) of the photo, which has 640 x 480 px, .*: depth 2 m and 2.2 m; "
        "leave one out"
    )
    with pytest.raises(InputError, match=message):
        check_distances([first, first, KnownDistance(320.9, 240.1, depth_m=2.2)], photo)
    unsure = KnownDistance(320.9, 240.1, depth_m=2.2, relative_error=0.1)
    check_distances([first, unsure], photo)


def test_a_distance_and_a_depth_that_mean_the_same_agree():
    x, y = project((4.0, -1.0, 8.0), CAMERA)
    depth = KnownDistance(x, y, depth_m=8.0)
    check_distances([KnownDistance(x, y, distance_m=9.0), depth], photo_of(CAMERA))
    with pytest.raises(InputError, match="depth 7.111 m and 8 m"):
        check_distances([KnownDistance(x, y, distance_m=8.0), depth], photo_of(CAMERA))


# The landmarks they make


def test_a_disc_around_each_point():
    """Pixel centres within 1.6 px: in the middle of a pixel, at a corner, at the photo's own."""
    camera = centred(6, 9)
    points = [(2.5, 2.5, 2.0), (7.0, 4.0, 5.0), (0.2, 5.9, 3.0)]
    distances = [KnownDistance(x, y, depth_m=z, relative_error=z / 100) for x, y, z in points]
    landmarks = landmarks_with_distances(nobody(6, 9), distances, camera, camera)
    assert_owner(
        landmarks,
        """
        .........
        .000.....
        .000..11.
        .000.1111
        2....1111
        22....11.
        """,
    )
    for index, (_, _, z) in enumerate(points):
        assert (landmarks.depth_m[landmarks.owner == index] == z).all()
    assert landmarks.kind == ("measured point",) * 3
    assert landmarks.weight.tolist() == [1, 1, 1]
    np.testing.assert_allclose(landmarks.relative_error, [0.02, 0.05, 0.03])


@pytest.mark.parametrize("reverse", [False, True])
def test_where_two_discs_overlap_the_nearer_point_has_the_pixel(reverse):
    """Columns 1 to 3 and 3 to 5 are within reach; the middle of column 3 is nearer to the right."""
    camera = centred(5, 7)
    near, far = KnownDistance(2.5, 2.5, depth_m=2), KnownDistance(4.3, 2.5, depth_m=9)
    distances = [far, near] if reverse else [near, far]
    landmarks = landmarks_with_distances(nobody(5, 7), distances, camera, camera)
    row = ".11000." if reverse else ".00111."
    assert_owner(landmarks, f"....... {row} {row} {row} .......")


@pytest.mark.parametrize("reverse", [False, True])
def test_at_one_place_the_surer_counts(reverse):
    camera = centred(5, 5)
    tape = KnownDistance(2.5, 2.5, depth_m=2.00, relative_error=0.05)
    laser = KnownDistance(2.5, 2.5, depth_m=2.04, relative_error=0.001)
    distances = [laser, tape] if reverse else [tape, laser]
    landmarks = landmarks_with_distances(nobody(5, 5), distances, camera, camera)
    assert (landmarks.owner == distances.index(laser)).sum() == 9
    assert np.unique(landmarks.depth_m[landmarks.owner >= 0]) == np.float32(2.04)


def test_points_that_share_a_pixel_of_the_working_size_share_its_surroundings():
    """Ten pixels of the photo are one of the working size; these two are within one of those."""
    photo_camera = centred(60, 80)
    distances = [KnownDistance(33, 35, depth_m=2), KnownDistance(37, 35, depth_m=9)]
    landmarks = landmarks_with_distances(
        nobody(6, 8), distances, photo_camera, resize_intrinsics(photo_camera, 6, 8)
    )
    assert landmarks.owner[3].tolist() == [-1, -1, 0, 0, 1, -1, -1, -1]
    assert {0, 1} <= set(landmarks.owner.ravel())


def test_a_point_takes_its_pixels_from_people_and_leaves_them_the_rest():
    camera = centred(6, 9)
    owner = np.full((6, 9), -1, np.int16)
    owner[:, :4], owner[0:2, 5:7] = 0, 2
    people = Landmarks(
        depth_m=np.where(owner < 0, np.nan, owner + 4).astype(np.float32),
        owner=owner,
        weight=[1.0, 0.0, 0.5],
        kind=("person", "person", "painted person"),
        relative_error=[np.nan, 0.3, 0.2],
    )
    both = landmarks_with_distances(people, [KnownDistance(3.5, 3.5, depth_m=2)], camera, camera)
    assert_owner(
        both,
        """
        0000.22..
        0000.22..
        00333....
        00333....
        00333....
        0000.....
        """,
    )
    assert (both.depth_m[both.owner == 0] == 4).all()
    assert (both.depth_m[both.owner == 2] == 6).all()
    assert (both.depth_m[both.owner == 3] == 2).all()
    assert both.kind == ("person", "person", "painted person", "measured point")
    assert both.weight.tolist() == [1, 0, 0.5, 1]
    np.testing.assert_allclose(both.relative_error, [np.nan, 0.3, 0.2, 0.02])
    np.testing.assert_array_equal(people.owner, owner)


def test_without_known_distances_landmarks_stay_as_they_are():
    camera = centred(4, 6)
    ones = np.ones((4, 6), np.float32)
    people = Landmarks(ones, np.zeros((4, 6), np.int16), [0.7], ("person",), [0.1])
    same = landmarks_with_distances(people, [], camera, camera)
    for name in ("depth_m", "owner", "weight", "relative_error"):
        np.testing.assert_array_equal(getattr(same, name), getattr(people, name))
    assert same.kind == people.kind
    assert len(landmarks_with_distances(nobody(4, 6), [], camera, camera).weight) == 0


def test_a_large_photo_reduced():
    """The disc lies where the point is at the working size, at the depth the photo's ray tells."""
    photo_camera = Intrinsics(5200, 5000, 2900, 2100, height=4000, width=6000)
    point_m = (0.9, -0.6, 2.5)
    x, y = project(point_m, photo_camera)
    straight_m = float(np.linalg.norm(point_m))
    landmarks = landmarks_with_distances(
        nobody(480, 720),
        [KnownDistance(x, y, distance_m=straight_m)],
        photo_camera,
        resize_intrinsics(photo_camera, 480, 720),
    )
    rows, columns = np.nonzero(landmarks.owner == 0)
    assert 7 <= len(rows) <= 12
    assert columns.mean() + 0.5 == pytest.approx(x * 720 / 6000, abs=0.5)
    assert rows.mean() + 0.5 == pytest.approx(y * 480 / 4000, abs=0.5)
    np.testing.assert_allclose(landmarks.depth_m[rows, columns], 2.5, rtol=1e-6)


class Floor:
    """A floor 1.5 m below a camera that looks down on it, reduced to a quarter of its size."""

    photo_camera = Intrinsics(1900, 2100, 1400, 900, height=1920, width=2560)
    camera = resize_intrinsics(photo_camera, 480, 640)
    normal, height_m = np.array([0.1, 0.8, 0.6]), 1.5

    @classmethod
    def depth_m(cls, x, y, camera):
        """Where the ray of a pixel (x, y) meets the plane `normal . X = height`."""
        rays = (x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1.0
        return cls.height_m / sum(n * ray for n, ray in zip(cls.normal, rays))

    @classmethod
    def whole_m(cls):
        x, y = np.meshgrid(np.arange(640) + 0.5, np.arange(480) + 0.5)
        return cls.depth_m(x, y, cls.camera)

    @classmethod
    def landmarks(cls, *points_px):
        distances = []
        for x, y in points_px:
            z = cls.depth_m(x, y, cls.photo_camera)
            ray = ((x - cls.photo_camera.cx) / 1900, (y - cls.photo_camera.cy) / 2100, 1.0)
            distances.append(KnownDistance(x, y, distance_m=z * float(np.linalg.norm(ray))))
        return landmarks_with_distances(nobody(480, 640), distances, cls.photo_camera, cls.camera)


def test_one_known_distance_gives_a_plane_its_metres():
    disparity = 1 / Floor.whole_m() / 0.37
    landmarks = Floor.landmarks((2300.0, 1700.0))
    head = fit(disparity[None], landmarks.depth_m[None], method="log_l2", fit_offset=False)
    assert head.scale == pytest.approx(0.37, rel=2e-3)
    np.testing.assert_allclose(head.apply(disparity), Floor.whole_m(), rtol=2e-3)


def test_two_known_distances_give_scale_and_offset():
    disparity = (1 / Floor.whole_m() - 0.05) / 0.37
    landmarks = Floor.landmarks((2300.0, 1700.0), (300.0, 250.0))
    head = fit(disparity[None], landmarks.depth_m[None], landmarks.owner[None], method="log_l2")
    np.testing.assert_allclose(head.apply(disparity), Floor.whole_m(), rtol=5e-3)


def test_arguments_that_do_not_belong_together_are_refused():
    camera = centred(4, 6)
    with pytest.raises(InputError, match=r"have shape \(4, 5\); expected \(4, 6\), the working"):
        landmarks_with_distances(nobody(4, 5), [], camera, camera)
    with pytest.raises(InputError, match=r"\(6, 1\): lies outside the photo of 6 x 4 px"):
        landmarks_with_distances(
            nobody(4, 6), [KnownDistance(6, 1, depth_m=1)], camera, centred(4, 6)
        )
    many = [KnownDistance(1, 1, depth_m=1)] * 32768
    with pytest.raises(InputError, match="32768 are given; at most 32767 can be used"):
        landmarks_with_distances(nobody(4, 6), many, camera, camera)


# Reading them

POINT = KnownDistance(320, 240, distance_m=2.4)


@pytest.mark.parametrize(
    "given",
    [
        POINT,
        "320,240=2.40",
        "320, 240 = 2.40 m",
        " 320.0,240.=2.4M ",
        "3.2e2,+240=24e-1",
        (320, 240, 2.4),
        [320, 240, 2.4],
        np.array([320, 240, 2.4]),
        {"x": 320, "y": 240, "distance_m": 2.4},
        {"x": 320, "y": 240, "distance_m": 2.4, "depth_m": None, "relative_error": None},
    ],
    ids=repr,
)
def test_one_known_distance(given):
    assert load_distances(given) == (POINT,)
    assert load_distances([given]) == (POINT,)
    assert load_distances((given, "1,2=3")) == (POINT, KnownDistance(1, 2, distance_m=3))


def test_several_and_none():
    points = (POINT, KnownDistance(1, 2, distance_m=3), KnownDistance(4, 5, distance_m=6))
    assert load_distances([POINT, (1, 2, 3), "4,5=6"]) == points
    assert load_distances(np.array([[320, 240, 2.4], [1, 2, 3], [4, 5, 6]])) == points
    assert load_distances([]) == load_distances(()) == ()


def test_fields_beside_a_straight_distance():
    given = {"x": 1, "y": 2, "depth_m": 3, "relative_error": 0.1}
    assert load_distances(given) == (KnownDistance(1, 2, depth_m=3, relative_error=0.1),)


READ = (
    KnownDistance(320, 240, distance_m=2.4),
    KnownDistance(100.5, 50, depth_m=3.75, relative_error=0.05),
)
OBJECTS = [
    {"x": 320, "y": 240, "distance_m": 2.4},
    {"x": 100.5, "y": 50, "depth_m": 3.75, "relative_error": 0.05, "distance_m": None},
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tape.json", json.dumps(OBJECTS)),
        ("tape.JSON", json.dumps({"landmarks": OBJECTS, "note": "with a tape"}, indent=2)),
        (
            "tape.csv",
            "x,y,distance_m,depth_m,relative_error\n320,240,2.40,,\n100.5,50,,3.75,0.05\n",
        ),
        (
            "tape.csv",
            "X; Y; distance_m; depth_m; relative_error\r\n320;240;2,40;;\r\n\r\n"
            "100,5;50;;3,75;0.05",
        ),
        (
            "tape.CSV",
            '"y","x","depth_m","relative_error","distance_m"\n'
            '"240","320","","","2.4"\n , ,,,\n50,100.5,3.75,.05,',
        ),
    ],
    ids=["list", "landmarks", "commas", "semicolons", "quoted"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files(tmp_path, name, text, encoding):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    assert load_distances(path) == READ
    assert load_distances(str(path)) == READ
    assert load_distances([path, "1,2=3"]) == (*READ, KnownDistance(1, 2, distance_m=3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "320,240",
            "known distance '320,240': expected x,y=METRES, e.g. \"320,240=2.40\", or a .json",
        ),
        ("", "known distance '': expected x,y=METRES"),
        ("320=2.40", "expected x,y=METRES"),
        ("320,240=", "expected x,y=METRES"),
        ("320,240=nan", "expected x,y=METRES"),
        ("320,240=2,40", "expected x,y=METRES, .*, with a decimal point$"),
        ("320,240=240 cm", "expected x,y=METRES, .*, in metres$"),
        ("320,240=7ft", "expected x,y=METRES, .*, in metres$"),
        ("tape.txt", "known distance 'tape.txt': expected .*, or a .json or .csv file"),
        ("320,240=-2", r"'320,240=-2': known distance at \(320, 240\): distance_m is -2.0; "),
        ("320,240=1e999", "distance_m is inf; it must be a positive number"),
        ((320, 240), r"known distance \(320, 240\): expected three numbers \(x, y, metres\)"),
        ((320, 240, 2.4, 0.1), "expected three numbers .*, a mapping such as .*relative_error"),
        ((320, 240, -2), r"\(320, 240, -2\): known distance at \(320, 240\): distance_m is -2; "),
        (("a", "b", "c"), "known distance 'a': expected x,y=METRES"),
        ([(1, 2, "3")], r"\(1, 2, '3'\): known distance at \(1, 2\): distance_m is '3'"),
        ([320, 240, (1, 2, 3)], "known distance 320: expected three numbers"),
        (2.4, "known distance 2.4: expected three numbers"),
        (None, "known distance None: expected three numbers"),
        ((True, 1, 2), "x is True; it must be a number"),
        ({"x": 320, "distance_m": 2}, 'a known distance needs y; e.g. .*"distance_m": 2.40'),
        ({"distance_m": 2}, "a known distance needs x and y; e.g. "),
        ({"x": 1, "y": 2}, "gives no distance; give either distance_m .* or depth_m"),
        ({"x": 1, "y": 2, "distance": 2}, "has no 'distance', did you mean 'distance_m'"),
        ({"x": 1, "y": 2, 3: 2}, "has no 3, there are x, y, distance_m, depth_m, relative_error"),
    ],
    ids=repr,
)
def test_what_is_no_known_distance_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        load_distances(given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"tape.json: not readable as JSON .* expected a list such as \[{\"x\": 320"),
        ('[{"x": 1,\n "y" 2}]', "not readable as JSON .*line 2.* expected a list such as"),
        ("[" * 10**5, "not readable as JSON"),
        ("3", "holds no list of known distances; expected a list such as"),
        ('{"x": 1, "y": 2, "distance_m": 3}', "holds no list of known distances"),
        ('{"landmarks": {}}', "holds no list of known distances"),
        ("[]", "tape.json: its list is empty; expected a list such as"),
        (
            '[{"x": 1, "y": 2, "depth_m": 3}, [1, 2, 3]]',
            r"entry 2 of 2: is \[1, 2, 3\]; expected {",
        ),
        ('["other.json"]', "entry 1 of 1: is 'other.json'; expected {"),
        ('[{"x": 1, "distance_m": 3}]', "entry 1 of 1: a known distance needs y; e.g. {"),
        ('[{"x": 1, "y": 2, "distance_m": NaN}]', r"entry 1 of 1: .* distance_m is nan; it must"),
        ('[{"x": "1", "y": 2, "distance_m": 2}]', "entry 1 of 1: .*x is '1'; it must be a number"),
        ('[{"x": 1, "y": 2, "depht_m": 3}]', "has no 'depht_m', did you mean 'depth_m'.; e.g. {"),
    ],
)
def test_a_wrong_json_file_is_refused(tmp_path, text, message):
    path = tmp_path / "tape.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_distances(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: nothing instead of the columns' names, .* expected a first line"),
        ("320,240,2.40\n", "line 1: 320, 240, 2.40 instead of the columns' names"),
        ("x,y\n1,2\n", "line 1: x, y instead of the columns' names, .* distance_m or depth_m"),
        ("x,y,distance_m,note\n1,2,3,a\n", "line 1: a known distance has no 'note', there are x"),
        ("x,y,distance_m,relative_eror\n", "no 'relative_eror', did you mean 'relative_error'"),
        ("x,y,distance_m,x\n1,2,3,1\n", "line 1: names a column twice"),
        ("x,y,distance_m\n", "tape.csv: holds no known distance; expected a first line"),
        ("x,y,distance_m\n1,2,3\n\n1,2\n", "line 4: 2 cells for the 3 columns x,y,distance_m; exp"),
        ("x,y,distance_m\n1,2,2,40\n", "line 2: 4 cells for the 3 columns"),
        ("x,y,distance_m\n1,2,2.40 m\n", "line 2: distance_m is '2.40 m'; .* without a unit"),
        ("x,y,distance_m\n1,2,nan\n", "line 2: distance_m is 'nan'; it must be a number"),
        ("x,y,distance_m\n1,2,0\n", r"line 2: known distance at \(1, 2\): distance_m is 0.0; it"),
        ("x,y,distance_m\n1,2,\n", "line 2: .* gives no distance; give either"),
        ("x,y,distance_m,depth_m\n1,2,3,3\n", "line 2: .* gives distance_m and depth_m"),
        ("x,y,distance_m\n,2,3\n", "line 2: a known distance needs x; expected a first line"),
        ('x,y,distance_m\n1,2,"3\n', "line 2: not readable as CSV .*; expected a first line"),
    ],
)
def test_a_wrong_csv_file_is_refused(tmp_path, text, message):
    path = tmp_path / "tape.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_distances(path)
    assert str(caught.value).startswith(str(path))


def test_files_that_cannot_be_read_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="absent.json: there is no such file"):
        load_distances(tmp_path / "absent.json")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="folder.csv: cannot be read"):
        load_distances(tmp_path / "folder.csv")
    for name in ("tape.csv", "tape.json"):
        (tmp_path / name).write_bytes("x,y,distance_m\n1,2,3\n".encode("utf-16"))
        with pytest.raises(InputError, match=f"{name}: is no text in UTF-8; save it as that; exp"):
            load_distances(tmp_path / name)


# The document


def test_the_page_s_files_and_code_are_understood(tmp_path):
    page = Path(__file__).resolve().parent.parent / "docs" / "known_distances.md"
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S))
    expected = (
        KnownDistance(320, 240, distance_m=2.4),
        KnownDistance(1510, 880, depth_m=0.92, relative_error=0.01),
    )
    for suffix in ("json", "csv"):
        path = tmp_path / f"tape.{suffix}"
        path.write_text(blocks[suffix], "utf-8")
        assert load_distances(path) == expected
    names: dict[str, object] = {}
    exec(compile(blocks["python"], str(page), "exec"), names)
    assert names["distances"] == (
        expected[0],
        KnownDistance(1200, 300, distance_m=3.1),
        KnownDistance(40, 700, distance_m=4.2, relative_error=0.05),
        expected[1],
    )

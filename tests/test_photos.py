"""Loading and reducing photos."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base

from mfh.errors import CameraError, InputError
from mfh.photos import find_photos, load_photo, resize_photo, safe_name
from mfh.records import Intrinsics, Photo

H, W = 48, 64


@pytest.fixture
def pixels() -> np.ndarray:
    """Smooth colours, none alike in two corners or two channels."""
    y, x = np.mgrid[0:H, 0:W]
    return np.stack([x * 255 // (W - 1), y * 255 // (H - 1), 128 - x], axis=-1).astype(np.uint8)


def exif(orientation: int = 1, **tags: float) -> Image.Exif:
    record = Image.Exif()
    record[Base.Orientation] = orientation
    record[IFD.Exif] = {Base[name]: value for name, value in tags.items()}
    return record


def test_exif_gives_the_camera(tmp_path, pixels):
    tags = exif(6, FocalLengthIn35mmFilm=26)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", exif=tags)
    camera = load_photo(tmp_path / "photo.jpg").camera
    assert (camera.height, camera.width) == (W, H)
    assert camera.fx == pytest.approx(26 * math.hypot(H, W) / math.hypot(36, 24))
    assert (camera.source, camera.note) == ("exif", "FocalLengthIn35mmFilm 26 mm")


def test_exif_gives_focal_lengths_of_both_axes(tmp_path, pixels):
    tags = exif(
        6,
        FocalLength=50.0,
        FocalPlaneXResolution=100.0,
        FocalPlaneYResolution=104.0,
        FocalPlaneResolutionUnit=3,
        ExifImageWidth=10 * W,
        ExifImageHeight=10 * H,
    )
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", exif=tags)
    camera = load_photo(tmp_path / "photo.jpg").camera
    # 500 px at capture along the stored rows, which now run downwards; a tenth of the size.
    assert (camera.fx, camera.fy) == pytest.approx((52, 50))


def test_without_exif_a_camera_is_assumed_and_says_why(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    camera = load_photo(tmp_path / "photo.png").camera
    assert camera.source == "assumed"
    assert camera.note.endswith("(28 mm lens); EXIF: the photo has none")


def test_broken_exif_does_not_cost_the_photo(tmp_path, pixels):
    def jpeg(tags: bytes) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", exif=tags)
        return file.getvalue()

    good = exif(6, FocalLengthIn35mmFilm=26, FocalLength=4.25).tobytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(good)
        for position in random.integers(6, len(good), 4):
            broken[position] = random.integers(256)
        path = tmp_path / "photo.jpg"
        path.write_bytes(jpeg(bytes(broken)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert load_photo(path).camera.source in ("exif", "assumed")


def test_given_intrinsics_go_before_exif(tmp_path, pixels):
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).save(path, exif=exif(1, FocalLengthIn35mmFilm=26))
    K = [[50, 0, 30], [0, 52, 26], [0, 0, 1]]
    (tmp_path / "K.json").write_text(json.dumps({"K": K, "width": 640, "height": 480}))
    assert load_photo(path, K).camera.matrix.tolist() == K
    assert load_photo(path, tmp_path / "K.json").camera.fx == pytest.approx(5)
    assert load_photo(path, Intrinsics(50, 52, 30, 26, H, W)).camera.fy == 52
    by_fov = load_photo(path, fov_deg=90).camera
    assert (by_fov.fx, by_fov.source) == (pytest.approx(W / 2), "field of view")


def test_the_photos_file_name_picks_its_camera(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "b.png")
    frames = [
        {"file_path": f"images/{name}.png", "fl_x": f_px, "w": W, "h": H}
        for name, f_px in (("a", 50), ("b", 60))
    ]
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": frames}))
    assert load_photo(tmp_path / "b.png", tmp_path / "transforms.json").camera.fx == 60
    with Image.open(tmp_path / "b.png") as picture:
        assert load_photo(picture, tmp_path / "transforms.json").camera.fx == 60
    with pytest.raises(CameraError, match="no file name to pick one by"):
        load_photo(pixels, tmp_path / "transforms.json")


def test_intrinsics_and_field_of_view_exclude_each_other(pixels):
    with pytest.raises(InputError, match="both given; give one of them"):
        load_photo(pixels, np.eye(3), fov_deg=60)


def test_intrinsics_of_the_photo_before_it_is_turned_are_refused(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", exif=exif(6))
    with pytest.raises(CameraError, match="before its EXIF orientation was applied"):
        load_photo(tmp_path / "photo.jpg", Intrinsics(50, 50, 32, 24, H, W))


@pytest.mark.slow
def test_a_large_photo_takes_little_memory(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / "photo.jpg"
    Image.linear_gradient("L").resize((8064, 6048)).convert("RGB").save(path)
    program = (
        "import sys\n"
        "from peak_memory import peak_bytes\n"
        "from mfh.photos import find_photos, load_photo, resize_photo\n"
        "before = peak_bytes()\n"
        "photo = load_photo(sys.argv[1])\n"
        "assert photo.shape == (6048, 8064)\n"
        "assert resize_photo(photo, 480).shape == (480, 640)\n"
        "print(peak_bytes() - before)\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(path)],
        cwd=Path(__file__).parent,
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(result.stdout) / 2**30 < 0.7  # GiB; as float32 they would take 0.55 more


def test_reducing_keeps_a_point_on_its_spot():
    # A blurred dot around a planted point: its centre of mass is where the camera projects it.
    camera = Intrinsics(700.0, 760.0, 400.0, 250.0, 600, 901)
    point_m = np.array([0.25, 0.4, 3.0])
    x, y, w = camera.matrix @ point_m
    ys, xs = np.mgrid[0:600, 0:901] + 0.5
    dot = np.exp(-((xs - x / w) ** 2 + (ys - y / w) ** 2) / (2 * 30**2))
    image = np.repeat(np.round(dot[..., None] * 255).astype(np.uint8), 3, axis=-1)
    photo = Photo(image, camera, "dot")
    for short_side_px in (480, 200, 77):
        small = resize_photo(photo, short_side_px)
        assert min(small.shape) == short_side_px
        u, v, w = small.camera.matrix @ point_m
        mass = small.image[..., 0].astype(float)
        rows, columns = np.mgrid[0 : small.shape[0], 0 : small.shape[1]] + 0.5
        centre = np.array([(mass * columns).sum(), (mass * rows).sum()]) / mass.sum()
        assert centre == pytest.approx([u / w, v / w], abs=0.02)
        assert small.name == "dot"


@pytest.mark.parametrize(
    ("size", "short_side_px", "expected"),
    [
        ((3024, 4032), 480, (480, 640)),
        ((4032, 3024), 480, (640, 480)),
        ((427, 640), 384, (384, 576)),
        ((375, 1242), 64, (64, 212)),
    ],
)
def test_reducing_keeps_the_aspect(size, short_side_px, expected):
    camera = Intrinsics(1000, 1100, size[1] / 2, size[0] / 2, *size, source="exif", note="tags")
    small = resize_photo(Photo(np.zeros((*size, 3), np.uint8), camera), short_side_px)
    assert small.shape == expected
    assert small.camera.fx == pytest.approx(1000 * expected[1] / size[1])
    assert small.camera.fy == pytest.approx(1100 * expected[0] / size[0])
    assert (small.camera.source, small.camera.note) == ("exif", "tags")


def test_reducing_does_not_alias():
    # Lines of one pixel become an even grey, not a beat.
    stripes = np.zeros((512, 768, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize_photo(load_photo(stripes), 100)
    assert np.abs(small.image[5:-5, 5:-5].astype(int) - 127).max() <= 3


def test_nothing_is_enlarged(pixels):
    photo = load_photo(pixels)
    assert resize_photo(photo, H) is photo
    assert resize_photo(photo, 480) is photo
    assert resize_photo(photo, 0) is photo
    with pytest.raises(InputError, match="short side of 8 px: accepted are 32 px and more, or 0"):
        resize_photo(photo, 8)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("DSC_0634", "DSC_0634"),
        ("Straße 東京 (2)", "Straße 東京 _2_"),
        ("a/b\\c:d*?", "a_b_c_d__"),
        ("..hidden. ", "hidden"),
        ("../../etc", "_.._etc"),
        ("con", "_con"),
        ("NUL.front", "_NUL.front"),
        ("console", "console"),
        ("", "photo"),
        ("...", "photo"),
        ("x" * 300, "x" * 100),
    ],
)
def test_names_are_safe_for_folders(tmp_path, text, name):
    assert safe_name(text) == name
    (tmp_path / name).mkdir()


def test_a_given_name_goes_before_the_files(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    assert load_photo(tmp_path / "photo.png", name="living room").name == "living room"
    with Image.open(tmp_path / "photo.png") as picture:
        assert load_photo(picture).name == "photo"
        assert load_photo(picture.copy(), name="a/b").name == "a_b"


NYU = [[518.8579, 0, 325.58245], [0, 519.46961, 253.73617], [0, 0, 1]]
KITTI = [[707.0493, 0, 604.0814], [0, 707.0493, 180.5066], [0, 0, 1]]


@pytest.mark.parametrize(
    ("name", "K", "size"),
    [
        ("nyu/rgb_00000.jpg", NYU, (480, 640)),
        ("nyu/living_room_rgb.png", NYU, (480, 640)),
        ("kitti/rgb_0000000005.png", KITTI, (375, 1242)),
    ],
)
def test_real_photos_with_their_cameras(shared: Path, name, K, size):
    photo = load_photo(shared / "data" / name, K)
    assert photo.shape == size
    assert photo.camera.matrix.tolist() == K
    assert 20 < photo.image.mean() < 235
    small = resize_photo(photo, 192)
    assert small.camera.horizontal_fov_deg == pytest.approx(photo.camera.horizontal_fov_deg)


def test_real_photos_with_cameras_from_a_table(shared: Path, tmp_path):
    lines = (shared / "data/ibims1/labels.jsonl").read_text().splitlines()
    assert len(lines) == 30
    for line in lines:
        label = json.loads(line)
        fx, fy, cx, cy, width, height = label["intrinsics"]
        calibration = tmp_path / "calib.txt"
        calibration.write_text(f"{fx},{fy},{cx},{cy}\n")
        path = next((shared / "data/ibims1/rgb").glob(Path(label["image"]).name))
        photo = load_photo(path, calibration)
        assert photo.shape == (height, width)
        assert photo.camera.fx == fx


@pytest.mark.parametrize("name", ["people/pexels.jpg", "people/skates.png"])
def test_real_photos_without_cameras(shared: Path, name):
    photo = load_photo(shared / "data" / name)
    assert photo.camera.source == "assumed"
    assert photo.camera.horizontal_fov_deg == pytest.approx(60, abs=15)


def test_a_panorama_is_reduced_to_four_squares_of_the_short_side() -> None:
    image = np.zeros((300, 6000, 3), np.uint8)
    camera = Intrinsics(900, 900, 3000, 150, 300, 6000)
    reduced = resize_photo(Photo(image, camera), 240)
    assert reduced.shape[0] * reduced.shape[1] == pytest.approx(4 * 240**2, rel=0.01)
    assert reduced.camera.fx == pytest.approx(900 * reduced.shape[1] / 6000)
    wide = Photo(image[:, :1200], Intrinsics(900, 900, 600, 150, 300, 1200))
    assert resize_photo(wide, 300) is wide


def test_folders_and_patterns_stand_for_their_photos(tmp_path):
    for name in ("b.jpg", "a.PNG", "c.txt", "d.webp", "._b.jpg"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner").mkdir()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "inner" / "e.jpeg").write_bytes(b"")
    absent = tmp_path / "absent.jpg"

    def names(*paths):
        return [path.name for path in find_photos(paths)]

    assert names(tmp_path) == ["a.PNG", "b.jpg", "d.webp"]
    assert names(tmp_path / "*.jpg") == ["b.jpg"]
    assert names(tmp_path / "**" / "*.jp*g") == ["b.jpg", "e.jpeg"]
    assert names(absent, tmp_path / "d.webp", tmp_path) == [
        *("absent.jpg", "d.webp", "a.PNG", "b.jpg")
    ]
    odd = tmp_path / "photo [1].jpg"
    odd.write_bytes(b"")
    assert names(odd) == ["photo [1].jpg"], "a file is what it is called"
    for nothing in (tmp_path / "*.tif", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=r"no photo there; supported: JPEG, PNG"):
            find_photos([nothing])

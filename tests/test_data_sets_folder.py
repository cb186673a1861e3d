"""Photos with depth maps, listed in an index file or matched by their names."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mfh.datasets.folder import Folder
from mfh.errors import InputError, SettingsError

HEIGHT, WIDTH = 48, 64


def write_photo(path: Path, height: int = HEIGHT, width: int = WIDTH) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.arange(height * width * 3).reshape(height, width, 3) % 251
    Image.fromarray(values.astype(np.uint8)).save(path)
    return path


def write_millimetres(path: Path, depth_mm: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(depth_mm.astype(np.uint16)).save(path)
    return path


def ramp_mm(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return 1000 + np.arange(height * width).reshape(height, width)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write_photo(tmp_path / "photos" / f"{name}.png")
        write_millimetres(tmp_path / "truth" / f"{name}.png", ramp_mm())
    return tmp_path


def index(root: Path, text: str, name: str = "index.csv") -> Folder:
    (root / name).write_bytes(text.encode("utf-8"))
    return Folder(root)


PAIR = "photos/a.png,truth/a.png"


def test_photos_truth_and_every_way_to_give_a_camera(root):
    (root / "k.json").write_text('{"fx": 70, "fy": 71, "cx": 31, "cy": 23}')
    for name in "cde":
        write_photo(root / "photos" / f"{name}.png")
        write_millimetres(root / "truth" / f"{name}.png", ramp_mm())
    data = index(
        root,
        "photo,depth,camera,fx,fy,cx,cy,fov_deg\n"
        "photos/a.png,truth/a.png,k.json,,,,,\n"
        "photos/b.png,truth/b.png,,80,81,30,25,\n"
        "photos/c.png,truth/c.png,,,,,,90\n"
        "photos/d.png,truth/d.png,,,,,,\n",
    )
    samples = data.samples()
    assert [sample.name for sample in samples] == ["photos/a", "photos/b", "photos/c", "photos/d"]
    cameras = [data.photo(sample).camera for sample in samples]
    assert [(c.fx, c.fy, c.cx, c.cy) for c in cameras[:3]] == [
        (70, 71, 31, 23),
        (80, 81, 30, 25),
        # 90 degrees across 64 px: f = 32 px.
        (pytest.approx(32), pytest.approx(32), 32, 24),
    ]
    assert [camera.source for camera in cameras] == ["given", "given", "field of view", "assumed"]
    truth = data.truth(samples[0])
    assert truth.dtype == np.float32
    assert truth[0, 0] == 1 and truth[1, 2] == pytest.approx(1.066)
    assert data.photo(samples[0]).shape == truth.shape
    assert (data.protocol.max_m, data.protocol.min_m, data.protocol.crop) == (80, 1e-3, "none")


def test_excel_writes_a_mark_semicolons_and_decimal_commas(root):
    data = index(
        root,
        "\ufeffphoto;depth;FX;fy;cx;cy;depth_scale\r\n"
        "photos\\a.png;truth\\a.png;80,5;81;30;25;0,01\r\n"
        ";;;;;;\r\n",
    )
    (sample,) = data.samples()
    assert data.photo(sample).camera.fx == 80.5
    assert data.truth(sample)[0, 0] == pytest.approx(10)


def test_json_lines_with_a_matrix_and_names(root):
    matrix = [[80, 0, 30], [0, 81, 25], [0, 0, 1]]
    line = {"photo": "photos/a.png", "depth": "truth/a.png", "camera": matrix, "name": "s 1/v.2"}
    data = index(root, json.dumps(line) + "\n\n", "index.jsonl")
    (sample,) = data.samples()
    assert sample.name == "s_1/v.2"
    assert data.photo(sample).camera.fy == 81
    assert pickle.loads(pickle.dumps(data)) == data


def test_an_index_of_any_name_is_given_itself(root):
    index(root, f"photo,depth\n{PAIR}\n", "mine.CSV")
    data = Folder(root / "mine.CSV")
    assert data.check().found == 1
    assert data.truth(data.samples()[0]).shape == (HEIGHT, WIDTH)


def test_depth_scale_and_camera_of_all_photos_give_way_to_those_of_a_line(root):
    (root / "k.json").write_text('{"fx": 70, "fy": 71, "cx": 31, "cy": 23}')
    index(
        root,
        f"photo,depth,depth_scale,fov_deg\n{PAIR},kitti,90\nphotos/b.png,truth/b.png,,\n",
    )
    data = Folder(root, depth_scale="0.1", camera="k.json")
    first, second = data.samples()
    assert data.truth(first)[0, 0] == pytest.approx(1000 / 256)
    assert data.truth(second)[0, 0] == pytest.approx(100)
    assert data.photo(first).camera.source == "field of view"
    assert data.photo(second).camera.fx == 70


def test_masked_and_unknown_depth_is_nan(root):
    depth = ramp_mm()
    depth[0, 0] = 0
    write_millimetres(root / "truth" / "a.png", depth)
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[:, :32] = 0
    Image.fromarray(mask).save(root / "mask.png")
    colours = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    colours[..., 3], colours[..., 0] = 255, mask
    Image.fromarray(colours).save(root / "colours.png")
    np.save(root / "mask.npy", mask > 0)
    # A mask of twice the size.
    np.savez(root / "mask.npz", mask=np.kron(mask, np.ones((2, 2))))
    for name in ("mask.png", "mask.npy", "mask.npz", "colours.png"):
        data = index(root, f"photo,depth,mask\n{PAIR},{name}\n")
        known = np.isfinite(data.truth(data.samples()[0]))
        assert not known[:, :32].any() and known[:, 32:].all(), name
    data = index(root, f"photo,depth\n{PAIR}\n")
    assert np.argwhere(np.isnan(data.truth(data.samples()[0]))).tolist() == [[0, 0]]


def test_a_map_keeps_its_size(root):
    np.save(root / "large.npy", np.full((2 * HEIGHT, 2 * WIDTH, 1), 2, np.float32))
    np.save(root / "small.npy", np.full((HEIGHT // 2, WIDTH // 2), 3, np.float32))
    np.save(root / "turned.npy", np.full((WIDTH, HEIGHT), 3, np.float32))
    data = index(
        root,
        "photo,depth,name\n"
        + "".join(f"photos/a.png,{n}.npy,{n}\n" for n in ("large", "small", "turned")),
    )
    large, small, turned = data.samples()
    assert data.truth(large).shape == (2 * HEIGHT, 2 * WIDTH)
    assert data.truth(small).shape == (HEIGHT // 2, WIDTH // 2)
    with pytest.raises(InputError, match=r"index.csv, line 4: .*turned.npy: 48 x 64 px, but the"):
        data.truth(turned)


def test_truth_is_not_taken_from_pictures_of_depth(root):
    write_photo(root / "truth" / "a.png")
    data = index(root, f"photo,depth\n{PAIR}\n")
    with pytest.raises(InputError, match="line 2: .*a.png: the PNG is in colours"):
        data.truth(data.samples()[0])


def test_photos_and_depth_of_the_same_names_need_no_index(tmp_path):
    for name in ("x_2", "x_10"):
        write_photo(tmp_path / "images" / f"{name}.jpg")
    write_millimetres(tmp_path / "depth" / "x_10.png", ramp_mm())
    data = Folder(tmp_path, depth_scale="mm")
    assert [sample.name for sample in data.samples()] == ["x_10", "x_2"]
    assert data.truth(data.samples()[0])[0, 0] == 1
    checked = data.check()
    assert (checked.found, checked.expected) == (1, 2)
    assert set(checked.missing) == {"x_2"}
    assert "  missing: depth/x_2.png" in checked.lines
    with pytest.raises(InputError, match="x_2.png: there is no such file"):
        data.truth(data.samples()[1])


def test_depth_without_photos_is_enough_to_score_on(tmp_path):
    for name in ("x_1", "x_2"):
        write_photo(tmp_path / "images" / f"{name}.jpg")
        write_millimetres(tmp_path / "depth" / f"{name}.png", ramp_mm())
    whole = Folder(tmp_path, depth_scale="mm").samples()
    (tmp_path / "images" / "x_1.jpg").unlink()
    for photos in ("some", "none", "no folder"):
        if photos == "none":
            (tmp_path / "images" / "x_2.jpg").unlink()
        if photos == "no folder":
            (tmp_path / "images").rmdir()
        data = Folder(tmp_path, depth_scale="mm")
        samples = data.samples()
        assert [sample.name for sample in samples] == [sample.name for sample in whole]
        for sample in samples:
            np.testing.assert_allclose(data.truth(sample), ramp_mm() / 1000, rtol=1e-6)
        assert data.check().found == (1 if photos == "some" else 0)
    index(tmp_path, "photo,depth,depth_scale\nimages/x_1.jpg,depth/x_1.png,mm\n")
    data = Folder(tmp_path)
    assert data.truth(data.samples()[0]).shape == (HEIGHT, WIDTH)


def test_what_a_line_states_is_known_apart_from_where_it_stands(root):
    def stated(text):
        return index(root, text).samples()[-1].stated

    first = stated(f"photo,depth,fov_deg,depth_scale\n{PAIR},60,mm\n")
    assert first
    other = "photos/b.png,truth/b.png"
    assert stated(f"depth_scale,fov_deg,photo,depth\nmm,1,{other}\nmm,60.0,{PAIR}\n") == first
    assert stated(f"photo,depth,fov_deg,depth_scale\n{PAIR},61,mm\n") != first
    assert stated(f"photo,depth,fov_deg,depth_scale\n{PAIR},60,kitti\n") != first
    assert stated(f"photo,depth,camera\n{PAIR},k.json\n") == ""  # a file of its own


def test_what_is_missing_is_counted_and_the_rest_goes_on(root):
    rows = "".join(f"photos/{i}.png,truth/a.png,\n" for i in range(8))
    data = index(root, f"photo,depth,camera\n{PAIR},\n{rows}photos/b.png,truth/b.png,k.txt\n")
    checked = data.check()
    assert (checked.found, checked.expected) == (1, 10)
    assert checked.lines[0] == "layout: listed in index.csv"
    assert checked.lines[1].startswith("1 of 10 photos are there")
    assert "9 of 10 photos have no camera" in checked.lines[2]
    assert checked.lines[3] == "  missing: photos/0.png"
    assert checked.lines[-1] == "  and 4 more"
    assert checked.missing["photos/b"] == str(root / "k.txt")
    assert data.truth(data.samples()[0]).shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected the columns' names"),
        ("photo,depth\n", "holds no photo"),
        ("photo\nphotos/a.png\n", "line 2: depth missing; expected photo, depth, camera"),
        (f"photo,depth,fov\n{PAIR},90\n", "unknown column 'fov'; did you mean 'fov_deg'"),
        (f"photo,depth,photo\n{PAIR},x\n", "names column 'photo' twice"),
        ("photo,depth\nphotos/a.png\n", "line 2: 1 cells for the 2 columns"),
        ("photo,depth\nphotos/a.png,\n", "line 2: depth missing"),
        (f"photo,depth\n{PAIR}\n\nphotos/A.png,t\n", r"line 4: 'photos/A' is there already .*ne 2"),
        (f'photo,depth\n"{PAIR}\n', "not readable as CSV"),
        (f"photo,depth,fx\n{PAIR},500\n", "line 2: gives fx without fy, cx, cy"),
        (f"photo,depth,camera,fov_deg\n{PAIR},k.json,60\n", "line 2: gives its camera twice"),
        (f"photo,depth,fov_deg\n{PAIR},60 deg\n", "line 2: fov_deg is '60 deg'; it must be a numb"),
        (f"photo,depth,fov_deg\n{PAIR},nan\n", "line 2: fov_deg is 'nan'"),
        (f"photo,depth,fov_deg\n{PAIR},6_0\n", "line 2: fov_deg is '6_0'"),
    ],
)
def test_indexes_that_cannot_be_understood(root, text, message):
    with pytest.raises(InputError, match=message) as raised:
        index(root, text).samples()
    assert str(root / "index.csv") in str(raised.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not readable as JSON"),
        ("[1, 2]", "line 1: holds no JSON object"),
        ("[" * 100_000, "line 1: not readable as JSON"),
        ('{"photo": "photos/a.png", "depth": ""}', "line 1: depth missing"),
        ('{"photo": 3, "depth": "truth/a.png"}', "line 1: photo is 3; it must be a text"),
        (
            '{"photo": "photos/a.png", "depth": "truth/a.png", "depth_scale": []}',
            r"line 1: depth_scale is \[\]; it must be a number",
        ),
    ],
)
def test_json_lines_that_cannot_be_understood(root, line, message):
    with pytest.raises(InputError, match=message):
        index(root, line + "\n", "index.jsonl").samples()


def test_values_that_turn_out_wrong_name_their_line(root):
    data = index(
        root,
        "photo,depth,depth_scale,fov_deg,name\n"
        f"{PAIR},inch,200,1\n"
        "photos/none.png,truth/none.png,,,2\n",
    )
    first, second = data.samples()
    with pytest.raises(InputError, match="line 2: field of view is 200 degrees"):
        data.photo(first)
    with pytest.raises(InputError, match="line 2: depth scale 'inch'; accepted: mm, kitti"):
        data.truth(first)
    with pytest.raises(InputError, match="line 3: .*none.png: there is no such file"):
        data.photo(second)


def test_folders_that_hold_nothing_to_evaluate_on(tmp_path):
    with pytest.raises(InputError, match="holds no photos with depth maps; expected index.csv"):
        Folder(tmp_path).samples()
    write_photo(tmp_path / "rgb" / "rgb_1.png")
    (tmp_path / "depth").mkdir()
    with pytest.raises(InputError, match="holds no depth maps"):
        Folder(tmp_path).samples()
    write_millimetres(tmp_path / "depth" / "depth_1.png", ramp_mm())
    with pytest.raises(InputError, match=r"rgb/ \(rgb_1.png, ...\) has a depth map of its name"):
        Folder(tmp_path).samples()
    np.save(tmp_path / "depth" / "depth_1.npy", ramp_mm())
    with pytest.raises(InputError, match=r"depth_1.npy and depth_1.png in depth/ have one name"):
        Folder(tmp_path).samples()


def test_two_indexes_and_files_that_are_none(root):
    index(root, f"photo,depth\n{PAIR}\n")
    data = index(root, "", "index.jsonl")
    with pytest.raises(InputError, match="holds index.csv and index.jsonl; give the path"):
        data.samples()
    with pytest.raises(InputError, match=r"a.png: is no index file \(.csv, .jsonl\)"):
        Folder(root / "photos" / "a.png").samples()
    (root / "index.jsonl").unlink()
    (root / "index.csv").write_bytes("photo,depth\nphotos/\xe4.png,x\n".encode("cp1252"))
    with pytest.raises(InputError, match="is no text in UTF-8"):
        Folder(root).samples()


@pytest.mark.parametrize(
    "options",
    [{"max_m": 0.0}, {"max_m": float("nan")}, {"max_m": float("inf")}, {"min_m": -1.0}],
)
def test_ranges_that_are_none(tmp_path, options):
    with pytest.raises(SettingsError, match="0 <= min_m < max_m"):
        Folder(tmp_path, **options)


def test_unknown_crops(tmp_path):
    with pytest.raises(SettingsError, match="crop 'kb'; accepted: none, eigen, eigen-kitti, garg"):
        Folder(tmp_path, crop="kb")


def test_real_photos_in_a_folder(shared, tmp_path):
    data = shared / "data"
    (tmp_path / "index.csv").write_text(
        "photo,depth,fx,fy,cx,cy,depth_scale,name\n"
        f"{data / 'nyu' / 'rgb_00000.jpg'},{data / 'nyu' / 'sync_depth_00000.png'},"
        "518.8579,519.46961,325.58245,253.73617,mm,nyu\n"
        f"{data / 'kitti' / 'rgb_0000000005.png'},{data / 'kitti' / 'depth_0000000005.png'},"
        "707.0493,707.0493,604.0814,180.5066,,kitti\n"
    )
    folder = Folder(tmp_path)
    nyu, kitti = folder.samples()
    stored = np.asarray(Image.open(nyu.truth))
    truth = folder.truth(nyu)
    assert truth.shape == folder.photo(nyu).shape == (480, 640)
    assert truth[240, 320] == pytest.approx(stored[240, 320] / 1000)
    assert np.array_equal(np.isnan(truth), stored == 0)
    stored = np.asarray(Image.open(kitti.truth))
    truth = folder.truth(kitti)
    assert truth.shape == folder.photo(kitti).shape == (375, 1242)
    assert np.nanmax(truth) == pytest.approx(stored.max() / 256)
    assert folder.photo(kitti).camera.cx == 604.0814

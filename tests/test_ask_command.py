"""`mfh ask` and `mfh.ask`: points asked about, tables, files, and the way on to `mfh predict`."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from commands import run_here
from PIL import Image
from tiny_vlm import tiny_pixtral

import mfh
from mfh.errors import InputError, MissingPartError, SettingsError
from mfh.estimators.depthlm import api, loading
from mfh.estimators.depthlm.answers import parse_answer
from mfh.estimators.depthlm.asked_files import load_points, write_asked
from mfh.estimators.depthlm.asking import Asked, AskedMotion, ask_points, ray_length
from mfh.estimators.depthlm.canonical import canonical_view
from mfh.estimators.depthlm.marker import with_arrows
from mfh.estimators.spec import model_identity
from mfh.estimators.specs import estimator_spec
from mfh.known_distances import load_distances
from mfh.records import Intrinsics
from mfh.results import read_depth_npz
from mfh.simulation.answerer import SimulatedAnswerer
from mfh.simulation.rooms import random_scene

HEIGHT, WIDTH = 120, 160
K = {"fx": 150.0, "fy": 140.0, "cx": 70.0, "cy": 65.0}
CAMERA = Intrinsics(**K, height=HEIGHT, width=WIDTH)
POINTS = [(20, 30), (80.5, 60), (150, 110), (40, 100), (130, 20), (75, 12)]


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A folder with a photo, its camera, and a disparity map of which the metric is known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    image = np.random.default_rng(0).integers(0, 200, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(image).save("photo.png")
    Path("K.json").write_text(json.dumps(K))
    np.save("disparity.npy", disparity())
    return tmp_path


def disparity() -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return (1 + 4 * rows / HEIGHT + 2 * columns / WIDTH).astype(np.float32)


def depth() -> np.ndarray:
    """Depth in metres of which the disparity map above lacks a scale and an offset."""
    return 1 / (0.06 * disparity() + 0.03)


class Says:
    """Says the same texts in turn."""

    name, device, fingerprint, focal_px = "says", "", {}, 150.0

    def __init__(self, *texts):
        self.texts = texts
        self.questions = []

    def answer(self, questions, progress=None):
        first = len(self.questions)
        self.questions += questions
        return [self.texts[(first + i) % len(self.texts)] for i in range(len(questions))]


def answered_by(monkeypatch, answerer):
    opened = []

    def open_model(model, settings=None, store=None):
        opened.append((model, settings))
        return answerer

    monkeypatch.setattr(loading, "open_model", open_model)
    return opened


def simulated(**errors):
    photo = mfh.load_photo("photo.png", "K.json")
    return SimulatedAnswerer(photo, depth(), focal_px=150.0, **errors)


def test_answers_are_shown_with_their_depth_and_refusals_with_the_reason(
    given, monkeypatch, capsys
):
    says = Says("<answer> 2.50 </answer>", "I cannot tell.")
    opened = answered_by(monkeypatch, says)
    status, printed = run_here(capsys, "ask", "photo.png", "20,30", "80.5, 60", "-k", "K.json")
    assert status == 0, printed
    assert opened[0][0] == "facebook/DepthLM"
    first, second = (line for line in printed.splitlines() if line[:4] in ("20, ", "80.5"))
    z_m = 2.5 / ray_length(CAMERA, 20, 30)
    assert first.split() == ["20,", "30", "2.50", f"{z_m:.2f}", "<answer>", "2.50", "</answer>"]
    assert "no answer: the model declines to say; it said: I cannot tell." in second
    assert "note:" not in printed


def test_what_a_model_says_does_not_steer_the_terminal(given, monkeypatch, capsys):
    answered_by(monkeypatch, Says("\x1b[2J<answer> 2.50 </answer>\r\x07 [/]"))
    status, printed = run_here(capsys, "ask", "photo.png", "20,30", "-k", "K.json")
    assert status == 0, printed
    assert "[2J<answer> 2.50 </answer> [/]" in printed
    assert printed.replace("\n", "").isprintable()


def test_where_nothing_can_be_written_nothing_is_asked(given, monkeypatch, capsys):
    says = Says("<answer> 2.50 </answer>")
    answered_by(monkeypatch, says)
    Path("file").touch()
    Path("asked.json").mkdir()
    for words, message in (
        (("--out", "file/asked.json"), "cannot make folder file"),
        (("--out", "asked.json"), "cannot write asked.json: is a directory"),
        (("--marked", "file"), "cannot make folder file"),
    ):
        status, printed = run_here(capsys, "ask", "photo.png", "20,30", "-k", "K.json", *words)
        assert (status, message in printed) == (1, True), printed
    assert not says.questions
    status, printed = run_here(capsys, "ask", "photo.png", "20,30", "--out", "new/asked.json")
    assert status == 0 and "1 distance in new/asked.json" in printed
    assert [path.name for path in Path("new").iterdir()] == ["asked.json"]


def test_interrupted_asking_has_kept_nothing(given, monkeypatch, capsys):
    class Interrupted(Says):
        def answer(self, questions, progress=None):
            raise KeyboardInterrupt

    answered_by(monkeypatch, Interrupted())
    status, printed = run_here(capsys, "ask", "photo.png", "20,30", "-k", "K.json")
    assert status == 130
    assert "the same command asks everything again, as nothing was kept" in printed


def test_nothing_answered_is_a_failure_and_writes_no_file(given, monkeypatch, capsys):
    answered_by(monkeypatch, Says("I cannot tell."))
    status, printed = run_here(capsys, "ask", "photo.png", "20,30", "--out", "asked.json")
    assert status == 1 and "no answer, so asked.json was not written" in printed
    assert "20, 30 \u2013 \u2013 no answer:" in " ".join(printed.split())
    assert not Path("asked.json").exists()
    status, printed = run_here(
        capsys, "ask", "photo.png", "20,30", "--task", "speed", "--seconds", 4
    )
    assert status == 1 and "20, 30 \u2013 no answer:" in " ".join(printed.split())
    assert "not written" not in printed
    assert "note: " in printed and "--intrinsics" in printed, "an assumed camera is warned of"


def test_the_other_tasks(given, monkeypatch, capsys):
    says = Says("<answer> 1.50 </answer>")
    answered_by(monkeypatch, says)
    camera = ("-k", "K.json")

    def asked(*words):
        status, printed = run_here(capsys, "ask", "photo.png", *words, *camera)
        assert status == 0, printed
        return printed

    assert "answer, m/s" in asked("20,30", "--task", "speed", "--seconds", 4)
    assert "4 seconds" in says.questions[-1].text
    assert "answer, s" in asked("20,30", "--task", "time", "--metres-per-second", 2)
    words = asked("20,30", "80,60", "--task", "two-points")
    assert "20, 30 to 80, 60" in words and "answer, m" in words
    words = asked("--task", "camera-motion", "--second-photo", "photo.png")
    assert "camera motion" in words and len(says.questions[-1].images) == 2
    assert "note:" not in words
    Image.new("RGB", (334, 138)).save("wide.png")
    noted = " ".join(asked("--task", "camera-motion", "--second-photo", "wide.png").split())
    assert "principal point is (70, 65), far from the photo's centre (167, 69)" in noted
    assert "160 x 120 and 334 x 138 px, which are hardly by the same camera" in noted
    printed = asked("20,30", "--task", "depth")
    distance_m = 1.5 * ray_length(CAMERA, 20, 30)
    (line,) = (each for each in printed.splitlines() if each.startswith("20, 30"))
    assert line.split()[2:4] == [f"{distance_m:.2f}", "1.50"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no point is given"),
        (("20;30",), "point '20;30': expected \"x,y\""),
        (("200,30",), "lies outside the photo of 160 x 120 px"),
        (("20,30", "-5,10"), "point (-5, 10) px lies outside the photo of 160 x 120 px"),
        (("-.5, -3", "-k", "K.json"), "point (-0.5, -3) px lies outside the photo"),
        (("20,30", "--task", "time"), "--task time needs --metres-per-second NUMBER"),
        (("20,30", "--seconds", 2), "--seconds is of --task speed alone"),
        (("20,30", "--task", "speed"), "--task speed needs --seconds NUMBER"),
        (("20,30", "--metres-per-second", 2), "is of --task time alone"),
        (("20,30", "--task", "two-points"), "two points: (20, 30) px has no second point"),
        (("20,30", "--task", "camera-motion"), "two photos and no points"),
        (("--task", "camera-motion"), "give a second photo with --second-photo (in Python"),
        (("20,30", "--second-photo", "photo.png"), "takes no second photo"),
        (("20,30", "--out", "asked.txt"), "written as .json or .csv"),
        (("2,3", "4,5", "--task", "two-points", "-o", "a.csv"), "--out writes known distances"),
        (("20,30", "--set", "depthlm.questions=3"), "mfh ask takes precision, depthlm.focal_px"),
        (("20,30", "--points", "nowhere.csv"), "nowhere.csv"),
        (("20,30", "--model", "nonsense"), "a model that answers questions is an id"),
        (("20,30", "--model", "nonsense"), "there are depthlm, qwen2-5-vl-3b, qwen2-5-vl-7b ("),
        (("20,30", "--model", "clipseg"), "clipseg is an estimator, not a vision language model"),
    ],
)
def test_what_cannot_be_asked_is_said(given, monkeypatch, capsys, words, message):
    if "--model" not in words:
        answered_by(monkeypatch, Says("1"))
    status, printed = run_here(capsys, "ask", "photo.png", *words)
    assert status == 1
    assert message in printed.replace("\n", " ")


def test_a_model_that_is_not_here_is_not_downloaded(given, monkeypatch, capsys):
    monkeypatch.setenv("MFH_MODELS", str(given / "models"))
    status, printed = run_here(capsys, "ask", "photo.png", "20,30", "-k", "K.json")
    assert status == 1
    assert "get it with: mfh models get depthlm (25.4 GB)" in printed
    status, printed = run_here(capsys, "ask", "photo.png", "200,30", "-k", "K.json")
    assert (status, "lies outside the photo" in printed) == (1, True), "told before the model"
    with pytest.raises(MissingPartError, match="mfh models get depthlm"):
        mfh.ask("photo.png", (20, 30), "K.json")
    assert not Path("models").exists()


@pytest.mark.parametrize("name", ["asked.json", "new/asked.csv"])
def test_what_was_said_gives_the_photo_metres(given, monkeypatch, capsys, name):
    """From asking to dense depth: a planted scale and offset come back, one nonsense apart."""
    answered_by(monkeypatch, simulated(relative_error=0.0, nonsense=0.0))
    texts = [f"{x},{y}" for x, y in POINTS]
    status, printed = run_here(capsys, "ask", "photo.png", *texts, "-k", "K.json", "--out", name)
    assert status == 0, printed
    assert "6 distances in" in printed
    distances = load_distances(name)
    assert [(each.x_px, each.y_px) for each in distances] == POINTS
    assert {each.kind for each in distances} == {"asked point"}
    assert {each.relative_error for each in distances} == {0.15}
    status, printed = run_here(
        capsys,
        *("predict", "photo.png", "-k", "K.json", "--landmark", name, "--out", "out"),
        *("--use", "disparity=disparity.npy", "--format", "npz"),
    )
    assert status == 0, printed
    result = read_depth_npz("out/depth.npz")
    np.testing.assert_allclose(result.depth_m, depth(), rtol=0.03)
    assert 0.03 < result.relative_error < 0.2


def test_answers_combine_with_a_distance_that_was_measured(given, monkeypatch, capsys):
    answered_by(monkeypatch, simulated(relative_error=0.3, nonsense=0.0, seed=3))
    texts = [f"{x},{y}" for x, y in POINTS]
    assert run_here(capsys, "ask", "photo.png", *texts, "-k", "K.json", "-o", "asked.csv")[0] == 0
    z_m = float(depth()[60, 80])
    measured = f"80.5,60.5={z_m * ray_length(CAMERA, 80.5, 60.5):.3f}"
    status, printed = run_here(
        capsys,
        *("predict", "photo.png", "-k", "K.json", "--landmark", "asked.csv", "-f", "npz"),
        *("--landmark", measured, "--use", "disparity=disparity.npy", "--out", "out"),
    )
    assert status == 0, printed
    assert "Known distances     one used" in printed and "Answers of a model  6 used" in printed
    result = read_depth_npz("out/depth.npz")
    assert result.depth_m[60, 80] == pytest.approx(z_m, rel=0.05)


def test_answers_and_people_measure_together(given, monkeypatch, capsys):
    photo, depth_m = random_scene(2, height=120, width=160)
    Image.fromarray(photo.image).save("photo.png")
    Path("K.json").write_text(json.dumps(photo.camera.matrix.tolist()))
    np.save("truth.npy", depth_m)
    loaded = mfh.load_photo("photo.png", "K.json")
    answered_by(monkeypatch, SimulatedAnswerer(loaded, depth_m, focal_px=100.0, nonsense=0))
    texts = [f"{x},{y}" for x, y in POINTS]
    assert run_here(capsys, "ask", "photo.png", *texts, "-k", "K.json", "-o", "a.json")[0] == 0
    status, printed = run_here(
        capsys,
        *("simulate", "photo.png", "--depth", "truth.npy", "-k", "K.json", "--landmark", "a.json"),
        *("--paint", "always", "-n", 6, "--target-error", 0, "--errors", "mild", "-f", "npz"),
        *("--out", "out"),
    )
    assert status == 0, printed
    counts = read_depth_npz("out/depth.npz").counts
    assert counts.points == counts.asked >= 5 and counts.people >= 2
    assert f"Answers of a model  {counts.asked} used" in printed
    assert "Known distances" not in printed


def test_files_hold_all_that_was_said(given):
    photo = mfh.load_photo("photo.png", "K.json")
    says = Says("<answer> 2.50 </answer>", "I cannot tell.", "2 to 8 m")
    asked = ask_points(photo, POINTS[:3], says)
    assert len(write_asked("a.json", asked, "says")) == 2
    content = json.loads(Path("a.json").read_text())
    assert content["model"] == "says" and len(content["landmarks"]) == 2
    assert [each["answer"]["text"] for each in content["asked"]] == list(says.texts)
    assert content["landmarks"][1]["relative_error"] > 0.3, "a range says how unsure it is"
    write_asked("a.csv", asked, "says")
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert rows[0] == {
        "x": "20.0",
        "y": "30.0",
        "distance_m": "2.5",
        "relative_error": "0.15",
        "kind": "asked point",
    }
    assert load_distances("a.csv") == load_distances("a.json")
    none = [Asked(1, 2, "distance", parse_answer("?", "m"))]
    with pytest.raises(InputError, match="no answer holds a distance"):
        write_asked("b.json", none, "says")
    with pytest.raises(InputError, match=r"\.json or \.csv"):
        write_asked("b.txt", asked, "says")


def test_marked_views_are_what_the_model_sees(given, monkeypatch, capsys):
    says = Says("1.5")
    answered_by(monkeypatch, says)
    words = ("ask", "photo.png", "20,30", "1,2", "-k", "K.json", "--marked", "seen")
    status, printed = run_here(capsys, *words)
    assert status == 0, printed
    view = canonical_view(mfh.load_photo("photo.png", "K.json"), 150.0)
    for number, point in (("01", (20, 30)), ("02", (1, 2))):
        image = np.asarray(Image.open(f"seen/photo_{number}.png"))
        np.testing.assert_array_equal(image, with_arrows(view.image, [view.point(*point)]))
    run_here(
        capsys,
        *("ask", "photo.png", "--task", "camera-motion", "--second-photo", "photo.png"),
        *("--marked", "moved"),
    )
    assert sorted(p.name for p in Path("moved").iterdir()) == ["photo_01_a.png", "photo_01_b.png"]


def test_points_come_as_people_have_them(given):
    Path("a.csv").write_text("X;y;note\n20,5;30;here\n1;2;\n")
    Path("b.json").write_text('[[20.5, 30], {"x": 1, "y": 2}]')
    Path("c.json").write_text('{"landmarks": [{"x": 20.5, "y": 30, "distance_m": 3}]}')
    both = ((20.5, 30.0), (1.0, 2.0))
    assert load_points("a.csv") == load_points(Path("b.json")) == both
    assert load_points(["c.json", "1,2"]) == both
    assert load_points(np.array(both)) == load_points(both) == load_points(["20.5, 30", (1, 2)])
    assert load_points((1, 2)) == load_points("1,2") == both[1:]
    assert load_points([]) == ()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "a,b\n1,2\n", "line 1: names no columns x and y"),
        ("a.csv", "", "line 1: names no columns x and y"),
        ("a.csv", "x,y\n", "holds no point"),
        ("a.csv", "x,y\n1,2 m\n", "line 2: is"),
        ("a.json", "{}", "holds no list of points"),
        ("a.json", "[[1]]", "entry 1 of 1: is"),
        ("a.json", '[{"x": 1}]', "entry 1 of 1: is"),
        ("a.json", "[[1, NaN]]", "entry 1 of 1: is"),
        ("a.txt", "", 'expected "x,y" in px'),
    ],
)
def test_files_without_points_are_named(given, name, content, message):
    Path(name).write_text(content)
    with pytest.raises(InputError) as raised:
        load_points(name)
    assert message in str(raised.value) and name in str(raised.value)


def test_python_asks_as_the_command_does(given):
    says = Says("<answer> 2.00 </answer>")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (asked,) = mfh.ask("photo.png", (20, 30), K_MATRIX, model=says)
    assert asked.distance_m == 2 and asked.depth_m == pytest.approx(2 / ray_length(CAMERA, 20, 30))
    (pair,) = mfh.ask("photo.png", POINTS[:2], K_MATRIX, model=says, task="two points")
    assert (pair.a_px, pair.distance_m) == (POINTS[0], 2)
    moved = mfh.ask(
        "photo.png", (), K_MATRIX, model=says, task="camera motion", second_photo="photo.png"
    )
    assert isinstance(moved, AskedMotion) and moved.distance_m == 2
    with pytest.warns(UserWarning, match="--intrinsics"):
        mfh.ask("photo.png", "20,30", model=says)
    off_centre = Intrinsics(**{**K, "cx": 120}, height=HEIGHT, width=WIDTH)
    with pytest.warns(UserWarning, match="principal point"):
        mfh.ask("photo.png", "20,30", off_centre, model=says)
    with pytest.raises(SettingsError, match="needs seconds"):
        mfh.ask("photo.png", "20,30", K_MATRIX, model=says, task="speed")
    with pytest.raises(InputError, match="no point is given"):
        mfh.ask("photo.png", [], K_MATRIX, model=says)


K_MATRIX = CAMERA.matrix


def test_a_tiny_model_is_asked_and_stays_loaded(given, monkeypatch):
    made = []
    opened = loading.open_model

    def counting(*options):
        made.append(options)
        return opened(*options)

    monkeypatch.setattr(api, "open_model", counting)
    api._opened.cache_clear()
    run = tiny_pixtral(given / "run" / "model").parent
    first = mfh.ask("photo.png", POINTS[:1], K_MATRIX, model=run, device="cpu")
    again = mfh.ask("photo.png", POINTS[:1], K_MATRIX, model=run, device="cpu")
    api._opened.cache_clear()
    assert first == again and len(made) == 1
    assert first[0].answer.text


def test_the_command_asks_a_tiny_model(given, capsys):
    tiny_pixtral(given / "model")
    words = ("--model", "model", "--set", "depthlm.max_new_tokens=5", "--device", "cpu")
    focal = ("--set", "depthlm.focal_px=100", "--marked", "seen")
    status, printed = run_here(capsys, "ask", "photo.png", "20,30", "-k", "K.json", *words, *focal)
    assert status in (0, 1)
    assert "asked of model" in printed and "what the model said" in printed
    # 160 x 120 px at focal lengths of 150 and 140 px, brought to 100.
    assert Image.open("seen/photo_01.png").size == (107, 86)


def test_names_of_models_come_before_folders(given, capsys):
    """As in `--base` and settings; "./NAME" is the folder."""
    tiny_pixtral(given / "clipseg")
    words = ("ask", "photo.png", "20,30", "-k", "K.json", "--device", "cpu")
    status, printed = run_here(capsys, *words, "--model", "clipseg")
    assert status == 1
    assert "clipseg is an estimator, not a vision language model" in " ".join(printed.split())
    set_tokens = ("--set", "depthlm.max_new_tokens=5")
    status, printed = run_here(capsys, *words, *set_tokens, "--model", "./clipseg")
    assert "asked of clipseg" in printed
    with pytest.raises(SettingsError, match="is an estimator"):
        loading.answerer_weights("clipseg")
    with pytest.raises(SettingsError, match="is an estimator"):
        loading.require_model("clipseg")
    assert loading.answerer_weights(Path("clipseg")).folder == given / "clipseg"
    for kind in ("hub", "unidepth"):
        Path("facebook/DepthLM").mkdir(parents=True, exist_ok=True)
        assert estimator_spec(f"{kind}:facebook/DepthLM").model == "facebook/DepthLM"
        assert estimator_spec(f"{kind}:./clipseg").model == str(given / "clipseg")
    assert set(model_identity("facebook/DepthLM")) == {"model"}
    Path("vits14").mkdir()
    assert estimator_spec("unidepth:vits14").model == "vits14"


def test_asking_is_imported_without_a_model_library():
    code = (
        "import sys, mfh; assert 'scipy' not in sys.modules; mfh.datasets; mfh.estimators; "
        "mfh.ask; import mfh_cli.ask; "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""The catalogue: every entry is complete, what settings need is in it, and the README agrees."""

from __future__ import annotations

import importlib.util
import itertools
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mfh.errors import InputError, MissingPartError, SettingsError
from mfh.models import ModelStore, catalogue, default_model, find_model, needed
from mfh.models.catalogue import Model, read_model
from mfh.models.needs import (
    detector_name,
    install_commands,
    missing_packages,
    packages_remedy,
    resolved,
)
from mfh.models.store import remedy
from mfh.settings import settings_from

REPOSITORY = Path(__file__).resolve().parent.parent
EVERY = pytest.mark.parametrize("model", catalogue(), ids=lambda model: model.name)
DEFAULTS = {
    "painter": "sd2-inpainting",
    "detector": "mask-rcnn",
    "keypoints": "keypoint-rcnn",
    "mesh": "anny",
    "body": "smpl",
    "disparity": "depth-anything-large",
}
WITHOUT_SMPL = [name for name in DEFAULTS.values() if name != "smpl"]
WITH_SMPL = ["sd2-inpainting", "mask-rcnn", "hmr2", "smpl", "depth-anything-large"]


@pytest.fixture
def store(tmp_path):
    """A store of its own, with nothing in it."""
    return ModelStore(tmp_path / "models")


def add_smpl(store: ModelStore, name: str = "smpl") -> None:
    """Have a file in the place of what the user would have registered for."""
    store.add(find_model(name), "SMPL.pkl", lambda _, target: target.write_bytes(b"smpl"))


def test_every_file_is_a_model_and_named_after_it():
    stems = sorted(path.stem for path in (REPOSITORY / "third_party").glob("*.toml"))
    assert [model.name for model in catalogue()] == stems
    assert len({model.id for model in catalogue()}) == len(stems)


@EVERY
def test_an_entry_says_all_that_a_user_has_to_know(model: Model):
    assert model.title and model.licence and model.note
    assert urlsplit(model.source).scheme == "https"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", model.name)
    assert (model.download_gb > 0) == model.downloadable
    assert model.name in remedy(model).split()
    for file in model.files:
        assert len(file.sha256) in {0, 8, 64}
        assert len(file.md5) in {0, 6}
        assert all(urlsplit(url).scheme == "https" for url in file.urls)


@EVERY
def test_what_is_loaded_is_weights_and_their_settings(model: Model):
    """Hub models are safetensors; of each file that is large its size or digest is known."""
    if model.obtain == "hub":
        assert model.revision or model.name in {"depthlm", "marigold"}
        paths = [file.path for file in model.files] + list(model.patterns)
        assert not [path for path in paths if path.endswith((".bin", ".ckpt", ".pkl", ".pth"))]
        known = sum(file.bytes or 0 for file in model.files)
        assert known <= model.download_gb * 1.01e9


def test_sizes_that_are_known_add_up():
    sd2 = find_model("sd2-inpainting")
    assert sum(file.bytes or 0 for file in sd2.files) == pytest.approx(5.16e9, rel=0.01)


def test_digests_in_the_names_of_files_agree():
    assert (
        find_model("mask-rcnn")
        .files[0]
        .path.endswith(find_model("mask-rcnn").files[0].sha256 + ".pth")
    )
    assert (
        find_model("vitdet-h").files[0].path.endswith(find_model("vitdet-h").files[0].md5 + ".pkl")
    )


def test_each_part_has_one_default():
    for part, name in DEFAULTS.items():
        assert [m.name for m in catalogue() if m.part == part and m.default] == [name]
        assert default_model("", part).name == name
    assert [default_model(stage).name for stage in ("painted", "people", "disparity")] == [
        "sd2-inpainting",
        "anny",
        "depth-anything-large",
    ]


def names(settings, store) -> list[str]:
    return [model.name for model in needed(settings, store)]


def test_people_are_measured_without_a_registration_until_smpl_is_here(store):
    assert names(settings_from(), store) == names(settings_from("fast"), store) == WITHOUT_SMPL
    add_smpl(store)
    assert names(settings_from(), store) == names(settings_from("fast"), store) == WITH_SMPL
    (store.folder / "smpl" / "smpl.npz").unlink()
    assert names(settings_from(), store) == WITHOUT_SMPL, "damaged, which is not ready"


def test_which_body_has_to_be_here_is_a_setting(store):
    add_smpl(store, "smpl-female")
    assert names(settings_from(), store) == WITHOUT_SMPL
    female = settings_from(**{"people.body_model": "smpl-female"})
    assert names(female, store) == [n.replace("smpl", "smpl-female") for n in WITH_SMPL]
    with pytest.raises(SettingsError, match="anny is a mesh, not a body"):
        needed(settings_from(**{"people.body_model": "anny"}), store)


@pytest.mark.parametrize("smpl", [False, True])
def test_a_measurer_that_is_named_is_taken(store, smpl, monkeypatch):
    monkeypatch.setattr("mfh.models.needs.detector_name", lambda _: "mask-rcnn")
    if smpl:
        add_smpl(store)
    for model, there in (("anny", WITHOUT_SMPL), ("hmr2", WITH_SMPL)):
        assert names(settings_from(**{"people.model": model}), store) == there
    assert names(settings_from("paper"), store) == WITH_SMPL


def test_what_auto_is_takes_its_place(store):
    """Once that is done it stays so, whatever comes here later."""
    settings = settings_from(seed=3, **{"people.detector": "auto"})
    people = resolved(settings, store).people
    assert (people.detector, people.model) == (detector_name("auto"), "anny")
    assert replace(settings, people=people) == resolved(settings, store)
    add_smpl(store)
    assert resolved(settings, store).people.model == "hmr2"
    assert resolved(resolved(settings, store), store) == resolved(settings, store)
    assert resolved(replace(settings, people=people), store).people.model == "anny"


def test_without_smpl_every_licence_allows_commercial_use(store):
    for preset in ("default", "fast"):
        for model in needed(settings_from(preset), store):
            assert model.commercial, model.name
            assert not re.search(r"non-?commercial|research|\bNC\b", model.licence, re.I)
            # All of it comes here by itself.
            assert model.downloadable or store.state(model).ready, model.name
    paper = needed(settings_from("paper"), store)
    assert [model.name for model in paper if not model.commercial] == ["smpl"]


def test_every_default_is_in_the_readme_with_its_licence():
    rows = re.findall(
        r"^\|(.*)\|(.*)\|(.*)\|$", (REPOSITORY / "README.md").read_text("utf-8"), re.M
    )
    licences = {model.strip(): licence.strip() for _, model, licence in rows}
    for name in (*DEFAULTS.values(), "hmr2"):
        model = find_model(name)
        listed = [licence for text, licence in licences.items() if f"`{name}`" in text]
        assert listed == [model.licence], name


def test_who_is_withdrawn_is_said():
    note = find_model("sd2-inpainting").note
    assert "withdrew stabilityai/stable-diffusion-2-inpainting" in note


def test_the_detector_of_the_paper_is_taken_where_it_can_be(store, monkeypatch):
    paper = settings_from("paper")
    found = importlib.util.find_spec
    there: dict[str, object] = {}
    monkeypatch.setattr(
        "mfh.models.needs.find_spec", lambda n: there[n] if n in there else found(n)
    )
    for detectron2, timm in itertools.product((None, object()), repeat=2):
        there.update(detectron2=detectron2, timm=timm)
        name = "vitdet-h" if detectron2 and timm else "mask-rcnn"
        assert detector_name("auto") == name
        assert [m.name for m in needed(paper, store) if m.part == "detector"] == [name]
    assert detector_name("vitdet-h") == "vitdet-h"


def test_packages_that_are_missing_are_named_with_the_way_to_get_them(monkeypatch):
    vitdet = find_model("vitdet-h")
    there: dict[str, object] = {}
    monkeypatch.setattr("mfh.models.needs.find_spec", there.get)
    assert missing_packages(vitdet) == ("torch", "detectron2", "timm")
    there["torch"] = object()
    remedy = packages_remedy(vitdet)
    assert "ViTDet-H, cascade Mask R-CNN needs detectron2 and timm, not found here: " in remedy
    assert "conda install -c conda-forge detectron2, or from source, with a C++ compiler" in remedy
    assert "; pip install timm; or use --set people.detector=mask-rcnn" in remedy
    there.update(detectron2=object(), timm=object())
    assert packages_remedy(vitdet) == ""
    assert install_commands(["b", "a"]) == ("pip install a b",)
    assert install_commands([]) == ()
    # Nothing else to use in the place of a default.
    assert packages_remedy(find_model("sd2-inpainting")).endswith(
        "not found here: pip install diffusers transformers"
    )


@pytest.mark.parametrize(
    ("setting", "taken", "file"),
    [
        ("people.detector", "mask-rcnn, vitdet-h", find_model("mask-rcnn").files[0].path),
        ("people.keypoints", "keypoint-rcnn", find_model("keypoint-rcnn").files[0].path),
        ("people.model", "anny, hmr2", find_model("hmr2").files[0].path),
        ("people.body_model", "smpl, smpl-female, smpl-male", "smpl.npz"),
    ],
)
def test_of_people_only_what_can_be_read_is_taken(tmp_path, store, setting, taken, file):
    with pytest.raises(SettingsError) as caught:
        needed(settings_from(**{setting: "org/other"}), store)
    assert str(caught.value).startswith(f"org/other: {setting} takes {taken}, or a folder")
    assert file in str(caught.value)
    # Whatever else is here, both kinds of measurers are asked for by name.
    by = {"people.model": "hmr2" if setting == "people.body_model" else "anny"}
    settings = settings_from(**{**by, setting: str(tmp_path)})
    (model,) = [each for each in needed(settings, store) if each.obtain == "folder"]
    state = store.state(model)
    assert (state.status, str(state)) == (
        "partial",
        f"{tmp_path} is not complete: {file} is missing",
    )
    with pytest.raises(MissingPartError, match=f"give a folder that holds {re.escape(file)}"):
        store.weights(model)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(b"own")
    assert store.weights(model).file(file).read_bytes() == b"own"


def test_what_the_painter_loads_is_all_that_is_got():
    for name in ("sd2-inpainting", "sd15-inpainting", "sdxl-inpainting"):
        model = find_model(name)
        paths = [*model.patterns, *(file.path for file in model.files)]
        assert not [path for path in paths if "feature_extractor" in path or "safety" in path]


def test_settings_may_name_ids_and_folders(tmp_path, store):
    settings = settings_from(
        **{
            "painter.model": "org/inpainter",
            "disparity.model": str(tmp_path),
        }
    )
    models = {model.part: model for model in needed(settings, store)}
    assert (models["painter"].obtain, models["painter"].stage) == ("hub", "painted")
    assert (models["disparity"].obtain, models["disparity"].stage) == ("folder", "disparity")
    assert not models["disparity"].downloadable
    with pytest.raises(SettingsError, match="did you mean 'depth-anything-large'"):
        needed(settings_from(**{"disparity.model": "depth-anyting-large"}), store)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stage": "painted"}, "of stage people"),
        ({"part": "eye"}, "'eye'"),
        ({"obtain": "stolen"}, "'stolen'"),
        ({"revision": "main"}, "no whole commit"),
        ({"obtain": "hub"}, "none of the model hub"),
        ({"files": []}, "a file has no URL"),
        ({"obtain": "register"}, "where to register"),
        ({"obtain": "included", "files": []}, "which of mfh's files it is"),
        ({"colour": "red"}, "'colour' is unknown"),
        ({"files": [{"path": "../x", "urls": ["https://x"]}]}, "no path inside"),
        ({"files": [{"path": "x", "sha256": "xyz", "urls": ["https://x"]}]}, "no digest"),
    ],
)
def test_a_broken_entry_is_refused(change, words):
    values = {
        "stage": "people",
        "part": "mesh",
        "title": "Tiny",
        "id": "no-hub-id",
        "obtain": "url",
        "licence": "MIT",
        "commercial": True,
        "source": "https://example.org",
        "files": [{"path": "w.pth", "urls": ["https://example.org/w.pth"]}],
    }
    assert read_model("tiny", values).downloadable
    with pytest.raises(InputError, match=words):
        read_model("tiny", {**values, **change})
    with pytest.raises(InputError, match="title"):
        read_model("tiny", {k: v for k, v in values.items() if k != "title"})


@pytest.mark.parametrize(
    ("text", "part", "name"),
    [
        ("sd2", "painter", "sd2-inpainting"),
        ("SD-1.5", None, "sd15-inpainting"),
        ("inpainting", None, "sd2-inpainting"),
        ("depth-anything", None, "depth-anything-large"),
        ("depth-anyting-v2-large", None, "depth-anything-v2-large"),
        ("stable-diffusion-2-inpainting", None, "sd2-inpainting"),
        ("maskrcnn", "detector", "mask-rcnn"),
        ("4D-Humans", "mesh", "hmr2"),
    ],
)
def test_the_name_that_was_meant_is_guessed(text, part, name):
    with pytest.raises(SettingsError, match=f"did you mean '{name}'"):
        find_model(text, part)
    with pytest.raises(SettingsError, match="is unknown; there are"):
        find_model("x", part)


def test_models_can_be_compared_and_changed():
    model = find_model("hmr2")
    assert replace(model, note="x") != model
    assert find_model("shubham-goel/4D-Humans") is model

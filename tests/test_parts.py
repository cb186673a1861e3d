"""Choosing learned parts by settings."""

from __future__ import annotations

import pytest

from mfh.errors import MissingPartError
from mfh.estimators.depthlm.spec import DepthLMSpec
from mfh.missing_models import MissingModelsError
from mfh.models import DownloadProgress, ModelStore, Weights, find_model
from mfh.models.download import UnknownHostError
from mfh.models.store import UnreachableModelError
from mfh.parts import STAGES, LearnedParts
from mfh.people import MaskRCNN, ViTDet
from mfh.people.detectors import KeypointDetector, KeypointRCNN
from mfh.people.hmr2 import HMR2Regressor
from mfh.settings import settings_from


@pytest.fixture
def store(tmp_path):
    """A store of its own, with nothing in it."""
    return ModelStore(tmp_path / "models", offline=True)


@pytest.fixture
def any_weights(monkeypatch, tmp_path):
    """Weights of every model, empty."""
    monkeypatch.setattr(ModelStore, "weights", lambda _, model: Weights(model.name, tmp_path))


def add_smpl(store):
    store.add(find_model("smpl"), "SMPL.pkl", lambda _, target: target.write_bytes(b"smpl"))


@pytest.mark.parametrize(
    ("detector", "kind"),
    [
        ("mask-rcnn", MaskRCNN),
        ("vitdet-h", ViTDet),
        (find_model("mask-rcnn").id, MaskRCNN),
        (find_model("vitdet-h").id, ViTDet),
    ],
)
@pytest.mark.parametrize("model", ["hmr2", "anny", find_model("anny").id])
@pytest.mark.usefixtures("any_weights")
def test_parts_are_known_by_their_names_and_by_their_ids(store, detector, kind, model):
    from mfh.people.anny.regressor import AnnyRegressor

    changes = {"people.detector": detector, "people.model": model}
    people = LearnedParts(settings_from(device="cpu", **changes), store).people
    finder = people._detector
    if model == "hmr2":
        assert type(finder) is kind
        assert type(people._regressor) is HMR2Regressor
        return
    assert type(finder) is KeypointDetector
    assert type(finder._detector) is kind
    assert type(finder._keypoints) is KeypointRCNN
    assert type(people._regressor) is AnnyRegressor


@pytest.mark.usefixtures("any_weights")
def test_people_are_measured_by_anny_until_smpl_is_here(store):
    settings = settings_from(device="cpu")
    before = LearnedParts(settings, store)
    (note,) = before.notes(["people"])
    assert "fitting the Anny body" in note
    assert "about 5 %" in note
    assert note.endswith(
        "The paper's HMR 2.0 does it once SMPL, neutral is here: mfh models add smpl FILE"
    )
    assert before.notes(["painted", "disparity"]) == ()
    add_smpl(store)
    after = LearnedParts(settings, store)
    assert after.notes(["people"]) == ()
    assert after.people.fingerprint["regressor"]["part"] == "hmr2"
    assert before.people.fingerprint["regressor"]["part"] == "anny", "as when it was first asked"
    (store.folder / "smpl" / "smpl.npz").unlink()
    (note,) = LearnedParts(settings, store).notes(["people"])
    assert "The paper's HMR 2.0 cannot do it: SMPL, neutral (smpl) is damaged in " in note
    assert note.endswith("mfh models add smpl FILE")


def test_who_names_a_measurer_needs_no_note(store):
    for model in ("anny", "hmr2"):
        assert LearnedParts(settings_from(**{"people.model": model}), store).notes(STAGES) == ()


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("hmr2", ["body", "detector", "disparity", "mesh", "painter"]),
        ("anny", ["detector", "disparity", "keypoints", "mesh", "painter"]),
    ],
)
def test_models_are_looked_for_once_for_all_photos(monkeypatch, model, parts):
    looked_for = []

    def state(_, model):
        looked_for.append(model.part)
        return type("State", (), {"ready": True, "model": model})()

    monkeypatch.setattr(ModelStore, "state", state)
    learned = LearnedParts(settings_from(device="cpu", **{"people.model": model}))
    learned.prepare(["disparity"])
    learned.prepare(STAGES)
    learned.prepare(STAGES)
    assert sorted(looked_for) == parts


def test_models_that_are_missing_are_told_with_and_without_what_else_there_is(store):
    settings = settings_from(device="cpu", **{"people.model": "hmr2"})
    learned = LearnedParts(settings, store)
    with pytest.raises(MissingModelsError) as caught:
        learned.prepare(["people", "disparity"])
    missing = str(caught.value)
    with pytest.raises(MissingPartError) as caught:
        learned.prepare_for("never")
    said = str(caught.value)
    assert "mfh models get mask-rcnn hmr2 depth-anything-large (" in missing.splitlines()[-1]
    assert "mfh models add smpl FILE" in missing
    assert said.startswith(f"{missing}\n")
    instead = said.removeprefix(missing)
    assert "Anny, which nobody has to register for: --set people.model=anny\n" in instead
    assert "--use people=PATH --use disparity=PATH" in instead
    assert "--landmark x,y=METRES, without --paint\n" in instead
    assert "--" not in missing


@pytest.mark.parametrize(
    ("paint", "use", "known_distances", "advice"),
    [
        ("auto", [], False, "people: --landmark x,y=METRES"),
        ("always", ["painted"], False,
         "people: --landmark x,y=METRES, without --paint and --use painted=..."),
        ("never", [], True,
         "or leave out --paint: known distances need neither painter nor people"),
        ("auto", ["painted"], True,
         "or leave out --use painted=...: known distances need neither painter nor people"),
        ("auto", [], True, None),
        ("never", ["people"], False, None),
    ],
)  # fmt: skip
def test_only_what_can_be_given_is_advised(store, paint, use, known_distances, advice):
    learned = LearnedParts(settings_from(device="cpu"), store)
    with pytest.raises(MissingPartError) as caught:
        learned.prepare_for(paint, use, known_distances=known_distances)
    lines = str(caught.value).splitlines()
    advised = [line for line in lines if "--landmark" in line or line.startswith("or leave out")]
    assert len(advised) == (advice is not None)
    assert all(line.endswith(advice) for line in advised)


def test_a_method_that_takes_no_files_is_not_told_to_take_any(store, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    with pytest.raises(MissingModelsError, match="mfh models get depth-anything-large") as caught:
        DepthLMSpec(str(model)).prepare(DownloadProgress(), store)
    assert "--" not in str(caught.value)


def test_without_smpl_nothing_is_missing_that_does_not_come_by_itself(store, monkeypatch):
    with pytest.raises(MissingModelsError) as caught:
        LearnedParts(settings_from(device="cpu"), store).prepare(STAGES)
    got = "mfh models get sd2-inpainting mask-rcnn keypoint-rcnn depth-anything-large (6.9 GB)"
    assert got in str(caught.value)
    for word in ("smpl", "register", "hmr2", "Anny"):
        assert word not in str(caught.value)


def test_without_a_network_all_that_is_missing_is_told(store, monkeypatch):
    """Not only the model that was tried first; what came before it is here."""

    def get(_, model, progress):
        if model.name == "keypoint-rcnn":
            cause = UnknownHostError("download.pytorch.org", "unknown")
            raise UnreachableModelError(model, store.path(model), cause)

    monkeypatch.setattr(ModelStore, "get", get)
    store.offline = False
    with pytest.raises(MissingModelsError) as caught:
        LearnedParts(settings_from(device="cpu"), store).prepare(STAGES)
    lines = str(caught.value).splitlines()
    assert lines[0] == "keypoint-rcnn: this machine has no way to download.pytorch.org (unknown)"
    got = "mfh models get keypoint-rcnn depth-anything-large"
    assert f"    get them with: {got} (1.6 GB)" in lines
    assert f"    on a machine with a network, and copy them to {store.folder} here" in lines
    assert f"    or: {got} --mirror DIR|URL" in lines


def test_what_can_be_downloaded_is(store, monkeypatch):
    fetched = []
    monkeypatch.setattr(ModelStore, "get", lambda _, model, progress: fetched.append(model.name))
    store.offline = False
    LearnedParts(settings_from(device="cpu"), store).prepare(["people"])
    assert fetched == ["mask-rcnn", "keypoint-rcnn"]

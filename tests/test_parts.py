"""Choosing learned parts by settings."""

from __future__ import annotations

import pytest

from mfh.models import ModelStore, Weights, find_model
from mfh.parts import STAGES, LearnedParts, MissingModelsError
from mfh.people import MaskRCNN, ViTDet
from mfh.settings import settings_from


@pytest.mark.parametrize(
    ("detector", "kind"),
    [
        ("mask-rcnn", MaskRCNN),
        ("vitdet-h", ViTDet),
        (find_model("mask-rcnn").id, MaskRCNN),
        (find_model("vitdet-h").id, ViTDet),
    ],
)
def test_a_detector_is_known_by_its_name_and_by_its_id(detector, kind, monkeypatch, tmp_path):
    monkeypatch.setattr(ModelStore, "weights", lambda _, model: Weights(model.name, tmp_path))
    learned = LearnedParts(settings_from(device="cpu", **{"people.detector": detector}))
    assert type(learned._detector) is kind


def test_models_are_looked_for_once_for_all_photos(monkeypatch):
    looked_for = []

    def state(_, model):
        looked_for.append(model.part)
        return type("State", (), {"ready": True, "model": model})()

    monkeypatch.setattr(ModelStore, "state", state)
    learned = LearnedParts(settings_from(device="cpu"))
    learned.prepare(["disparity"])
    learned.prepare(STAGES)
    learned.prepare(STAGES)
    assert sorted(looked_for) == ["body", "detector", "disparity", "mesh", "painter"]


def test_models_that_are_missing_are_told_with_and_without_what_else_there_is(tmp_path):
    settings = settings_from(device="cpu", **{"people.detector": "mask-rcnn"})
    learned = LearnedParts(settings, ModelStore(tmp_path, offline=True))
    with pytest.raises(MissingModelsError) as caught:
        learned.prepare(["people", "disparity"])
    said, missing = str(caught.value), caught.value.missing
    assert "mfh models get mask-rcnn hmr2 depth-anything-large (" in missing.splitlines()[-1]
    assert "mfh models add smpl FILE" in missing
    assert said.startswith(f"{missing}\n")
    instead = said.removeprefix(missing)
    assert "--use people=PATH --use disparity=PATH" in instead
    assert "--landmark x,y=METRES" in instead
    assert "--" not in missing

"""Settings: what they accept, and that everything else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.errors import SettingsError
from mfh.part_settings import PainterSettings
from mfh.settings import PRESETS, Settings, default_settings, settings_from


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"paintings": 2.5}, "paintings is 2.5; accepted: a whole number"),
        ({"paintings": True}, "a whole number"),
        ({"seed": "1"}, "seed is '1'; accepted: a whole number"),
        ({"strip_max_ratio": "0.5"}, "a number"),
        ({"fit_scale": "no"}, "True or False"),
        ({"prompts": "a man"}, "prompts is 'a man'; accepted: a tuple of texts"),
        ({"prompts": ()}, "at least one text"),
        ({"head_method": "SILog"}, "robust, silog, log_l2, l1, l2"),
        ({"paint": "sometimes"}, "auto, always, never"),
        ({"target_error": 10}, "target_error is 10.0; accepted: 0 to below 1, e.g. 0.1 for 10 %"),
        ({"target_error": float("nan")}, "0 to below 1"),
        ({"painting_round": 0}, "painting_round is 0; accepted: 1 to 4096"),
        ({"renderer": "opengl"}, "warp, pytorch3d"),
        ({"renderer": None}, "renderer is None; accepted: a text"),
        ({"strip_min_ratio": 0.9}, "0 < min <= max <= 1"),
        ({"erosion_px": 2}, "an odd number"),
        ({"fit_scale": False, "fit_offset": False}, "at least one of the two"),
        ({"painting": 3}, "did you mean 'paintings'"),
        ({"painter": {"step": 3}}, "'painter.step' is unknown; did you mean 'painter.steps'"),
        ({"painter.steps": 0}, "painter.steps is 0; accepted: 1 to 1000"),
        ({"painter.scheduler": "ddpm"}, "model, ddim, pndm, euler, dpm"),
        ({"painter.short_side_px": 8}, "64 to 4096, or 0"),
        ({"people.min_score": 1.0}, "people.min_score is 1.0; accepted: 0 to below 1"),
        ({"people": 3}, "people is 3; expected a mapping of its settings"),
        ({"disparity.aspect": "square"}, "kept, reference"),
        ({"disparity.model": 3}, "disparity.model is 3; accepted: a text"),
        ({"precision": "half"}, "auto, float32, float16, bfloat16"),
    ],
)
def test_what_is_no_setting_is_refused(change, message):
    with pytest.raises(SettingsError, match=message):
        settings_from(**change)


def test_numbers_of_numpy_and_lists_are_taken():
    settings = Settings(seed=np.int64(4), strip_max_ratio=np.float32(0.5), prompts=["a child"])
    assert settings.as_dict()["seed"] == 4
    assert settings.prompts == ("a child",)
    assert type(settings.strip_max_ratio) is float
    assert Settings(strip_max_ratio=1) == Settings(strip_max_ratio=1.0)


def test_presets():
    assert settings_from("paper") != Settings()
    assert settings_from("fast", paintings=3).paintings == 3
    assert settings_from() == Settings()
    assert set(PRESETS) == {"paper", "default", "fast"}
    for name in ("default", "fast"):
        assert settings_from(name).paint == "auto"
        assert settings_from(name).target_error == 0.1
        assert settings_from(name).people.model == "auto"
    with pytest.raises(SettingsError, match="'best' is unknown; there are paper, default, fast"):
        settings_from("best")


def test_settings_of_a_group_are_given_in_three_ways():
    one = settings_from("paper", painter={"steps": 30}, **{"disparity.batch": 2})
    two = settings_from("paper", painter=PainterSettings(steps=30, paste_back=False))
    assert one.painter == two.painter
    assert one.painter.steps == 30
    assert not one.painter.paste_back, "the preset's own"
    assert one.disparity.batch == 2
    assert one.as_dict()["painter"]["steps"] == 30
    assert default_settings()["painter.guidance_scale"] == 20
    with pytest.raises(SettingsError, match="painter is None"):
        Settings(painter=None)


def test_paper_paints_and_looks_as_the_reference_does():
    paper = settings_from("paper")
    assert paper.painter.guidance_scale == 20
    assert paper.painter.model == "sd2-inpainting"
    assert paper.disparity.model == "depth-anything-large"
    # The model's own size: 518 px for Depth Anything, whose tests pin it.
    assert (paper.disparity.short_side_px, paper.disparity.aspect) == (0, "kept")
    assert paper.people.min_score == 0.5
    assert (paper.people.detector, paper.people.model) == ("auto", "hmr2")
    assert paper.paintings == 32
    assert (paper.paint, paper.target_error, paper.head_method) == ("always", 0, "silog")
    assert paper.photo_people == "repeated"

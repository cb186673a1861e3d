"""Settings: what they accept, and that everything else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.errors import SettingsError
from mfh.settings import PRESETS, Settings, settings_from


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
        ({"head_method": "SILog"}, "silog, log_l2, l1, l2"),
        ({"renderer": None}, "warp, pytorch3d"),
        ({"strip_min_ratio": 0.9}, "0 < min <= max <= 1"),
        ({"erosion_px": 2}, "an odd number"),
        ({"fit_scale": False, "fit_offset": False}, "at least one of the two"),
        ({"painting": 3}, "did you mean 'paintings'"),
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
    for name in PRESETS:
        assert settings_from(name).head_method == "silog"
    with pytest.raises(SettingsError, match="'best' is unknown; there are paper, default, fast"):
        settings_from("best")

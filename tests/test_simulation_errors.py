"""The error settings: presets, ranges, and messages."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from mfh.errors import SettingsError
from mfh.simulation import SimulatedErrors

NAMES = [field.name for field in dataclasses.fields(SimulatedErrors)]


def test_presets_go_from_none_to_strong() -> None:
    assert SimulatedErrors.strength("none") == SimulatedErrors() == SimulatedErrors.none()
    for name in NAMES:
        none, mild, default, strong = (
            getattr(SimulatedErrors.strength(strength), name)
            for strength in ("none", "mild", "default", "strong")
        )
        assert none == 0
        # Some errors are only made on request.
        assert mild == default == strong == 0 or 0 < mild < default < strong


def test_every_error_is_documented() -> None:
    # Python 3.13 takes the indentation away; `getdoc` does so on any.
    documented = (inspect.getdoc(SimulatedErrors) or "").splitlines()
    for name in NAMES:
        assert any(line.startswith(f"{name}: ") for line in documented)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-0.1, 50.0, float("nan"), "much", True])
def test_a_value_outside_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"simulated error {name} is .*; accepted: 0 to"):
        SimulatedErrors(**{name: value})


def test_outcomes_cannot_be_more_than_certain() -> None:
    SimulatedErrors(nobody=0.5, non_human=0.3, interpenetrating=0.2)
    with pytest.raises(SettingsError, match="they sum to 1.1, at most 1 is possible"):
        SimulatedErrors(nobody=0.5, non_human=0.3, interpenetrating=0.3)
    with pytest.raises(SettingsError, match="they sum to 1.2"):
        SimulatedErrors(nobody=0.7, wrong_size=0.5)


def test_an_unknown_strength_names_the_closest() -> None:
    with pytest.raises(SettingsError, match="'stong' is unknown; did you mean 'strong'"):
        SimulatedErrors.strength("stong")
    with pytest.raises(SettingsError, match="there are none, mild, default, strong"):
        SimulatedErrors.strength("xyz")

"""Ctrl-C during a training: what is remembered, by whom, and what its readers of photos do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

import mfh.training.interruption as interruption_module
from mfh.training.interruption import Interruption, leave_to_main_process


@pytest.fixture(autouse=True)
def as_in_a_command() -> Iterator[None]:
    """Both signals raise `KeyboardInterrupt`, as in `mfh`."""
    both = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in both]
    yield
    for number, handler in zip(both, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_remembered_and_the_second_ends_at_once(first: signal.Signals) -> None:
    heard: list[bool] = []
    with (
        pytest.raises(KeyboardInterrupt),
        Interruption(lambda: heard.append(True)) as interruption,
    ):
        assert not interruption.asked()
        signal.raise_signal(first)
        assert interruption.asked() and heard == [True]
        signal.raise_signal(signal.SIGINT)
    assert heard == [True]


def test_afterwards_signals_do_what_they_did() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with Interruption(lambda: None) as interruption:
        signal.raise_signal(signal.SIGTERM)
        assert not interruption.asked()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_another_thread_leaves_signals_alone() -> None:
    found = []

    def enter() -> None:
        with Interruption(lambda: None) as interruption:
            found.append((interruption.asked(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [(False, signal.default_int_handler)]


def test_what_one_process_hears_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = torch.zeros(())
    state = SimpleNamespace(num_processes=2, device="cpu")
    monkeypatch.setattr(interruption_module, "PartialState", lambda: state)
    monkeypatch.setattr(interruption_module, "reduce", lambda asked, how: asked + elsewhere)
    with Interruption(lambda: None) as interruption:
        assert not interruption.asked()
        elsewhere += 1
        assert interruption.asked()
        elsewhere -= 1
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked()


def test_a_reader_ignores_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bool] = []
    with Interruption(lambda: heard.append(True)) as interruption:
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            signal.raise_signal(signal.SIGINT)
        assert not heard and not interruption.asked()
        leave_to_main_process(0)
        signal.raise_signal(signal.SIGINT)
        assert not interruption.asked()


def test_a_reader_that_the_signal_ends_is_no_error_of_its_own() -> None:
    ended = "DataLoader worker (pid 7) is killed by signal: Terminated."
    with pytest.raises(KeyboardInterrupt), Interruption(lambda: None):
        signal.raise_signal(signal.SIGTERM)
        raise RuntimeError(ended)
    with pytest.raises(RuntimeError, match="another"), Interruption(lambda: None):
        signal.raise_signal(signal.SIGTERM)
        raise RuntimeError("another")
    with pytest.raises(RuntimeError, match="pid 7"), Interruption(lambda: None):
        raise RuntimeError(ended)

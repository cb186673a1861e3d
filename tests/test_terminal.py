"""What a run looks like in a terminal: one bar a stage, however many rounds there are."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from mfh_cli.terminal import TerminalProgress, show_summary
from rich.console import Console


@pytest.fixture
def progress(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    shown = TerminalProgress()
    yield shown


def bars(progress, width=100):
    """The bars as they are drawn, a line each."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as drawn:
        console.print(progress._bars.get_renderable())
    return [line.rstrip() for line in drawn.get().splitlines()]


def done(progress, stage, count):
    for _ in range(count):
        progress.advance(stage)


def test_a_stage_of_several_rounds_keeps_its_bar(progress):
    progress.remark("painted", "of at most 32")
    progress.start("people", 1)
    done(progress, "people", 1)
    assert [line.split()[0] for line in bars(progress)] == ["measuring"], "nothing is painted yet"
    progress.start("painted", 4)
    done(progress, "painted", 4)
    progress.start("people", 5)
    done(progress, "people", 4)
    progress.remark("painted", "of at most 32, now ± 12 %")
    progress.start("painted", 8)
    done(progress, "painted", 1)
    painting, measuring = bars(progress)
    assert painting.startswith("painting people")
    assert " 5/8 " in painting
    assert painting.endswith("of at most 32, now ± 12 %")
    assert " 5/5 " in measuring


def test_a_stage_is_timed_while_it_is_worked_on(progress, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("mfh_cli.terminal.time.monotonic", lambda: now[0])
    progress.start("painted", 4)
    now[0] = 20
    progress.start("people", 4)
    now[0] = 25
    progress.start("painted", 8)
    now[0] = 31
    painting, measuring = bars(progress)
    assert "0:00:26" in painting
    assert "0:00:05" in measuring
    progress.finish("painted", "computed")
    now[0] = 99
    assert "0:00:26" in bars(progress)[0]


def test_what_is_said_at_the_end_stays(progress, capsys):
    progress.start("painted", 8)
    progress.remark("painted", "of at most 8")
    progress.finish("painted", "continued after 4 of 8")
    progress.remark("painted", "of at most 8, now ± 12 %")
    progress.start("people", 9)
    progress.finish("people", "recomputed: seed 0 -> 1")
    painting, measuring = bars(progress)
    assert painting.endswith("continued after 4 of 8")
    assert measuring.endswith("recomputed")
    assert "measuring people: recomputed: seed 0 -> 1" in capsys.readouterr().err


@pytest.mark.parametrize("columns", range(30, 100, 7))
def test_no_line_ends_between_a_number_and_its_sign_or_unit(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    words = "median 5.5 m, ± 9 % (1 sigma; single points from ± 10 % near to ± 14 % far), 480 px"
    path = "a/" + "long-name/" * 12
    show_summary(
        "photo", [("Depth", words), ("Kept in", path)], (f"The error is {words}.",), Path()
    )
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= columns
    for line in printed.splitlines():
        assert not re.search(r"^\s*(%|m,|px|sigma)|(±|\d)\s*$", line), line
    said = "".join(printed.split())
    assert f"Depth{''.join(words.split())}Keptin{path}" in said
    assert f"note:Theerroris{''.join(words.split())}." in said
    assert "± 9 %" in printed and "\N{NO-BREAK SPACE}" not in printed

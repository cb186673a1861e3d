"""Running `mfh` commands in tests: in this process, or in one of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def run_here(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit status and everything printed by `mfh ARGUMENTS`, run in this process."""
    from mfh_cli.main import run

    before, sys.argv = sys.argv, ["mfh", *map(str, arguments)]
    try:
        run()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.argv = before
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def start(*arguments: object, code: str = "", cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start `mfh ARGUMENTS` in a process of its own, after running `code` in it.

    It hears Ctrl-C as in a terminal, also where the tests run in the background of a shell, which
    has its processes ignore it.
    """
    heard = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heard}\n{code}\nfrom mfh_cli.main import run\nrun()\n"
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
    )


def readers_ignore_interrupts() -> bool:
    """Whether this process has others that it has started, all of which ignore Ctrl-C (Linux)."""
    ignoring = []
    for process in multiprocessing.active_children():
        said = Path(f"/proc/{process.pid}/status").read_text()
        ignored = int(said.split("SigIgn:")[1].split()[0], 16)
        ignoring.append(bool(ignored >> (signal.SIGINT - 1) & 1))
    return bool(ignoring) and all(ignoring)


def files_under(folder: Path) -> list[str]:
    """Every file under a folder, relative to it."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())

"""Run every benchmark and write its table to docs/benchmarks.md.

python benchmarks/make_tables.py
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import alignment_and_head
import rendering
import whole_run
from tables import markdown

_DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, then write the document in one go."""
    sections = [
        f"""# Benchmarks

Written by `benchmarks/make_tables.py`; every ratio compares figures of one run on one machine.
This run: {os.cpu_count()} CPU cores ({platform.machine()}), no GPU, Python \
{platform.python_version()}, NumPy {version("numpy")}, SciPy {version("scipy")}, \
warp-lang {version("warp-lang")}.
""",
        "## Alignment and metric head\n",
        "N = 32 painted photos of 480x640 px. The last row takes both steps the way the reference "
        "does (a pseudo-inverse over all pixels for each painted photo, L-BFGS with 50 outer steps "
        "over full-size maps), written in NumPy and SciPy.\n",
        markdown(alignment_and_head.measure()),
        "\n## Rendering\n",
        "Bodies of about 14,000 vertices at 480x640 px. The first call compiles the kernels, which "
        "are then cached on disk. PyTorch3D is measured where it is installed.\n",
        rendering.markdown(rendering.measure()),
        "\n## A whole run\n",
        "`mfh demo` with simulated stages in a process of its own, first with an empty kernel "
        "cache; and a 48-megapixel photo, from loading it to writing every result.\n",
        markdown(whole_run.measure()),
    ]
    _DOCUMENT.write_text("\n".join(sections) + "\n", encoding="utf-8")
    print(f"wrote {_DOCUMENT}")


if __name__ == "__main__":
    main()

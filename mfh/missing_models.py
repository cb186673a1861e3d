"""What to say where models are missing that cannot be downloaded: which, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mfh.errors import MissingPartError
from mfh.models import ModelState
from mfh.models.store import remedy
from mfh.settings import Paint


class MissingModelsError(MissingPartError):
    """Models that are not here and cannot be downloaded; it names the commands that get them.

    states: in the order in which the models work.
    why: what kept those from being downloaded that could be.
    """

    def __init__(self, states: Sequence[ModelState], why: str = "") -> None:
        self.states = tuple(states)
        super().__init__(_missing(states, why))


def with_what_else(
    error: MissingModelsError, paint: Paint, use: Collection[str], *, known_distances: bool
) -> MissingPartError:
    """The error with what else could stand in for the models, in a run of Metric from Human.

    paint: the setting; use: the stages that files stand in for; known_distances: whether there are
        any.
    """
    lines = _instead(error.states, paint, use, known_distances=known_distances)
    return MissingPartError("\n".join([str(error), *lines]))


def _missing(states: Sequence[ModelState], why: str) -> str:
    """Which models are missing, and the commands that get them."""
    by_hand = [state for state in states if not state.model.downloadable]
    others = [state for state in states if state.model.downloadable]
    lines = [*([why] if why else []), "models that this needs are missing:"]
    for state in by_hand:
        lines += [f"  {state}", f"    {remedy(state.model)}"]
    lines += [f"  {state}" for state in others]
    if others:
        size_gb = sum(state.model.download_gb for state in others)
        names = " ".join(state.model.name for state in others)
        get = f"mfh models get {names}"
        it = "it" if len(others) == 1 else "them"
        lines.append(f"    get {it} with: {get}" + (f" ({size_gb:.1f} GB)" if size_gb else ""))
        if why:
            lines.append(
                f"    on a machine with a network, and copy {it} to {others[0].folder.parent} here"
            )
            lines.append(f"    or: {get} --mirror DIR|URL")
    return "\n".join(lines)


def _instead(
    states: Sequence[ModelState], paint: Paint, use: Collection[str], *, known_distances: bool
) -> list[str]:
    """What else could stand in for models that are missing, a line each."""
    stages = dict.fromkeys(state.model.stage for state in states)
    lines = []
    if any(state.model.obtain == "register" for state in states):
        lines.append(
            "or have people measured by Anny, which nobody has to register for: "
            "--set people.model=anny"
        )
    lines.append(
        "or do what they do with other tools, as docs/your_own_parts.md tells, and give what those "
        f"made: {' '.join(f'--use {stage}=PATH' for stage in stages)}"
    )
    if "painted" in stages or "people" in stages:
        # With them known distances do not suffice.
        wanting = ["--paint"] if paint != "auto" else []
        wanting += [f"--use {stage}=..." for stage in ("painted", "people") if stage in use]
        left_out = " and ".join(wanting)
        if known_distances:
            lines.append(
                f"or leave out {left_out}: known distances need neither painter nor people"
            )
        else:
            lines.append(
                "or measure one distance in the photo yourself, which needs neither of painter and "
                "people: --landmark x,y=METRES" + (f", without {left_out}" if left_out else "")
            )
    lines.append("or see the whole flow with simulated parts: mfh demo")
    return lines

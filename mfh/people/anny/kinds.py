"""Kinds of people, and which of them a painter was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

KINDS = ("man", "woman", "child")
"""The populations of `Body`, in the order in which tensors have them."""
CHILD = KINDS.index("child")
"""Its place among them."""
_UNTOLD = {"man": 0.375, "woman": 0.375, "child": 0.25}
"""How likely each kind is where nothing is told."""
_TOLD = 0.99
"""How likely it is that who was asked for is who is seen."""
_UNLIKELY = 0.05
"""What is not likelier than this is not sought by a fit of its own."""
_WORDS = {
    "man": r"\b(man|men|guy|gentleman|boyfriend|father|grandfather|male)\b",
    "woman": r"\b(woman|women|lady|girlfriend|mother|grandmother|female)\b",
    "child": r"\b(child|children|boy|girl|kid|kids|toddler|son|daughter)\b",
}


def kinds_asked_for(prompt: str) -> Mapping[str, float]:
    """How likely each kind of person is, where a painter was asked for a text."""
    named = [kind for kind in KINDS if re.search(_WORDS[kind], prompt, re.IGNORECASE)]
    if not named:
        return _UNTOLD
    if len(named) == len(KINDS):
        return dict.fromkeys(KINDS, 1 / len(KINDS))
    rest = (1 - _TOLD) / (len(KINDS) - len(named))
    return {kind: _TOLD / len(named) if kind in named else rest for kind in KINDS}


def kinds_sought(likely: Mapping[str, float]) -> tuple[int, ...]:
    """As which kinds somebody is sought, indices into `KINDS`.

    The likeliest, and the likeliest of the other age if it may be: men and women look so much
    alike that the best pose of one is near that of the other, that of children is not.
    """
    prior = [likely[kind] for kind in KINDS]
    adult = max((kind for kind in range(len(KINDS)) if kind != CHILD), key=prior.__getitem__)
    first, second = sorted((adult, CHILD), key=prior.__getitem__, reverse=True)
    return (first, second) if prior[second] > _UNLIKELY else (first,)

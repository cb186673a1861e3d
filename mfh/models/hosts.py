"""Hosts that cannot be found from this machine, remembered while several models are got."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_unknown: ContextVar[dict[str, str] | None] = ContextVar("unknown hosts", default=None)


@contextmanager
def remembering_unknown_hosts() -> Iterator[None]:
    """Within the block, a host whose name cannot be resolved is asked for once only."""
    token = _unknown.set({})
    try:
        yield
    finally:
        _unknown.reset(token)


def remember_unknown(host: str, reason: str) -> None:
    """Note that a host cannot be found, and why."""
    remembered = _unknown.get()
    if remembered is not None:
        remembered[host] = reason


def why_unknown(host: str) -> str:
    """Why a host could not be found a moment ago; "" where nothing is known against it."""
    return (_unknown.get() or {}).get(host, "")

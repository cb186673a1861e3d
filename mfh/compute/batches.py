"""Working through items in batches that are halved where memory does not suffice."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mfh.compute.memory import is_out_of_memory
from mfh.errors import NotEnoughMemoryError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def in_batches(
    items: Sequence[ItemT],
    batch: int,
    run: Callable[[Sequence[ItemT]], Sequence[ResultT]],
    *,
    remedy: str = "",
) -> Iterator[ResultT]:
    """Give `run`'s results for all items, in order, one by one.

    run: takes up to `batch` consecutive items and gives a result for each. Where it runs out of
        memory, the batch is halved, and stays so. What it computes with is loaded before: this
        would load it again for each attempt.
    remedy: what to do where a single item does not fit.

    Raises `NotEnoughMemoryError` where memory does not suffice for a single item.
    """
    done = 0
    while done < len(items):
        results = _attempt(run, items[done : done + batch])
        if results is not None:
            yield from results
            done += len(results)
        elif batch > 1:
            batch = (min(batch, len(items) - done) + 1) // 2
        else:
            raise NotEnoughMemoryError(
                "memory does not suffice, even for one image at a time; " + (remedy or _REMEDY)
            )


_REMEDY = "use --low-memory, a smaller --set working_short_side_px=..., or --device cpu"


def _attempt(
    run: Callable[[Sequence[ItemT]], Sequence[ResultT]], items: Sequence[ItemT]
) -> Sequence[ResultT] | None:
    """The results, or None where memory did not suffice."""
    import torch  # noqa: PLC0415 - heavy

    try:
        return run(items)
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler: there the traceback would keep the failed batch's tensors alive.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
    return None

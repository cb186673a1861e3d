"""Tables of figures, as the benchmarks print them."""

from __future__ import annotations


def markdown(rows: list[dict[str, str]]) -> str:
    """Rows as a Markdown table."""
    header = list(rows[0])
    lines = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    return "\n".join(lines)

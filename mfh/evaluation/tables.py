"""Tables of scores as plain text cells, beside what others have published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mfh.evaluation.ablations import title_of, without_figures
from mfh.evaluation.published import published
from mfh.evaluation.quantities import COLUMNS, QUANTITIES, UNKNOWN
from mfh.evaluation.results import Results
from mfh.evaluation.run_file import RowInfo
from mfh.evaluation.scores import Mean, RowScore

MEASURED = "Measured here"
PUBLISHED = "Published"


@dataclass(frozen=True)
class TableRow:
    """A line of a table. section: which part of the table it is in, as a heading says."""

    cells: tuple[str, ...]
    section: str = ""


@dataclass(frozen=True)
class Table:
    """A table of text.

    text_columns: which columns hold words, to be aligned to the left; the others hold numbers.
    notes: sentences to stand below.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    text_columns: frozenset[int] = frozenset({0})
    notes: tuple[str, ...] = ()


def score_table(
    results: Results, columns: Sequence[str] = COLUMNS, *, common: bool = False
) -> Table:
    """The rows of a run, and below them what others have published on its data set.

    columns: names of values. common: whether only photos count that every row has; published
        figures, which are over other photos, are left out then. Where rows have figures of their
        own in the paper, as in an ablation, those stand beside ours instead, a column each.
    """
    run = results.run
    words = _word_columns(run.rows)
    beside = [name for name in columns if any(name in row.published for row in run.rows)]
    others = published(results.data_set.name) if not (common or beside) else ()
    others = tuple(each for each in others if any(name in each.values for name in columns))

    header = list(words)
    for name in columns:
        header.append(QUANTITIES[name].heading)
        if name in beside:
            header.append(f"{QUANTITIES[name].heading} (paper)")
    header += ["Photos", *(["Source"] if others else [])]

    summaries = results.on_common if common else results.rows
    rows = []
    for index, (row, summary) in enumerate(zip(run.rows, summaries, strict=True)):
        cells = [words[word][index] for word in words]
        for name in columns:
            cells.append(with_intervals(name, summary.means.get(name)))
            if name in beside:
                cells.append(QUANTITIES[name].as_printed(row.published.get(name)))
        cells += [_photos(summary), *([""] if others else [])]
        rows.append(TableRow(tuple(cells), MEASURED if others else ""))
    for each in others:
        figures = [QUANTITIES[name].as_printed(each.values.get(name)) for name in columns]
        blank = [""] * (len(words) - 1)
        cells = [each.method, *blank, *figures, UNKNOWN, each.source]
        rows.append(TableRow(tuple(cells), PUBLISHED))
    texts = {*range(len(words)), *([len(header) - 1] if others else [])}
    return Table(
        _title(results, common=common),
        tuple(header),
        tuple(rows),
        frozenset(texts),
        tuple(_notes(results, summaries, columns)),
    )


def difference_table(
    results: Results, columns: Sequence[str] = ("delta1", "abs_rel")
) -> Table | None:
    """How each row differs from the first, photo by photo; None where there are no two rows."""
    labels = {row.key: row.label for row in results.run.rows}
    if not results.differences:
        return None
    rows = []
    for key, differences in results.differences.items():
        cells, count = [labels[key]], 0
        for name in columns:
            difference, quantity = differences[name], QUANTITIES[name]
            count = difference.count
            verdict = {True: "better", False: "worse", None: "not told apart"}[difference.better]
            mean, low, high = (
                quantity.text(x, signed=True) for x in (difference.mean, *difference.photos)
            )
            told = (f"{mean} ({low} to {high})", verdict)
            cells += told if count > 1 else (UNKNOWN, UNKNOWN)
        rows.append(TableRow((*cells, str(count))))
    header = [part for name in columns for part in (QUANTITIES[name].heading, "verdict")]
    verdicts = {2 + 2 * index for index in range(len(columns))}
    first = labels[next(iter(next(iter(results.differences.values())).values())).other]
    return Table(
        f"Compared with {first}, photo by photo",
        ("Method", *header, "Photos"),
        tuple(rows),
        frozenset({0, *verdicts}),
        ("In brackets: the 95 % confidence interval over photos (bootstrap).",),
    )


def truth_note(rows: Sequence[RowInfo]) -> str:
    """That rows know the truth, in words; "" where none does."""
    knowing = [row.label for row in rows if row.knows_truth]
    if not knowing:
        return ""
    return (
        f"Simulated, or given the truth: {'; '.join(knowing)}. Such figures say nothing about "
        "how good a method is."
    )


def note_on_counts(summaries: Sequence[RowScore]) -> str:
    """That rows are over different photos, in a sentence; "" where they are not."""
    counts = [summary.count for summary in summaries]
    if len(set(counts)) < 2:
        return ""
    return (
        f"The rows are over different photos ({min(counts)} to {max(counts)} of them): compare "
        "them on the photos that all have."
    )


def with_intervals(name: str, mean: Mean | None) -> str:
    """A mean as a cell: "83.2 ± 1.1", and with several seeds "83.2 ± 1.1 (0.4)"."""
    if mean is None or math.isnan(mean.value):
        return UNKNOWN
    text = QUANTITIES[name].text(mean.value)
    decimals = len(text.partition(".")[2])
    for interval, form in ((mean.photos, " ± {}"), (mean.seeds, " ({})")):
        half = (interval[1] - interval[0]) / 2 * QUANTITIES[name].factor
        if math.isfinite(half):
            text += form.format(f"{half:.{decimals}f}")
    return text


def _title(results: Results, *, common: bool) -> str:
    ablation = results.run.ablation
    title = results.data_set.title + (f", {title_of(ablation)}" if ablation else "")
    if common:
        title += f", on the photos that every row has ({len(results.common)})"
    return title


def _word_columns(rows: Sequence[RowInfo]) -> dict[str, list[str]]:
    """The columns that say which row it is: its label, and what `group` holds.

    Where every row has a group of its own, that says it all.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row.group))
    columns = {key: [row.group.get(key, UNKNOWN) for row in rows] for key in keys}
    told_apart = len(set(zip(*columns.values(), strict=True))) == len(rows) if keys else False
    if told_apart and all(row.group for row in rows):
        return columns
    return {"Method": [row.label for row in rows], **columns}


def _photos(summary: RowScore) -> str:
    failed = {name for name, _, _ in summary.failed}
    not_predicted = {name for name, _ in summary.not_predicted} - failed
    parts = ((failed, "failed"), (not_predicted, "not predicted"))
    told = ", ".join(f"{len(names)} {what}" for names, what in parts if names)
    return f"{summary.count} ({told})" if told else str(summary.count)


def _notes(
    results: Results, summaries: Sequence[RowScore], columns: Sequence[str]
) -> Iterator[str]:
    run = results.run
    intervals = "± half the 95 % confidence interval over photos (bootstrap)"
    if any(len(row.seeds) > 1 for row in run.rows):
        intervals += "; in brackets over seeds (Student's t)"
    yield f"{intervals}."
    if any(name.startswith(("scaled_", "affine_")) for name in columns):
        yield (
            "Scaled: depth times the median of true / predicted. Affine: the best scale and offset "
            "of depth. What remains is the error of the shape alone."
        )
    if without_figures(run.ablation, run.rows):
        yield (
            "The paper's figures stand beside rows on its data set and with its settings alone; "
            "those of the others are left out."
        )
    if any(row.knows_truth for row in run.rows):
        yield truth_note(run.rows)
    if len(run.names) < results.photos_in_set:
        yield (
            f"Over {len(run.names)} of the {results.photos_in_set} photos of the data set; "
            "published figures are over all of them."
        )
    several = [
        f"{row.label} ({', '.join(summary.versions)})"
        for row, summary in zip(run.rows, summaries, strict=True)
        if len(summary.versions) > 1
    ]
    if several:
        yield f"Predicted by several versions of mfh: {'; '.join(several)}."
    counts = note_on_counts(summaries)
    if counts:
        yield counts

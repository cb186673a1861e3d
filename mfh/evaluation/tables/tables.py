"""Tables of scores as plain text cells, beside what others have published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from mfh.evaluation.methods.ablations import title_of, without_figures
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.scores import Mean, RowScore
from mfh.evaluation.scoring.statistics import LEAST_PHOTOS, LEAST_SEEDS
from mfh.evaluation.tables.published import published
from mfh.evaluation.tables.quantities import COLUMNS, QUANTITIES, UNKNOWN

MEASURED = "Measured here"
PUBLISHED = "Published"

_LEAST_TOLD_SHARE = 0.0005


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

    columns: names of values. common: whether only photos count that every row has; all published
        figures, which are over other photos, are left out then, and of another split than that
        for testing. Where rows have figures of their own in the paper, as in an ablation, those
        stand beside ours, a column each, instead of what others have published.
    """
    run = results.run
    words = _word_columns(run.rows)
    beside, others = [], []
    if not common:
        beside = [name for name in columns if any(name in row.published for row in run.rows)]
    if not (common or beside or _split(run)):
        others = [each for each in published(results.data_set.name) if {*columns} & {*each.values}]

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
        (
            *_notes_on_values(summaries, columns),
            *_notes_on_rows(results, summaries, with_published=bool(beside or others)),
            *([] if common else _note_on_figures(run)),
        ),
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
            if count < LEAST_PHOTOS:
                cells += [mean, "too few photos"]
            else:
                cells += [f"{mean} ({low} to {high})", verdict]
        rows.append(TableRow((*cells, str(count))))
    header = [part for name in columns for part in (QUANTITIES[name].heading, "verdict")]
    verdicts = {2 + 2 * index for index in range(len(columns))}
    first = labels[next(iter(next(iter(results.differences.values())).values())).other]
    return Table(
        f"Compared with {first}, photo by photo",
        ("Method", *header, "Photos"),
        tuple(rows),
        frozenset({0, *verdicts}),
        tuple(_notes_on_differences(results)),
    )


def _notes_on_differences(results: Results) -> Iterator[str]:
    counts = [each.count for of_row in results.differences.values() for each in of_row.values()]
    if max(counts) >= LEAST_PHOTOS:
        yield "In brackets: the 95 % confidence interval over photos (bootstrap)."
    if min(counts) < LEAST_PHOTOS:
        yield f"Fewer than {LEAST_PHOTOS} photos tell nothing of others: no interval is given."


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
    if split := _split(results.run):
        title += f", split {PurePath(split).name}"
    if common:
        title += f", on the photos that every row has ({len(results.common)})"
    return title


def _split(run: RunInfo) -> str:
    """The photos of a data set that were asked for by name or list; "" for those for testing."""
    return str(run.options.get("split", ""))


def _word_columns(rows: Sequence[RowInfo]) -> dict[str, list[str]]:
    """The columns that say which row it is: its label, and what `group` holds.

    Where every row has a group of its own, that says it all; beside labels stands only what these
    do not say.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row.group))
    columns = {key: [row.group.get(key, UNKNOWN) for row in rows] for key in keys}
    told_apart = len(set(zip(*columns.values(), strict=True))) == len(rows) if keys else False
    if told_apart and all(row.group for row in rows):
        return columns
    unsaid = [key for key in keys if any(row.group.get(key, "") not in row.label for row in rows)]
    return {"Method": [row.label for row in rows], **{key: columns[key] for key in unsaid}}


def _photos(summary: RowScore) -> str:
    failed = {name for name, _, _ in summary.failed}
    not_predicted = {name for name, _ in summary.not_predicted} - failed
    parts = ((failed, "failed"), (not_predicted, "not predicted"))
    told = ", ".join(f"{len(names)} {what}" for names, what in parts if names)
    return f"{summary.count} ({told})" if told else str(summary.count)


def _notes_on_values(summaries: Sequence[RowScore], columns: Sequence[str]) -> Iterator[str]:
    """What the figures are, as far as such figures are there."""
    means = [row.means[name] for row in summaries for name in columns if name in row.means]
    over_photos = any(math.isfinite(mean.photos[0]) for mean in means)
    over_seeds = any(math.isfinite(mean.seeds[0]) for mean in means)
    if over_photos:
        intervals = "± half the 95 % confidence interval over photos (bootstrap)"
        in_brackets = "; in brackets over seeds (Student's t)" if over_seeds else ""
        yield f"{intervals}{in_brackets}."
    elif over_seeds:
        yield "In brackets: half the 95 % confidence interval over seeds (Student's t)."
    if any(0 < row.count < LEAST_PHOTOS for row in summaries):
        yield f"Fewer than {LEAST_PHOTOS} photos tell nothing of others: no interval is given."
    if any(name.startswith("scaled_") for name in columns):
        yield "Scaled: depth times the median of true / predicted."
    if any(name.startswith("affine_") for name in columns):
        yield (
            "Affine: the best scale and offset of depth. What remains is the error of the shape "
            "alone."
        )


def _notes_on_rows(
    results: Results, summaries: Sequence[RowScore], *, with_published: bool
) -> Iterator[str]:
    """What rows are over, and how far they can be compared."""
    run = results.run
    if any(1 < len(row.seeds) < LEAST_SEEDS for row in run.rows):
        yield f"Fewer than {LEAST_SEEDS} seeds tell nothing of others: no interval is given."
    if any(row.knows_truth for row in run.rows):
        yield truth_note(run.rows)
    for row, summary in zip(run.rows, summaries, strict=True):
        unusable = summary.means.get("unusable")
        if unusable is not None and unusable.value >= _LEAST_TOLD_SHARE:
            yield (
                f"{row.label} gives no depth at {100 * unusable.value:.1f} % of the pixels that "
                f"count; they are scored as {results.data_set.protocol.max_m:g} m."
            )
    if len(run.names) < results.photos_in_set:
        part = f"Over {len(run.names)} of the {results.photos_in_set} photos of the data set"
        yield part + ("; published figures are over all of them." if with_published else ".")
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


def _note_on_figures(run: RunInfo) -> Iterator[str]:
    if without_figures(run.ablation, run.rows):
        yield (
            "The paper's figures stand beside rows on its data set and with its settings alone; "
            "those of the others are left out."
        )

"""Tables of scores as plain text cells, beside what others have published."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mfh.evaluation.datasets.base import DataSet
from mfh.evaluation.published import published
from mfh.evaluation.run_file import RowInfo, RunInfo
from mfh.evaluation.scores import METRICS, PREFIXES, Mean, PhotoScore, RowScore
from mfh.evaluation.statistics import compare

COLUMNS = ("delta1", "abs_rel", "silog", "rmse", "scaled_abs_rel", "affine_abs_rel")
"""The values that tables show by default."""

NONE = "\N{EN DASH}"
MEASURED = "Measured here"
PUBLISHED = "Published"

_TITLES = ("δ₁ %", "δ₂ %", "δ₃ %", "AbsRel %", "SqRel m", "RMSE m", "RMSE log", "log10", "SIlog")
_SHAPE = {"": "", "scaled_": ", scaled", "affine_": ", affine"}
_HEADERS: Mapping[str, str] = {
    **{
        prefix + metric: title + _SHAPE[prefix]
        for prefix in PREFIXES
        for metric, title in zip(METRICS, _TITLES, strict=True)
    },
    "scale_error": "scale error %",
    "unusable": "no depth %",
    "relative_error": "expected error %",
    "seconds": "seconds",
    "interval68": "in 68 % interval, %",
    "interval90": "in 90 % interval, %",
    "pixels": "pixels",
}


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
    run: RunInfo,
    summaries: Sequence[RowScore],
    data_set: DataSet,
    columns: Sequence[str] = COLUMNS,
    title: str = "",
    with_published: bool = True,
) -> Table:
    """The rows of a run, and below them what others have published on its data set.

    summaries: as `statistics.row_scores` gives them. columns: names of values. with_published:
        whether others' figures are wanted. Where rows have figures of their own in the paper, as in
        an ablation, those stand beside ours instead, a column each.

    Raises `InputError` where the data set's folder is not laid out as it should be.
    """
    of_row = {summary.row: summary for summary in summaries}
    words = _word_columns(run.rows)
    beside = [name for name in columns if any(name in row.published for row in run.rows)]
    others = published(data_set.name) if with_published and not beside else ()
    others = tuple(each for each in others if any(name in each.values for name in columns))

    header = list(words)
    for name in columns:
        header.append(_HEADERS[name])
        if name in beside:
            header.append(f"{_HEADERS[name]} (paper)")
    header += ["Photos", *(["Source"] if others else [])]

    rows = []
    for index, row in enumerate(run.rows):
        summary = of_row.get(row.key, RowScore(row.key, 0, {}))
        cells = [words[word][index] for word in words]
        for name in columns:
            cells.append(with_intervals(name, summary.means.get(name)))
            if name in beside:
                cells.append(as_printed(name, row.published.get(name)))
        cells += [_photos(summary), *([""] if others else [])]
        rows.append(TableRow(tuple(cells), MEASURED if others else ""))
    for each in others:
        figures = [as_printed(name, each.values.get(name)) for name in columns]
        blank = [""] * (len(words) - 1)
        cells = [each.method, *blank, *figures, NONE, each.source]
        rows.append(TableRow(tuple(cells), PUBLISHED))
    texts = {*range(len(words)), *([len(header) - 1] if others else [])}
    return Table(
        title or data_set.title,
        tuple(header),
        tuple(rows),
        frozenset(texts),
        tuple(_notes(run, summaries, columns, data_set)),
    )


def difference_table(
    run: RunInfo, scores: Sequence[PhotoScore], columns: Sequence[str] = ("delta1", "abs_rel")
) -> Table | None:
    """How each row differs from the first, photo by photo; None where there are no two rows."""
    scored = {score.row for score in scores}
    known = [row for row in run.rows if row.key in scored]
    if len(known) < 2:
        return None
    first, *rest = known
    rows = []
    for row in rest:
        cells, count = [row.label], 0
        for name in columns:
            difference = compare(scores, row.key, first.key, name)
            count = difference.count
            verdict = {True: "better", False: "worse", None: "not told apart"}[difference.better]
            low, high = (_number(name, x, signed=True) for x in difference.photos)
            cells += [
                f"{_number(name, difference.mean, signed=True)} ({low} to {high})"
                if count > 1
                else NONE,
                verdict if count > 1 else NONE,
            ]
        rows.append(TableRow((*cells, str(count))))
    header = [part for name in columns for part in (_HEADERS[name], "verdict")]
    verdicts = {2 + 2 * index for index in range(len(columns))}
    return Table(
        f"Compared with {first.label}, photo by photo",
        ("Method", *header, "Photos"),
        tuple(rows),
        frozenset({0, *verdicts}),
        ("In brackets: the 95 % confidence interval over photos (bootstrap).",),
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
        return NONE
    text = _number(name, mean.value)
    decimals = len(text.partition(".")[2])
    for interval, form in ((mean.photos, " ± {}"), (mean.seeds, " ({})")):
        half = (interval[1] - interval[0]) / 2 * _factor(name)
        if math.isfinite(half):
            text += form.format(f"{half:.{decimals}f}")
    return text


def as_printed(name: str, value: float | None) -> str:
    """A published figure as a cell, with the digits it was printed with."""
    if value is None:
        return NONE
    figure = value * _factor(name)
    three, more = f"{figure:#.3g}", f"{figure:.6g}"
    return three.rstrip(".") if math.isclose(float(three), float(more)) else more


def _number(name: str, value: float, *, signed: bool = False) -> str:
    """Three significant digits, of a change or a value; in per cent where its column is."""
    figure = value * _factor(name)
    if not math.isfinite(figure):
        return str(figure)
    size = math.floor(math.log10(abs(figure))) if figure else 0
    decimals = min(3, max(0, 2 - size))
    text = f"{figure:{'+' if signed else ''}.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _factor(name: str) -> float:
    return 100.0 if "%" in _HEADERS[name] else 1.0


def _word_columns(rows: Sequence[RowInfo]) -> dict[str, list[str]]:
    """The columns that say which row it is: its label, and what `group` holds.

    Where every row has a group of its own, that says it all.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row.group))
    columns = {key: [row.group.get(key, NONE) for row in rows] for key in keys}
    told_apart = len(set(zip(*columns.values(), strict=True))) == len(rows) if keys else False
    if told_apart and all(row.group for row in rows):
        return columns
    return {"Method": [row.label for row in rows], **columns}


def _knows_the_truth(row: RowInfo) -> bool:
    method = str(row.method.get("method", ""))
    return method.startswith("simulated") or method.endswith(":oracle")


def _photos(summary: RowScore) -> str:
    failed = len({name for name, _, _ in summary.failed})
    return f"{summary.count} ({failed} failed)" if failed else str(summary.count)


def _notes(
    run: RunInfo, summaries: Sequence[RowScore], columns: Sequence[str], data_set: DataSet
) -> list[str]:
    notes = ["± half the 95 % confidence interval over photos (bootstrap)"]
    if any(len(row.seeds) > 1 for row in run.rows):
        notes[0] += "; in brackets over seeds (Student's t)"
    notes[0] += "."
    if any(name.startswith(("scaled_", "affine_")) for name in columns):
        notes.append(
            "Scaled: depth times the median of true / predicted. Affine: the best scale and offset "
            "of depth. What remains is the error of the shape alone."
        )
    knowing = [row.label for row in run.rows if _knows_the_truth(row)]
    if knowing:
        notes.append(
            f"Simulated, or given the truth: {'; '.join(knowing)}. Such figures say nothing about "
            "how good a method is."
        )
    photos = len(data_set.samples())
    if len(run.names) < photos:
        notes.append(
            f"Over {len(run.names)} of the {photos} photos of the data set; published figures are "
            "over all of them."
        )
    return [*notes, *filter(None, [note_on_counts(summaries)])]

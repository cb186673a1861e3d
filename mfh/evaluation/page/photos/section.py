"""The section of photos: the worst and best of each row, and where rows differ most."""

from __future__ import annotations

from mfh.evaluation.page.photos.choosing import most_different, worst_and_best
from mfh.evaluation.page.photos.drawing import Key, draw
from mfh.evaluation.page.photos.panels import comparison_panel, photo_panel
from mfh.evaluation.page.photos.ratio_scale import RatioScale
from mfh.evaluation.scoring.results import Results
from mfh.html.markup import Html, element, joined

_MOST_OPEN_ROWS = 3
_COLOURS = (
    "Truth and predictions of a photo share their colours; those of predicted / true are the same "
    "everywhere: red is nearer than the truth, blue farther. Grey: no truth, or none that counts. "
    "Light blue: farther than the method can tell."
)


def photo_section(results: Results, shown: int, ratio_scale: RatioScale) -> tuple[Html, list[str]]:
    """The section, empty where nothing was scored; also what could not be drawn, in words."""
    run, scores = results.run, results.scores
    chosen = {
        row.key: worst_and_best((score for score in scores if score.row == row.key), shown)
        for row in run.rows
    }
    rows = [row for row in run.rows if chosen[row.key][0]]
    labels = {row.key: row.label for row in rows}
    differing = most_different(scores, list(labels), shown) if len(rows) > 1 else []
    wanted: dict[str, list[Key]] = {}
    every = [score for both in chosen.values() for some in both for score in some]
    every += [score for of_rows in differing for score in of_rows.values()]
    for score in every:
        keys = wanted.setdefault(score.name, [])
        if (score.row, score.seed) not in keys:
            keys.append((score.row, score.seed))
    drawn, undrawn = draw(results, wanted, ratio_scale)

    if not rows:
        return Html(""), undrawn
    parts: list[Html] = [element("p", _COLOURS, class_="muted")]
    if differing:
        panels = [
            comparison_panel(
                of_rows, labels, drawn.get(next(iter(of_rows.values())).name), ratio_scale
            )
            for of_rows in differing
        ]
        parts.append(element("h3", "Where the methods differ most"))
        parts.append(element("p", "The photos with the largest ratio of AbsRel.", class_="muted"))
        parts += panels
    for row in rows:
        lists = zip(("Worst", "Best"), chosen[row.key], strict=True)
        blocks = []
        for title, some in lists:
            panels = [
                photo_panel(score, drawn.get(score.name), ratio_scale, seed=len(row.seeds) > 1)
                for score in some
            ]
            if panels:
                blocks.append(element("h4", f"{title} photos by AbsRel"))
                blocks += panels
        summary = element("summary", element("h3", f"{row.label}: worst and best photos"))
        parts.append(element("details", summary, *blocks, open=len(rows) <= _MOST_OPEN_ROWS))
    return joined(parts), undrawn

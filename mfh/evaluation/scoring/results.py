"""A scored run with what its scores come to, worked out once for all that is written of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mfh.datasets.base import DataSet, Sample
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.scoring.scores import PhotoScore, RowScore
from mfh.evaluation.scoring.statistics import Difference, common_photos, compare, row_scores
from mfh.evaluation.tables.quantities import COLUMNS


@dataclass(frozen=True, eq=False)
class Results:
    """A scored run.

    run, data_set, scores: as of `scoring.score_run`.
    rows: what each row of the run comes to, in its order; no photo where it has no scores.
    common: the photos that every row has; on_common: what the rows come to on these.
    differences: of each row but the first from that, by the row's key and the name of a value of
        `quantities.COLUMNS`.
    samples: those of the run by name, as far as the data set has them; photos_in_set: how many
        photos the data set has, whether they are on this disk or not.
    """

    run: RunInfo
    data_set: DataSet
    scores: Sequence[PhotoScore]
    rows: Sequence[RowScore]
    common: Sequence[str]
    on_common: Sequence[RowScore]
    differences: Mapping[str, Mapping[str, Difference]]
    samples: Mapping[str, Sample]
    photos_in_set: int

    @classmethod
    def of(cls, run: RunInfo, data_set: DataSet, scores: Sequence[PhotoScore]) -> Results:
        """Work out what the scores of a run come to.

        Raises `InputError` where the data set's folder is not laid out as it should be.
        """
        common = common_photos(scores)
        rows = _of_rows(run, scores, run.names)
        everywhere = list(run.names) == common
        scored = {score.row for score in scores}
        first, *others = [row.key for row in run.rows if row.key in scored] or [""]
        names = set(run.names)
        return cls(
            run=run,
            data_set=data_set,
            scores=scores,
            rows=rows,
            common=common,
            on_common=rows if everywhere else _of_rows(run, scores, common),
            differences={key: compare(scores, key, first, COLUMNS) for key in others},
            samples={sample.name: sample for sample in data_set.samples() if sample.name in names},
            photos_in_set=data_set.check().expected,
        )


def _of_rows(run: RunInfo, scores: Sequence[PhotoScore], names: Sequence[str]) -> list[RowScore]:
    of_row = {each.row: each for each in row_scores(scores, names)}
    return [of_row.get(row.key, RowScore(row.key, 0, {})) for row in run.rows]

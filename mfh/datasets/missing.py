"""Which files of a data set are not there."""

from __future__ import annotations

from collections.abc import Iterable

from mfh.datasets.base import DataSet, Sample


def missing_files(data_set: DataSet, samples: Iterable[Sample]) -> dict[str, str]:
    """The first missing file of each sample that lacks any, by its name; opens no file."""
    missing = {}
    for sample in samples:
        for path in data_set.files(sample):
            if not path.is_file():
                missing[sample.name] = str(path)
                break
    return missing

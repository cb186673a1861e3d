"""Which files of a data set are not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mfh.datasets.base import DataSet, Sample
from mfh.errors import InputError


def missing_files(data_set: DataSet, samples: Iterable[Sample]) -> dict[str, str]:
    """The first missing file of each sample that lacks any, by its name; opens no file."""
    missing = {}
    for sample in samples:
        for path in data_set.files(sample):
            if not path.is_file():
                missing[sample.name] = str(path)
                break
    return missing


def samples_there(
    data_set: DataSet, samples: Sequence[Sample]
) -> tuple[list[Sample], dict[str, str]]:
    """The samples whose files are all there, and what `missing_files` says of the others.

    Raises `InputError` where there is none.
    """
    missing = missing_files(data_set, samples)
    there = [sample for sample in samples if sample.name not in missing]
    if not there:
        raise InputError(
            f"{data_set.title}: none of its {len(samples)} photos is there with its truth, e.g. "
            f"{next(iter(missing.values()), data_set.root)}; see what is there with "
            "`mfh evaluate ... --check`"
        )
    return there, missing

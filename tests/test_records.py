"""The records' names: where they have always been imported from."""

from __future__ import annotations

import pickle

import mfh.records
from mfh.records import MetricDepth


def test_every_record_is_found_under_its_public_name() -> None:
    for name in mfh.records.__all__:
        assert getattr(mfh.records, name) is not None
    assert mfh.MetricDepth is MetricDepth


def test_pickles_that_name_the_package_are_read() -> None:
    for name in ("Intrinsics", "Photo", "People", "Landmarks", "MetricHead", "MetricDepth"):
        assert pickle.loads(b"cmfh.records\n%s\n." % name.encode()) is getattr(mfh.records, name)

"""Processes of this machine: what they start with."""

from __future__ import annotations

import os

from normlaws.studies.local import ALLOCATOR, local_workers


def test_workers_keep_freed_memory_unless_the_user_says_otherwise(monkeypatch):
    for name in ALLOCATOR:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    with local_workers(1, 1) as workers:
        seen = workers.submit(lambda: dict(os.environ)).result()
    expected = ALLOCATOR | {"OMP_NUM_THREADS": "1", "MALLOC_TRIM_THRESHOLD_": "1000"}
    assert expected.items() <= seen.items()

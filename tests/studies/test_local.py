"""Processes of this machine: what they start with."""

from __future__ import annotations

import os
import subprocess
import sys

from normlaws.studies.local import ALLOCATOR, local_workers


def test_workers_keep_freed_memory_unless_the_user_says_otherwise(monkeypatch):
    for name in ALLOCATOR:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    with local_workers(1, 1) as workers:
        seen = workers.submit(lambda: dict(os.environ)).result()
    expected = ALLOCATOR | {"OMP_NUM_THREADS": "1", "MALLOC_TRIM_THRESHOLD_": "1000"}
    assert expected.items() <= seen.items()


LEFT_BEHIND = """
from loky.backend import resource_tracker
from normlaws.studies.local import local_workers
with local_workers(1, 1) as workers:
    workers.submit(abs, -1).result()
resource_tracker.register("/loky-left-behind", "semlock")
"""


def test_a_semaphore_that_is_gone_is_not_warned_of_after_the_last_line():
    answer = subprocess.run([sys.executable, "-c", LEFT_BEHIND], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_workers_leave_the_environment_as_it_was(monkeypatch):
    for before in ("error::ResourceWarning", None):
        if before is None:
            monkeypatch.delenv("PYTHONWARNINGS")
        else:
            monkeypatch.setenv("PYTHONWARNINGS", before)
        with local_workers(1, 1):
            assert os.environ.get("PYTHONWARNINGS") == before

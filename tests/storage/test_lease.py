"""One writer at a time: contending threads, killed processes, sleepers that wake up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import normlaws
from normlaws.storage.folder import replace_file
from normlaws.storage.lease import LeaseLostError, leased

SOURCE = str(Path(normlaws.__file__).parents[1])
HOLDER = """
import sys, time
from pathlib import Path
from normlaws.storage.folder import replace_file
from normlaws.storage.lease import leased

run, seconds = Path(sys.argv[1]), float(sys.argv[2])

def slowly(beside):
    beside.write_text("of the sleeper", encoding="utf-8")
    print("written beside", flush=True)
    sys.stdin.readline()  # here it is put to sleep

with leased(run, seconds) as lease:
    replace_file(run / "file", slowly)
"""


def holder(run: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that holds the lease and is about to put a file into its place."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run), str(seconds)],
        env=os.environ | {"PYTHONPATH": SOURCE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "written beside\n"
    return process


def contents(run: Path) -> set[str]:
    return {path.name for path in run.iterdir()}


def test_contending_threads_hold_it_one_after_another_and_leave_nothing_behind(tmp_path):
    inside, most = [0], [0]

    def contend():
        for _ in range(10):
            with leased(tmp_path, 60) as lease:
                assert lease is not None
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                lease.check()
                inside[0] -= 1

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert contents(tmp_path) == set()


def test_a_living_holder_keeps_it_as_long_as_it_likes(tmp_path):
    with leased(tmp_path, 0.3) as lease:
        for _ in range(2):
            with leased(tmp_path, 0.3) as other:
                assert other is None
        lease.check()
    with leased(tmp_path, 60) as lease, leased(tmp_path, 60, give_up=lambda: True) as other:
        assert other is None


def test_a_killed_holder_of_this_machine_is_followed_at_once(tmp_path):
    process = holder(tmp_path, 3600)
    process.kill()
    process.communicate()
    assert len(contents(tmp_path)) == 2, "its lease, and what it wrote beside the file"
    with leased(tmp_path, 3600) as lease:
        assert lease is not None
        assert contents(tmp_path) == {".lease"}


def test_a_killed_holder_of_another_machine_is_followed_when_it_is_silent(tmp_path):
    process = holder(tmp_path, 3600)
    process.kill()
    process.communicate()
    token = next((tmp_path / ".lease").iterdir())
    token.rename(token.with_name(f"elsewhere~{token.name.split('~', 1)[1]}"))
    began = time.monotonic()
    with leased(tmp_path, 0.4) as lease:
        assert lease is not None
        assert time.monotonic() - began >= 0.4


def test_a_sleeper_that_wakes_up_after_it_was_followed_writes_nothing(tmp_path):
    process = holder(tmp_path, 0.5)
    process.send_signal(signal.SIGSTOP)
    with leased(tmp_path, 0.5) as lease:
        assert lease is not None
        replace_file(tmp_path / "file", lambda beside: beside.write_text("new", encoding="utf-8"))
        process.send_signal(signal.SIGCONT)
        _, stderr = process.communicate("go on\n")
        assert process.returncode == 1
        assert "LeaseLostError" in stderr
        lease.check()
        assert (tmp_path / "file").read_text(encoding="utf-8") == "new"
        assert contents(tmp_path) == {"file", ".lease"}
    assert contents(tmp_path) == {"file"}


def test_a_rename_that_was_pending_when_the_run_was_taken_over_comes_to_nothing(tmp_path):
    """The sleep falls between the last look at the lease and the renaming itself."""
    with leased(tmp_path, 60) as first:
        token = next((tmp_path / ".lease").iterdir())

        def asleep(beside):
            beside.write_text("old", encoding="utf-8")

        def check_then_be_overtaken():
            first.check()
            current = next((tmp_path / ".lease").iterdir())
            current.rename(token.with_name("other~1~uuid~0"))
            for beside in tmp_path.glob(".file.*"):
                beside.unlink()

        from normlaws.storage.folder import _fences

        _fences[tmp_path] = check_then_be_overtaken
        with pytest.raises((LeaseLostError, FileNotFoundError)):
            replace_file(tmp_path / "file", asleep)
        assert not (tmp_path / "file").exists()
        with pytest.raises(LeaseLostError, match="taken over by another worker"):
            first.check()


def test_an_empty_lease_left_by_a_killed_release_is_free(tmp_path):
    (tmp_path / ".lease").mkdir()
    with leased(tmp_path, 3600) as lease:
        assert lease is not None

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

import normlaws
from normlaws.errors import StudyConflictError
from normlaws.storage.folder import StudyFolder
from normlaws.storage.lock import RunLock

HOLD = """
import sys
from pathlib import Path
from normlaws.storage.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_live_process_keeps_others_out_and_a_killed_one_does_not(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(normlaws.__file__).parents[1])},
        text=True,
    )
    assert other.stdout.readline() == "held\n"
    with pytest.raises(StudyConflictError, match=f"to be free, but process {other.pid} is record"):
        RunLock(tmp_path)
    other.kill()
    other.communicate()
    assert RunLock(tmp_path).held


def test_a_later_lock_of_the_same_process_takes_over(tmp_path):
    first = RunLock(tmp_path)
    second = RunLock(tmp_path)
    assert (first.held, second.held) == (False, True)
    first.release()
    assert second.held


def test_a_forked_child_that_ends_leaves_the_lock_to_its_parent(tmp_path):
    lock = RunLock(tmp_path)
    child = os.fork()
    if child == 0:
        lock.release()
        os._exit(0)
    os.waitpid(child, 0)
    taken = subprocess.run(["flock", "--nonblock", tmp_path / ".lock", "true"], check=False)
    assert taken.returncode == 1


def failing(number):
    def flock(_descriptor, _operation):
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_refuses_nothing(tmp_path, monkeypatch, number):
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with StudyFolder(tmp_path).locked():
        assert RunLock(tmp_path / "run").held


def test_a_lock_that_would_block_is_another_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", failing(errno.EWOULDBLOCK))
    with (
        pytest.raises(StudyConflictError, match="another process is running a study"),
        StudyFolder(tmp_path).locked(),
    ):
        pass
    with pytest.raises(StudyConflictError, match="another process is recording"):
        RunLock(tmp_path / "run")


@pytest.mark.parametrize("hold", [lambda at: StudyFolder(at).locked().__enter__(), RunLock])
def test_a_pipe_in_a_locks_place_is_not_waited_for(tmp_path, hold):
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(StudyConflictError, match="plain file that serves as a lock"):
        hold(tmp_path)

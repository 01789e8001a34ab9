"""What keeps a study on a cluster waiting is said, once, after a stated time."""

from __future__ import annotations

from pathlib import Path

import pytest

from normlaws.errors import ClusterError, NormlawsWarning
from normlaws.storage.folder import StudyFolder
from normlaws.studies.cluster import SAID_SECONDS, STATUS_SECONDS, DaskWorkers, _Waits
from normlaws.studies.perform import Options


def test_a_cluster_without_workers_is_said_once_and_again_after_one_was_there():
    waits = _Waits("tcp://head:8786")
    waits.look("", True, 0.0)
    waits.look("", True, SAID_SECONDS - 1)
    for start in (0.0, 1000.0):
        waits.look("", True, start)
        with pytest.warns(NormlawsWarning, match="tcp://head:8786 has had no worker for 60 s"):
            waits.look("", True, start + SAID_SECONDS)
        waits.look("", True, start + 2 * SAID_SECONDS)
        waits.look("", False, start + 3 * SAID_SECONDS)


class Client:
    """A scheduler with one worker, whose memory is full."""

    class scheduler:  # noqa: N801
        address = "tcp://head:8786"

    def scheduler_info(self, n_workers):
        return {"workers": {"tcp://a:1": {"status": "paused"}}}


def test_a_paused_worker_is_said():
    workers = DaskWorkers(Client(), "cpu")
    workers._say_what_waits({"tcp://a:1"}, 100.0)
    with pytest.warns(NormlawsWarning, match="tcp://a:1 has been paused by its memory limit"):
        workers._say_what_waits({"tcp://a:1"}, 100.0 + max(SAID_SECONDS, STATUS_SECONDS))


class Closed(Client):
    """The scheduler went away since the last look."""

    status = "closed"

    def submit(self, *_, **__):
        raise RuntimeError("Client is closed. Can't send update-graph message.")


def test_a_scheduler_lost_between_two_looks_is_said(monkeypatch):
    workers = DaskWorkers(Closed(), "cpu")
    workers.begin(Options(Path()))
    with pytest.raises(ClusterError, match=r"head:8786 to go on, but .* lost \(Client is closed"):
        workers._greet({"tcp://a:1"})
    monkeypatch.setattr(Closed, "status", "running")
    with pytest.raises(RuntimeError, match="Client is closed"):
        workers._greet({"tcp://a:1"})


def test_a_session_that_cannot_be_removed_ends_all_the_same(tmp_path, monkeypatch):
    study = StudyFolder(tmp_path)
    name = study.open_session()
    monkeypatch.setattr(type(study.session), "unlink", _refuse)
    study.close_session()
    assert not study.in_session(name)


def _refuse(*_, **__):
    raise PermissionError("Operation not permitted")

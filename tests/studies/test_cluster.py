"""The same plan on a real dask cluster whose parts are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import tomli_w
import torch

from normlaws import Curves
from normlaws.errors import ClusterError, InputError, MissingExtraError
from normlaws.studies import Study
from normlaws.training import train

from .cluster_helpers import ENVIRONMENT, Cluster, holders, wait_for

MANY = {
    "name": "many",
    "sizes": [16, 64],
    "seeds": 100,
    "data": {"name": "digits", "validation": 100, "scored_test": 50},
    "model": {"family": "mlp", "hidden": [8]},
    "training": {"steps": 4, "batch_size": 16, "records": 2},
}
LONG = MANY | {
    "name": "long",
    "sizes": [64, 256],
    "seeds": 2,
    "training": {"steps": 3000, "batch_size": 16, "records": 20},
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), workers=3)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    """The curves of the long study, one run after another in this process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    curves = Curves.concat(train(run) for run in Study.load(LONG).settings.runs())
    torch.set_num_threads(threads)
    return sorted_values(curves)


def sorted_values(curves: Curves) -> pd.DataFrame:
    rows = curves.frame.drop(columns="seconds").sort_values(["run", "step"])
    return rows.reset_index(drop=True)


def run_locally(settings: dict, out: Path) -> Curves:
    with ThreadPoolExecutor(1) as executor:
        return Study.load(settings).run(out, executor=executor, progress=False)


class Running(threading.Thread):
    """A study under way, in a thread of this process."""

    def __init__(self, settings: dict, out: Path, **options) -> None:
        super().__init__()
        self._arguments = (settings, out, options)
        self.curves: Curves | None = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        settings, out, options = self._arguments
        try:
            self.curves = Study.load(settings).run(out, progress=False, **options)
        except BaseException as error:
            self.error = error


def advanced(out: Path, run: str, steps: int):
    """Whether a run has recorded that it is so far."""
    from normlaws.folder import StudyFolder

    return lambda: StudyFolder(out).run(run).read_record().get("step", 0) >= steps


@pytest.mark.slow
def test_two_hundred_runs_on_a_cluster_are_those_of_one_process_bit_for_bit(cluster, tmp_path):
    curves = Study.load(MANY).run(tmp_path / "there", cluster=cluster.address, progress=False)
    assert len(curves.runs) == 200
    assert set(curves.runs["status"]) == {"complete"}
    here = run_locally(MANY, tmp_path / "here")
    pd.testing.assert_frame_equal(sorted_values(curves), sorted_values(here), check_exact=True)
    assert {cell["threads"] for cell in curves.runs["hardware"]} == {1}
    left = {path.name for path in (tmp_path / "there").rglob(".*")}
    assert left == {".lock"}


@pytest.mark.slow
def test_interrupted_on_a_cluster_every_run_keeps_a_checkpoint(cluster, alone, tmp_path):
    study, out = tmp_path / "long.toml", tmp_path / "out"
    study.write_text(tomli_w.dumps(LONG), encoding="utf-8")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "normlaws",
            "run",
            study,
            "--out",
            out,
            "--cluster",
            cluster.address,
        ],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: len(holders(out)) == 3)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.strip() == f"Stopped; what is done is in {out}. Run it again to go on."
    assert len(list(out.glob("runs/*/checkpoint.safetensors"))) == 3
    assert not holders(out)
    curves = run_locally(LONG, out)
    pd.testing.assert_frame_equal(sorted_values(curves), alone, check_exact=True)


@pytest.mark.slow
def test_a_killed_worker_and_then_a_killed_scheduler_lose_nothing(cluster, alone, tmp_path):
    out = tmp_path / "out"
    running = Running(LONG, out, cluster=cluster.address)
    wait_for(lambda: len(holders(out)) == 3)
    victim, pid = next(iter(holders(out).items()))
    wait_for(advanced(out, victim, 100))
    cluster.kill_worker(pid)
    wait_for(lambda: holders(out).get(victim, pid) != pid)  # another worker went on with it
    cluster.kill_scheduler()
    running.join()
    assert isinstance(running.error, ClusterError)
    assert "start it again and repeat the command" in str(running.error)
    done = {path: path.stat().st_mtime_ns for path in complete(out)}
    curves = run_locally(LONG, out)
    assert list(curves.runs["status"]) == ["complete"] * 4
    pd.testing.assert_frame_equal(sorted_values(curves), alone, check_exact=True)
    assert done.items() <= {path: path.stat().st_mtime_ns for path in complete(out)}.items()
    assert not list(out.glob("runs/*/checkpoint.safetensors"))


def complete(out: Path) -> list[Path]:
    from normlaws.folder import StudyFolder
    from normlaws.studies.perform import is_done

    return [folder.curve for folder in StudyFolder(out).run_folders() if is_done(folder)]


@pytest.mark.slow
def test_a_killed_local_worker_takes_no_other_along(alone, tmp_path):
    running = Running(LONG, tmp_path, workers=2)
    wait_for(lambda: len(holders(tmp_path)) == 2)
    (victim, pid), (other, its_pid) = holders(tmp_path).items()
    wait_for(advanced(tmp_path, victim, 100))
    wait_for(advanced(tmp_path, other, 100))
    import os

    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: holders(tmp_path).get(victim, pid) != pid)
    running.join()
    pd.testing.assert_frame_equal(sorted_values(running.curves), alone, check_exact=True)


def test_nothing_at_the_address_gives_one_sentence(tmp_path, monkeypatch):
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.3s"}),
        pytest.raises(ClusterError, match=r"dask scheduler at tcp://127\.0\.0\.1:9, but .*slurm"),
    ):
        Study.load(LONG).run(tmp_path, cluster="tcp://127.0.0.1:9", progress=False)


def test_workers_and_a_cluster_exclude_each_other(tmp_path):
    with pytest.raises(InputError, match="workers of this machine or a cluster, got both"):
        Study.load(LONG).run(tmp_path, cluster="tcp://127.0.0.1:9", workers=2)


def test_without_the_extra_the_message_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'normlaws\[cluster\]'"):
        Study.load(LONG).run(tmp_path, cluster="tcp://127.0.0.1:9", progress=False)

"""The same plan on a real dask cluster whose parts are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import tomli_w
import torch

from normlaws import Curves
from normlaws.errors import ClusterError, InputError, MissingExtraError
from normlaws.storage.folder import StudyFolder
from normlaws.studies import Study, study
from normlaws.studies.perform import Options, is_done
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
STEPS, RUNS = 500, 4
LONG = MANY | {
    "name": "long",
    "seeds": 2,
    "model": {"family": "custom", "factory": "slow_model:slow"},
    "training": {"steps": STEPS, "batch_size": 16, "records": 6},
}
PAUSE = "0.005"


@pytest.fixture(scope="module", autouse=True)
def importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """One byte for each training step of whatever worker."""
    return tmp_path_factory.mktemp("log") / "steps"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, log):
    slow = {"SLOW_MODEL_PAUSE": PAUSE, "SLOW_MODEL_LOG": str(log)}
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), workers=3, **slow)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    """The curves of the long study, one run after another in this process."""
    return sequential(LONG)


@pytest.fixture
def frequent_checkpoints(monkeypatch):
    monkeypatch.setattr(study, "Options", partial(Options, checkpoint_seconds=0.1))


def sequential(settings: dict, every: int = 1) -> pd.DataFrame:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    runs = Study.load(settings).settings.runs()[::every]
    curves = Curves.concat(train(run) for run in runs)
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
    from normlaws.storage.folder import StudyFolder

    return lambda: StudyFolder(out).run(run).read_record().get("step", 0) >= steps


@pytest.mark.slow
def test_two_hundred_runs_on_a_cluster_are_those_of_one_process_bit_for_bit(cluster, tmp_path):
    curves = Study.load(MANY).run(tmp_path / "there", cluster=cluster.address, progress=False)
    assert len(curves.runs) == 200
    assert set(curves.runs["status"]) == {"complete"}
    plain = sequential(MANY, every=10)
    rows = sorted_values(curves)
    rows = rows[rows["run"].isin(plain["run"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, plain, check_exact=True)
    assert {cell["threads"] for cell in curves.runs["hardware"]} == {1}
    left = {path.name for path in (tmp_path / "there").rglob(".*")}
    assert left == {".lock"}


@pytest.mark.slow
def test_interrupted_on_a_cluster_every_run_keeps_a_checkpoint(cluster, alone, tmp_path):
    file, out = tmp_path / "long.toml", tmp_path / "out"
    file.write_text(tomli_w.dumps(LONG), encoding="utf-8")
    command = [sys.executable, "-m", "normlaws", "run", file, "--out", out]
    process = subprocess.Popen(
        [*command, "--cluster", cluster.address],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
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
@pytest.mark.usefixtures("frequent_checkpoints")
def test_a_killed_worker_and_then_a_killed_scheduler_lose_nothing(cluster, log, alone, tmp_path):
    before = log.stat().st_size if log.exists() else 0
    running = Running(LONG, tmp_path, cluster=cluster.address)
    wait_for(lambda: len(holders(tmp_path)) == 3)
    victim, pid = next(iter(holders(tmp_path).items()))
    wait_for(lambda: step(tmp_path, victim) >= STEPS // 2)
    cluster.kill_worker(pid)
    wait_for(lambda: holders(tmp_path).get(victim, pid) != pid)  # another worker went on with it
    cluster.kill_scheduler()
    running.join()
    assert isinstance(running.error, ClusterError)
    assert "start it again and repeat the command" in str(running.error)
    assert victim not in complete(tmp_path)
    wait_for(lambda: not holders(tmp_path))  # workers without a scheduler keep what they have
    done = complete(tmp_path)
    trained = log.stat().st_size - before
    remaining = sum(STEPS - step(tmp_path, run.run_id) for run in Study.load(LONG).settings.runs())
    assert 0 <= trained + remaining - RUNS * STEPS < STEPS // 2, "it began from a checkpoint"
    curves = run_locally(LONG, tmp_path)
    assert list(curves.runs["status"]) == ["complete"] * RUNS
    pd.testing.assert_frame_equal(sorted_values(curves), alone, check_exact=True)
    assert done.items() <= complete(tmp_path).items(), "what was complete was not touched"
    assert not list(tmp_path.glob("runs/*/checkpoint.safetensors"))


def step(out: Path, run: str) -> int:
    return StudyFolder(out).run(run).read_record().get("step", 0)


def complete(out: Path) -> dict[str, int]:
    """When the curve of each complete run was written."""
    folders = (folder for folder in StudyFolder(out).run_folders() if is_done(folder))
    return {folder.root.name: folder.curve.stat().st_mtime_ns for folder in folders}


@pytest.mark.slow
@pytest.mark.usefixtures("frequent_checkpoints")
def test_a_killed_local_worker_takes_no_other_along(alone, log, tmp_path, monkeypatch):
    monkeypatch.setenv("SLOW_MODEL_PAUSE", PAUSE)
    monkeypatch.setenv("SLOW_MODEL_LOG", str(log))
    before = log.stat().st_size if log.exists() else 0
    running = Running(LONG, tmp_path, workers=2)
    wait_for(lambda: len(holders(tmp_path)) == 2)
    for run in holders(tmp_path):
        wait_for(lambda run=run: step(tmp_path, run) >= STEPS // 4)
    os.kill(next(iter(holders(tmp_path).values())), signal.SIGKILL)
    running.join()
    pd.testing.assert_frame_equal(sorted_values(running.curves), alone, check_exact=True)
    assert 0 <= log.stat().st_size - before - RUNS * STEPS < STEPS // 4


def test_nothing_at_the_address_gives_one_sentence(tmp_path):
    import dask
    import distributed  # noqa: F401 - its defaults are to stay when the block ends

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

"""Batch systems, by the job scripts that are made for them; and one whose jobs bash runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from normlaws import Curves
from normlaws.errors import InputError, MissingExtraError
from normlaws.studies import Study
from normlaws.studies.jobqueue import ClusterSettings, start_cluster
from normlaws.training import train

from .cluster_helpers import SOURCE

LOOPBACK = {"scheduler_options": {"host": "127.0.0.1", "dashboard": False}}
JOB = {
    "jobs": 3,
    "cores": 8,
    "memory": "16GB",
    "walltime": "12:00",
    "queue": "long",
    "account": "physics",
    "directives": ["--gres=gpu:1", "--constraint='a|b'"],
}


def script(**table) -> str:
    with start_cluster(ClusterSettings(**table), **LOOPBACK) as cluster:
        return cluster.job_script()


def test_a_slurm_job_asks_for_what_the_table_says_and_starts_one_worker_a_core():
    text = script(kind="slurm", **JOB)
    for line in (
        "#SBATCH -p long",
        "#SBATCH -A physics",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --mem=15G",
        "#SBATCH -t 12:00",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --constraint='a|b'",
    ):
        assert line in text.splitlines()
    command = next(line for line in text.splitlines() if "dask_worker" in line)
    assert f"{sys.executable} -m distributed.cli.dask_worker tcp://127.0.0.1:" in command
    assert "--nthreads 1" in command
    assert "--nworkers 8" in command


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("pbs", ["#PBS -q long", "#PBS -A physics", "#PBS -l walltime=12:00"]),
        ("lsf", ["#BSUB -q long", '#BSUB -P "physics"', "#BSUB -W 12:00"]),
        ("sge", ["#$ -q long", "#$ -P physics", "#$ -l h_rt=12:00"]),
    ],
)
def test_the_other_systems_speak_their_own_language(kind, lines, monkeypatch):
    monkeypatch.setattr("dask_jobqueue.lsf.lsf_detect_units", lambda: "mb")  # asks LSF itself
    text = script(kind=kind, **(JOB | {"processes": 2}))
    assert set(lines) <= set(text.splitlines())
    assert "--nworkers 2" in text


def test_lines_that_a_cluster_refuses_are_left_out():
    whole = script(kind="slurm", **JOB).splitlines()
    assert "#SBATCH --mem=15G" in whole
    less = script(kind="slurm", directives_skip=["--mem", "-n 1"], **JOB).splitlines()
    gone = {line for line in whole if line.startswith("#") and line not in less}
    assert gone == {"#SBATCH --mem=15G", "#SBATCH -n 1"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "slurm", "directives_skip": [""]}, "'cluster.directives_skip.0'.* at least 1"),
        ({"kind": "condor"}, "'cluster.kind': Input should be 'slurm', 'pbs', 'lsf' or 'sge'"),
        ({"kind": "slurm", "prologue": ["rm -r ~"]}, "keys kind, .* got .*'cluster.prologue'"),
        ({"kind": "slurm", "queue": "x\nrm -r ~"}, "'cluster.queue'.* one line"),
        ({"kind": "slurm", "directives": ["-x\nrm -r ~"]}, "'cluster.directives.0'.* one line"),
        ({"kind": "slurm", "interface": "ib0; rm -r ~"}, "'cluster.interface'.* shell's"),
        ({"kind": "slurm", "local_directory": "$(reboot)"}, "shell's characters"),
        ({"kind": "slurm", "jobs": 0}, "'cluster.jobs'.* greater than or equal to 1"),
    ],
)
def test_nothing_in_the_table_becomes_code_and_mistakes_get_one_sentence(small, table, message):
    with pytest.raises(InputError, match=message) as caught:
        Study.load(small | {"cluster": table})
    assert "\n" not in str(caught.value)


def test_what_is_missing_or_of_another_system_is_said(small, tmp_path):
    with pytest.raises(InputError, match=r"cluster\.cores and cluster\.memory .*jobqueue\.yaml"):
        start_cluster(ClusterSettings(kind="slurm"), **LOOPBACK)
    with pytest.raises(InputError, match="for pbs or sge only, got it for slurm"):
        start_cluster(ClusterSettings(kind="slurm", resource_spec="x", **JOB), **LOOPBACK)
    study = Study.load(small | {"cluster": {"kind": "slurm"} | JOB})
    with pytest.raises(InputError, match=r"--cluster slurm, as the .* says, got pbs"):
        study.run(tmp_path, cluster="pbs", progress=False)


def test_without_the_extra_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(MissingExtraError, match=r"slurm .*'normlaws\[cluster\]'"):
        start_cluster(ClusterSettings(kind="slurm", **JOB))


def test_where_runs_are_done_is_no_part_of_what_they_are(small, tmp_path):
    plain, there = Study.load(small), Study.load(small | {"cluster": {"kind": "slurm"} | JOB})
    ids = [[run.run_id for run in study.settings.runs()] for study in (plain, there)]
    assert ids[0] == ids[1]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        plain.run(tmp_path, executor=executor, progress=False)
        curves = there.run(tmp_path, executor=executor, progress=False)
    assert len(curves.runs) == 4
    assert 'kind = "slurm"' in (tmp_path / "study.toml").read_text(encoding="utf-8")


SUBMIT = """#!/bin/sh
cp "$1" "{folder}/job.sh"
setsid sh "{folder}/job.sh" >"{folder}/job.log" 2>&1 &
echo "Submitted batch job $!"
"""
CANCEL = """#!/bin/sh
echo "$1" >>"{folder}/cancelled"
kill -9 -- "-$1"
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Path:
    """``sbatch`` and ``scancel`` for a cluster of one machine."""
    import dask

    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SUBMIT), ("scancel", CANCEL)):
        (folder / name).write_text(text.format(folder=folder), encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    with dask.config.set({"jobqueue.slurm.scheduler-options": LOOPBACK["scheduler_options"]}):
        yield folder


@pytest.mark.slow
def test_a_study_file_with_a_cluster_submits_its_job_runs_there_and_cancels_it(
    small, slurm, tmp_path
):
    table = {"kind": "slurm", "cores": 2, "memory": "4GB", "local_directory": str(tmp_path)}
    curves = Study.load(small | {"cluster": table}).run(tmp_path / "out", progress=False)
    assert list(curves.runs["status"]) == ["complete"] * 4
    assert "--nworkers 2" in (slurm / "job.sh").read_text(encoding="utf-8")
    assert (slurm / "cancelled").exists()
    plain = Curves.concat(train(run) for run in Study.load(small).settings.runs())
    rows, expected = (
        part.frame.drop(columns="seconds").sort_values(["run", "step"]).reset_index(drop=True)
        for part in (curves, plain)
    )
    pd.testing.assert_frame_equal(rows, expected)

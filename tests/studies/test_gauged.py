"""Gauges and squared loss in a whole study: alone, stacked, by processes, and interrupted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import normlaws.training.loop as loop
from normlaws import Curves
from normlaws.storage.folder import StudyFolder
from normlaws.studies import Study
from normlaws.training import Execution, train, train_stack

STUDY = {
    "name": "gauged",
    "sizes": [16, 24],
    "seeds": 2,
    "data": {"name": "diagonal-regression", "dimension": 6, "pool": 100, "test": 30},
    "model": {"family": "mlp", "hidden": [6]},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "training": {"steps": 40, "batch_size": 24, "records": 8, "loss": "squared"},
    "gauges": {"distance": True, "telescope": {"probes": 8}, "effective_parameters": {"probes": 9}},
}
STUDY["data"]["validation"] = 20
ROUNDING = 1e-3  # of logarithms in stacks, which add in another order
DIFFERENCES = ("log_telescope_error", "log_smoother_error")  # of nearly equal numbers


@pytest.fixture(scope="module")
def runs():
    return Study.load(STUDY).settings.runs()


@pytest.fixture(scope="module")
def alone(runs):
    return values(Curves.concat(train(run) for run in runs))


def values(curves: Curves) -> pd.DataFrame:
    """In the order of run and step, without times."""
    frame = curves.frame.drop(columns="seconds")
    return frame.sort_values(["run", "step"]).reset_index(drop=True)


def test_every_gauge_is_there(alone):
    names = [f"log_{name}" for name in ("distance", "lazy_error", "effective_parameters_probes")]
    assert np.isfinite(alone.loc[alone["step"] > 0, names]).all(axis=None)


def test_stacked(runs, alone):
    stacked = [train_stack([run for run in runs if run.size == size]) for size in (16, 24)]
    found = values(Curves.concat(stacked))
    for name in alone.select_dtypes("float"):
        left, right = found[name], alone[name]
        if name in DIFFERENCES:
            left, right = np.exp(left), np.exp(right)
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=ROUNDING)


def test_interrupted(runs, alone, tmp_path, monkeypatch):
    run, folder = runs[0], StudyFolder(tmp_path)
    monkeypatch.setattr(loop, "NOTICE_SECONDS", 0.0)
    asked = iter([False] * 3 + [True] + [False] * 1000)
    stopping = Execution(checkpoint_seconds=0.0, stop=lambda: next(asked))
    first = train(run, folder.run(run.run_id), stopping)
    assert first.runs["status"][0] == "unfinished"
    resumed = values(train(run, folder.run(run.run_id)))
    expected = alone[alone["run"] == run.run_id].reset_index(drop=True)
    pd.testing.assert_frame_equal(resumed, expected, check_exact=True)


@pytest.mark.slow
def test_by_two_processes(alone, tmp_path):
    curves = Study.load(STUDY).run(tmp_path, workers=2, stack=False, progress=False)
    pd.testing.assert_frame_equal(values(curves), alone, check_exact=True)

"""Gauges of a study: in runs, in stacks, and across an interruption."""

from __future__ import annotations

import math

import pytest
from pandas.testing import assert_frame_equal

from normlaws import Study
from normlaws.errors import InputError
from normlaws.storage.folder import StudyFolder
from normlaws.studies.settings import parse_study
from normlaws.training import Execution, train, train_stack

STUDY = {
    "name": "gauged",
    "sizes": [32, 64],
    "seeds": 2,
    "data": {"name": "digits", "validation": 50, "scored_test": 60},
    "model": {"family": "mlp", "hidden": [12]},
    "optimizer": {"name": "adam"},
    "training": {"steps": 20, "batch_size": 16, "records": 6},
    "gauges": {"distance": True, "telescope": {"probes": 8}},
}
COLUMNS = ["log_distance", "log_distance_21", "log_lazy_error", "log_telescope_error"]


def runs(**changes):
    return parse_study(STUDY | changes, "study").runs()


def frame(curves):
    return curves.frame.drop(columns="seconds")


def test_gauges_are_recorded():
    found = frame(train(runs()[0]))
    assert found[COLUMNS].iloc[1:].map(math.isfinite).all(axis=None)
    assert (found["log_telescope_error"].iloc[1:] < found["log_lazy_error"].iloc[1:]).any()


def test_a_stack_records_what_its_runs_do():
    several = runs()
    alone = [frame(train(run)) for run in several]
    together = train_stack(several).frame
    for run, expected in zip(several, alone, strict=True):
        found = together[together["run"] == run.run_id].reset_index(drop=True)
        for name in COLUMNS[:3]:
            assert found[name].to_numpy() == pytest.approx(
                expected[name].to_numpy(), abs=2e-3, nan_ok=True
            )


def test_an_interrupted_run_records_the_same(tmp_path):
    (run, *_), folder = runs(), StudyFolder(tmp_path)
    asked = iter([False, True] + [False] * 1000)
    interrupting = Execution(checkpoint_seconds=0.0, stop=lambda: next(asked))
    import normlaws.training.loop as loop

    before, loop.NOTICE_SECONDS = loop.NOTICE_SECONDS, 0.0
    try:
        first = train(run, folder.run(run.run_id), interrupting)
    finally:
        loop.NOTICE_SECONDS = before
    assert first.runs["status"][0] == "unfinished"
    resumed = train(run, folder.run(run.run_id))
    assert_frame_equal(frame(resumed), frame(train(run)), check_exact=True)


def test_run_ids_of_studies_without_gauges_stay():
    """Ids of the version before gauges: finished studies are recognised."""
    values = {key: value for key, value in STUDY.items() if key != "gauges"}
    plain = parse_study(values, "study").runs()
    assert [run.run_id for run in plain] == [
        "P64-s0-b4d9ad27a717",
        "P64-s1-154e9914cacc",
        "P32-s0-25dfb9e2f125",
        "P32-s1-bc51819eaeef",
    ]
    off = parse_study(values | {"gauges": {"telescope": False}}, "study").runs()
    assert [run.run_id for run in off] == [run.run_id for run in plain]
    assert not {run.run_id for run in plain} & {run.run_id for run in runs()}
    assert Study.load("digits-cnn").settings.runs()[0].run_id == "P1024-s0-395de062f468"


def test_unknown_keys_are_told():
    with pytest.raises(InputError, match=r"one of the keys.*probes"):
        parse_study(STUDY | {"gauges": {"telescope": {"prober": 3}}}, "study")
    with pytest.raises(InputError, match=r"one of the keys.*distance"):
        parse_study(STUDY | {"gauges": {"distances": True}}, "study")


def test_effective_parameters_need_plain_steps():
    gauges = {"effective_parameters": True}
    clipped = {"name": "adam", "clip_norm": 1.0}
    squared = STUDY["training"] | {"loss": "squared"}
    with pytest.raises(InputError, match="no clip_norm, no momentum"):
        train(runs(gauges=gauges, optimizer=clipped, training=squared)[0])

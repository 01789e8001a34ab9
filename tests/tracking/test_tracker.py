from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import normlaws as nl
from normlaws.errors import InputError, StudyConflictError


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 2))


def test_due_steps_start_at_zero_and_grow_by_the_ratio(model, tmp_path):
    track = nl.Tracker(model, tmp_path, size=10, growth=1.5)
    due = []
    for step in range(100):
        if track.due(step):
            due.append(step)
            track.record(step, test_error=0.5)
    assert due == [0, 1, 2, 3, 5, 8, 12, 18, 27, 41, 62, 93]


def test_records_are_read_back_with_the_norms_of_their_moment(model, tmp_path):
    expected = []
    with nl.Tracker(model, tmp_path, size=10, seed=3, settings={"width": 8}) as track:
        for step in (0, 1, 5):
            expected.append(nl.measure(model).total["log_spectral_complexity"])
            track.record(step, epoch=step / 2, test_error=0.5 - step / 20, train_loss=1.0)
            with torch.no_grad():
                model[0].weight.mul_(1.5)
    curves = nl.Curves.read(tmp_path)
    np.testing.assert_allclose(curves.frame["log_spectral_complexity"], expected, rtol=1e-6)
    assert list(curves.frame["step"]) == [0, 1, 5]
    assert list(curves.frame["test_error"]) == [0.5, 0.45, 0.25]
    record = curves.runs.iloc[0]
    assert (record["size"], record["seed"], record["status"]) == (10, 3, "complete")
    assert record["settings"] == {"width": 8}


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("boom"), "failed"), (KeyboardInterrupt(), "unfinished")]
)
def test_what_was_recorded_before_an_exception_stays(model, tmp_path, error, status):
    def training():
        with nl.Tracker(model, tmp_path, size=10) as track:
            track.record(0, test_error=0.5)
            raise error

    with pytest.raises(type(error)):
        training()
    curves = nl.Curves.read(tmp_path)
    assert len(curves) == 1
    assert curves.runs["status"].iloc[0] == status


def test_a_metric_that_is_not_finite_means_diverged(model, tmp_path):
    with nl.Tracker(model, tmp_path, size=10) as track:
        track.record(0, train_loss=float("nan"))
    assert nl.Curves.read(tmp_path).runs["status"].iloc[0] == "diverged"


def test_measuring_leaves_the_model_alone(model, tmp_path):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    nl.Tracker(model, tmp_path, size=10).record(0, test_error=0.5)
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_complete_run_is_not_written_over(model, tmp_path):
    with nl.Tracker(model, tmp_path, size=10) as track:
        track.record(0, test_error=0.5)
    with pytest.raises(StudyConflictError, match="not complete, but"):
        nl.Tracker(model, tmp_path, size=10)
    nl.Tracker(model, tmp_path, size=10, seed=1)


def test_mistakes_are_told(model, tmp_path):
    track = nl.Tracker(model, tmp_path, size=10)
    with pytest.raises(InputError, match="expected metrics among train_error.*got accuracy"):
        track.record(0, accuracy=0.9)
    with pytest.raises(InputError, match="got none"):
        track.record(0)
    with pytest.raises(InputError, match=r"fraction in \[0, 1\], got 50"):
        track.record(0, test_error=50.0)
    track.record(3, test_error=0.5)
    with pytest.raises(InputError, match="a step above 3, the last recorded, got 3"):
        track.record(3, test_error=0.5)
    assert len(nl.Curves.read(tmp_path)) == 1
    with pytest.raises(InputError, match="at least 1 training example, got 0"):
        nl.Tracker(model, tmp_path, size=0)
    with pytest.raises(InputError, match="plain JSON values"):
        nl.Tracker(model, tmp_path, size=1, settings={"model": model})

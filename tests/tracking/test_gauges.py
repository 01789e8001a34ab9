"""Gauges beside norms: recorded, logged, resumed, fitted."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import normlaws as nl
from normlaws.errors import InputError, NormlawsWarning
from normlaws.gauges import Distance, EffectiveParameters, Telescope

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.randn(40, 5, generator=GENERATOR)
LABELS = torch.sin(INPUTS.sum(1, keepdim=True))
PROBES = torch.randn(20, 5, generator=GENERATOR)
COLUMNS = {
    "log_distance",
    "log_distance_21",
    "log_lazy_error",
    "log_telescope_error",
    "log_kernel_change",
    "log_effective_parameters_train",
    "log_effective_parameters_probes",
    "log_smoother_error",
}


class Training:
    """Full-batch gradient descent, followed by a tracker with three gauges."""

    def __init__(self, out, size=40, seed=0):
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.inputs, self.labels = INPUTS[:size], LABELS[:size]
        gauges = [
            Distance(),
            Telescope(PROBES),
            EffectiveParameters(self.inputs, self.labels, PROBES, optimizer=self.optimizer),
        ]
        self.track = nl.Tracker(
            self.model, out, size=size, seed=seed, evaluate=self.evaluate, gauges=gauges
        )

    def evaluate(self, model):
        return {
            "test_loss": float((model(PROBES) - torch.sin(PROBES.sum(1))[:, None]).square().mean())
        }

    def step(self):
        self.optimizer.zero_grad()
        (0.5 * (self.model(self.inputs) - self.labels).square().mean()).backward()
        self.optimizer.step()
        self.track.step()

    def run(self, steps):
        with self.track:
            while self.track.steps_done < steps:
                self.step()


def test_gauges_are_columns_of_the_curve(tmp_path):
    Training(tmp_path).run(30)
    frame = nl.Curves.read(tmp_path).frame
    assert set(frame) >= COLUMNS
    assert frame["log_distance"][0] == -math.inf
    assert (
        frame[sorted(COLUMNS)]
        .iloc[1:]
        .apply(lambda column: column.map(math.isfinite))
        .all(axis=None)
    )
    assert frame["log_effective_parameters_train"].is_monotonic_increasing


def test_gauges_are_scalars_for_loggers(tmp_path):
    training = Training(tmp_path)
    training.run(3)
    assert "norm/log_lazy_error/global" in training.track.scalars()


def test_a_resumed_training_records_the_same(tmp_path):
    whole = Training(tmp_path / "whole")
    whole.run(40)
    first = Training(tmp_path / "parts")
    first.track.__enter__()
    for _ in range(20):
        first.step()
    state = first.track.state_dict(), first.model.state_dict()
    second = Training(tmp_path / "parts")
    second.model.load_state_dict(state[1])
    second.track.load_state_dict(state[0])
    second.run(40)
    left, right = (
        nl.Curves.read(tmp_path / name).frame.drop(columns="seconds") for name in ("whole", "parts")
    )
    assert left.equals(right)


def test_a_start_that_was_not_seen_is_told(tmp_path):
    first = Training(tmp_path)
    first.track.__enter__()
    for _ in range(10):
        first.step()
    again = Training(tmp_path)
    again.track.resume(10)
    with pytest.warns(NormlawsWarning, match="refers to the start of the training"):
        again.run(20)
    frame = nl.Curves.read(tmp_path).frame
    assert frame["log_distance"].iloc[-1:].isna().all()
    assert frame["log_frobenius"].notna().all()


def test_gauges_of_another_run_are_refused(tmp_path):
    gauge = Distance()
    model = nn.Linear(3, 2)
    gauge.measure(model)
    with pytest.raises(InputError, match="measured nothing yet"):
        nl.Tracker(model, tmp_path, size=1, gauges=[gauge])
    with pytest.raises(InputError, match="different names"):
        nl.Tracker(model, tmp_path, size=1, gauges=[Distance(), Distance()])


def test_a_gauge_is_an_axis_of_the_fit(tmp_path):
    for size in (10, 20, 40):
        Training(tmp_path, size).run(20)
    laws = nl.fit(nl.Curves.read(tmp_path), norm="distance", metric="test_loss")
    assert laws.norm == "distance"

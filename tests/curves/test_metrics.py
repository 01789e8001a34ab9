"""Metrics of one's own: declared, kept in files, fitted by their distance from the best value."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import normlaws as nl
from normlaws.curves import Curves, Metric
from normlaws.errors import InputError
from normlaws.laws.plant import plant


def test_a_success_rate_has_the_exponents_of_its_complement(tmp_path):
    curves = plant(sizes=(100, 200, 400, 800), seeds=3)
    frame = curves.frame.assign(success_rate=1 - curves.frame["test_error"]).drop(
        columns="test_error"
    )
    rate = Metric(unit="fraction", better="higher", best=1.0)
    declared = Curves(frame, curves.runs).declare("success_rate", rate)
    assert declared.metrics == ["success_rate_gap"]
    again = Curves.read(declared.write(tmp_path / "own.parquet"))
    assert again.metrics == ["success_rate_gap"]
    found, plain = nl.fit(again, resamples=0), nl.fit(curves, resamples=0)
    assert found.metric == "success_rate_gap"
    for name in ("gamma", "gamma1", "gamma2"):
        assert getattr(found, name).value == pytest.approx(getattr(plain, name).value, rel=1e-6)


def test_the_tracker_records_what_it_was_told_of(tmp_path):
    model = torch.nn.Linear(2, 1)
    own = {"perplexity": Metric(best=1.0), "layer_loss": Metric(unit="nats")}
    with nl.Tracker(model, tmp_path, size=10, metrics=own) as track:
        track.record(0, perplexity=3.0, layer_loss=0.5, test_error=0.5)
        with pytest.raises(InputError, match="perplexity or layer_loss, got reward"):
            track.record(1, reward=1.0)
        with pytest.raises(InputError, match="at least 1, its best value, got 0.5"):
            track.record(1, perplexity=0.5)
    curves = Curves.read(tmp_path)
    assert set(curves.metrics) == {"test_error", "perplexity_gap", "layer_loss_gap"}
    assert curves.frame["perplexity"].tolist() == [3.0]
    assert curves.frame["perplexity_gap"].tolist() == [2.0]


@pytest.mark.parametrize("name", ["test_error", "log_size", "step", "a_gap", "two words"])
def test_names_that_mean_something_else_are_refused(name, tmp_path):
    with pytest.raises(InputError, match="new name"):
        nl.Tracker(torch.nn.Linear(2, 1), tmp_path, size=10, metrics={name: Metric()})


def test_directions_and_missing_values():
    assert Metric(better="higher", best=1).gap(np.array([0.25, np.nan]), "rate")[0] == 0.75
    with pytest.raises(InputError, match="lower or higher"):
        Metric(better="up")
    with pytest.raises(InputError, match="a column of the curves"):
        plant(sizes=(100, 200)).declare("reward", Metric())

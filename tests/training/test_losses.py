"""Squared loss and float targets: alone, in stacks, with gauges, on diagonal networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import nn

from normlaws.errors import InputError
from normlaws.problems import split
from normlaws.studies.settings import parse_study
from normlaws.theory import DiagonalNetwork
from normlaws.training import train, train_stack
from normlaws.training.losses import mean_loss, summed_loss

STUDY = {
    "name": "squared",
    "sizes": [32],
    "seeds": 3,
    "data": {"name": "diagonal-regression", "dimension": 12, "pool": 200, "test": 60},
    "model": {"family": "mlp", "hidden": [6]},
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "training": {"steps": 25, "batch_size": 16, "records": 6, "loss": "squared"},
}
STUDY["data"]["validation"] = 20


def runs(**changes):
    return parse_study(STUDY | changes, "study").runs()


def test_losses_against_pytorch():
    outputs, targets = torch.randn(5, 3), torch.randn(5, 3)
    classes = torch.tensor([0, 2, 1, 1, 0])
    half = nn.functional.mse_loss(outputs, targets, reduction="sum") / 2
    assert float(summed_loss("squared", outputs, targets)) == pytest.approx(float(half))
    assert float(mean_loss("squared", outputs, targets)) == pytest.approx(float(half) / 5)
    one_hot = nn.functional.one_hot(classes, 3).float()
    assert torch.equal(
        summed_loss("squared", outputs, classes), summed_loss("squared", outputs, one_hot)
    )
    tokens = torch.randn(2, 4, 3)
    labels = torch.randint(0, 3, (2, 4))
    expected = nn.functional.cross_entropy(tokens.flatten(0, 1), labels.flatten())
    assert torch.equal(mean_loss("cross-entropy", tokens, labels), expected)


def test_a_regression_has_losses_and_no_errors():
    frame = train(runs()[0]).frame
    assert frame["test_error"].isna().all()
    assert frame["test_loss"].iloc[-1] < frame["test_loss"].iloc[0]


def test_a_stack_of_squared_losses_does_what_its_runs_do():
    several = runs()
    together = train_stack(several).frame
    for run in several:
        found = together[together["run"] == run.run_id]
        alone = train(run).frame
        np.testing.assert_allclose(found["test_loss"], alone["test_loss"], rtol=1e-4)


def test_cross_entropy_of_numbers_is_refused():
    with pytest.raises(InputError, match=r'training.loss = "squared" for diagonal-regression'):
        train(runs(training={"steps": 5})[0])


def test_effective_parameters_of_a_linear_run():
    gauges = {"effective_parameters": {"probes": 20}}
    training = STUDY["training"] | {"batch_size": 32}
    (run, *_) = runs(model={"family": "perceptron"}, gauges=gauges, training=training)
    frame = train(run).frame
    inputs = split(run.data.load(None), size=32, validation=20, seed=run.seed).train.inputs
    eigenvalues = torch.linalg.eigvalsh(inputs.flatten(1).double().T @ inputs.flatten(1).double())
    left = (1 - 0.05 * eigenvalues / 32) ** 25
    expected = float((1 - left).square().sum())
    assert math.exp(frame["log_effective_parameters_train"].iloc[-1]) == pytest.approx(
        expected, 1e-5
    )
    with pytest.raises(InputError, match=r'training.loss = "squared"'):
        train(
            runs(gauges=gauges, training={"steps": 5}, data={"name": "digits", "validation": 9})[0]
        )


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("labels", ["targets", "sign"])
def test_diagonal_networks_follow_mirror_flow(depth, labels):
    """Full-batch descent at a small rate, the theory's flow, and dw/dt by SciPy agree."""
    data = STUDY["data"] | {"labels": labels}
    rate, steps, alpha = 0.002, 1000, 0.5
    loss = "squared" if labels == "targets" else "cross-entropy"
    (run, *_) = runs(
        data=data,
        model={"family": "diagonal", "depth": depth, "init_scale": alpha},
        optimizer={"name": "sgd", "learning_rate": rate},
        training={"steps": steps, "batch_size": 32, "records": 3, "loss": loss},
    )
    found = train(run).frame.iloc[-1]
    parts = split(run.data.load(None), size=32, validation=20, seed=run.seed)
    x, fresh = (p.inputs.flatten(1).double().numpy() for p in (parts.train, parts.test))
    y, fresh_y = (p.labels.double().numpy().reshape(-1) for p in (parts.train, parts.test))

    def flow(_, weights):
        plus, minus = weights.reshape(2, -1)
        output = x @ (plus**depth - minus**depth)
        residual = output - y if labels == "targets" else 1 / (1 + np.exp(-output)) - y
        gradient = depth * (residual @ x) / len(x)
        return np.concatenate([-gradient * plus ** (depth - 1), gradient * minus ** (depth - 1)])

    start = np.full(24, alpha)
    end = solve_ivp(flow, (0, rate * steps), start, rtol=1e-9, atol=1e-12).y[:, -1]
    beta = end[:12] ** depth - end[12:] ** depth
    _agrees_with_the_theory(beta, x, y, rate * steps, DiagonalNetwork(alpha, depth), labels)
    output = fresh @ beta
    if labels == "targets":
        expected = np.mean((output - fresh_y) ** 2) / 2
    else:
        expected = np.mean(np.logaddexp(0, np.where(fresh_y > 0, -output, output)))
    assert found["test_loss"] == pytest.approx(expected, rel=0.01)
    assert found["log_frobenius"] == pytest.approx(np.log(np.linalg.norm(end)), abs=2e-3)


def _agrees_with_the_theory(beta, x, y, time, network, labels):
    """Its squared loss has no half and no mean; its labels are ±1."""
    if labels == "targets":
        solved = network.flow(x, y, time / (2 * len(x)))
    else:
        solved = network.flow(x, 2 * y - 1, time, loss="logistic")
    np.testing.assert_allclose(solved, beta, atol=1e-6)

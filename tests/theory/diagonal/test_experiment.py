"""Random sparse problems: what is recorded, what the fit reads, and the published transition."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.errors import InputError
from normlaws.theory import DiagonalNetwork, sample_complexity
from normlaws.theory.diagonal.experiment import SparseProblem


def test_columns_are_those_of_the_weights():
    network = DiagonalNetwork(0.2, 3)
    curves = network.curves([6], dimension=9, sparsity=2, noise=0.1, seeds=[4], loss="squared",
                            times=[0.1, 1.0])  # fmt: skip
    problem = SparseProblem.draw(6, 9, 2, 0.1, 4)
    beta = network.flow(problem.inputs, problem.targets, [0.1, 1.0])
    # w from β by its two equations, independently of the coordinate
    for row, b in zip(curves.frame.itertuples(), beta, strict=True):
        plus = np.array([_root(value, 0.2) for value in b])
        minus = 1 / (2 / 0.2 - 1 / plus)
        weights = np.concatenate([plus, minus])
        assert row.log_frobenius == pytest.approx(np.log(np.linalg.norm(b)), abs=1e-5)
        assert row.log_l1 == pytest.approx(np.log(np.abs(b).sum()), abs=1e-5)
        assert row.log_weights == pytest.approx(np.log(np.linalg.norm(weights)), abs=1e-5)
        moved = np.linalg.norm(weights - 0.2)
        assert row.log_distance == pytest.approx(np.log(moved), abs=1e-5)
        excess = np.sum((b - problem.truth) ** 2)
        assert row.test_loss == pytest.approx(excess + 0.01, rel=1e-5)
    assert curves.runs.iloc[0].settings["loss"] == "squared"


def _root(beta, scale):
    """w₊ of depth 3: w₊³ − w₋³ = β with 1/w₊ + 1/w₋ = 2/α."""
    from scipy.optimize import brentq

    return brentq(lambda p: p**3 - (1 / (2 / scale - 1 / p)) ** 3 - beta, 0.501 * scale, 10)


def test_parameter_norm_is_blind_in_the_kernel_regime_and_the_distance_is_not():
    frame = DiagonalNetwork(10.0).curves([60], dimension=40, seeds=1).frame
    assert np.ptp(frame.log_weights) < 0.01
    assert np.ptp(frame.log_frobenius) > 3
    assert np.ptp(frame.log_distance) > 3


@pytest.mark.slow
def test_initial_scale_moves_the_data_scaling_exponent():
    sizes = [30, 60, 120]
    gammas = []
    for scale in (1e-3, 10.0):
        curves = DiagonalNetwork(scale).curves(sizes, dimension=60, sparsity=3, seeds=2)
        laws = nl.fit(curves, norm="frobenius", metric="test_error", resamples=20)
        gammas.append(laws.gamma.value)
    assert gammas[0] > gammas[1] + 0.3
    assert 0.3 < gammas[1] < 0.9


def test_rich_networks_need_fewer_examples():
    table = sample_complexity([1e-5, 1e-2, 1.0], [40, 80], dimension=200, sparsity=3, seeds=2)
    assert len(table) == 12
    mean = np.log(table.excess).groupby([table["init_scale"], table["size"]]).mean().unstack()
    assert np.exp(mean.loc[1e-5, 80]) < 0.01
    assert np.exp(mean.loc[1.0, 80]) > 0.5
    assert (mean.diff().iloc[1:] > 0).all(axis=None)


def test_path_over_scales_gives_the_limits():
    table = sample_complexity([0.01, 1.0], [20], dimension=50, sparsity=2, seeds=[7])
    problem = SparseProblem.draw(20, 50, 2, 0.01, 7)
    for row in table.itertuples():
        beta = DiagonalNetwork(row.init_scale).limit(problem.inputs, problem.targets).beta
        assert row.excess == pytest.approx(np.sum((beta - problem.truth) ** 2), rel=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": [60], "dimension": 50}, "sizes of at most the dimension 50, got 60"),
        ({"sizes": []}, "at least one"),
        ({"init_scales": [0.0]}, "init_scale"),
        ({"sizes": [5], "sparsity": 2000}, "sparsity"),
    ],
)
def test_out_of_range(arguments, message):
    with pytest.raises(InputError, match=message):
        sample_complexity(**arguments)

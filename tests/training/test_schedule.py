from __future__ import annotations

import math

import numpy as np
import pytest

from normlaws.training.schedule import rate_factor, step_seed


def test_a_constant_rate_stays():
    assert {rate_factor(step, 100, "constant") for step in range(100)} == {1.0}


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_warm_up_grows_linearly_to_the_full_rate(schedule):
    grown = [rate_factor(step, 100, schedule, warmup_steps=10) for step in range(11)]
    np.testing.assert_allclose(grown, [*np.arange(1, 11) / 10, 1.0], rtol=1e-15)


def test_the_cosine_falls_from_one_through_a_half_towards_zero():
    factors = [rate_factor(step, 100, "cosine") for step in range(101)]
    assert factors[0] == 1
    assert factors[50] == pytest.approx(0.5)
    assert factors[100] == pytest.approx(0, abs=1e-15)
    assert factors == sorted(factors, reverse=True)
    assert np.mean(factors) == pytest.approx(0.5)


def test_the_cosine_equals_pytorchs_annealing():
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=37)
    for step in range(37):
        expected = optimizer.param_groups[0]["lr"]
        assert 0.3 * rate_factor(step, 37, "cosine") == pytest.approx(expected, rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_a_warm_up_as_long_as_the_training_has_no_cosine_left():
    assert rate_factor(9, 10, "cosine", warmup_steps=10) == 1
    assert math.isfinite(rate_factor(10, 10, "cosine", warmup_steps=10))


def test_step_seeds_differ_between_seeds_and_steps():
    assert len({step_seed(seed, step) for seed in range(30) for step in range(30)}) == 900
    assert step_seed(3, 5) == step_seed(3, 5)

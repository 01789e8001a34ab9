"""Diagonal networks against given values, the flow of the weights, and theorems."""

from __future__ import annotations

import runpy
from pathlib import Path

import mpmath
import numpy as np
import pytest

from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory import DiagonalNetwork, descend_diagonal
from normlaws.theory.diagonal.geometry import Geometry

SLOW = runpy.run_path(str(Path(__file__).with_name("slow_diagonal.py")))
DEPTHS = (2, 2.001, 2.5, 3, 4, 7.3, 20)


@pytest.mark.parametrize(
    ("depth", "beta", "value"),
    [
        (2, 1, 0.24514384755981378),
        (2, 10, 14.926344385541954),
        (3, 1, 0.07994349782400703),
        (4, 10, 5.082500597287217),
    ],
)
def test_potentials(depth, beta, value):
    assert DiagonalNetwork(1.0, depth).potential([beta]) == pytest.approx(value, rel=1e-14)
    scaled = DiagonalNetwork(0.1, depth).potential([-beta * 0.1**depth])
    assert scaled == pytest.approx(value * 0.1**depth, rel=1e-13)


def test_mirror_map():
    geometry = Geometry(0.0, 3)
    assert geometry.mirror(geometry.theta(np.array([10.0]))) == pytest.approx(
        0.5400016530137146, rel=1e-14
    )


def test_potential_at_tiny_and_huge_values_against_many_digits():
    mpmath.mp.dps = 80
    for b in (1e-12, 1e-3, 1e9):
        z = mpmath.mpf(b)
        exact = 2 - mpmath.sqrt(4 + z**2) + z * mpmath.asinh(z / 2)
        assert DiagonalNetwork(1.0).potential(b) == pytest.approx(float(exact), rel=1e-13)
        near = float(np.arcsinh(b / 2) / 3) if b < 1 else float(np.log(8 * b) / 6)
        e = mpmath.findroot(lambda e, z=z: 2 * mpmath.cosh(e) ** 3 * mpmath.sinh(3 * e) - z, near)
        exact = z * mpmath.tanh(e) - (mpmath.cosh(e) ** 2 * mpmath.cosh(2 * e) - 1)
        assert DiagonalNetwork(1.0, 3).potential(b) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("scale", [1e-6, 0.1, 30.0])
def test_coordinates_return_and_derivatives_agree(depth, scale):
    geometry = Geometry(np.log(scale), depth)
    beta = np.array([0, 1e-30, -1e-8, 0.3, -2, 1e8])
    theta = geometry.theta(beta)
    np.testing.assert_allclose(geometry.beta(theta), beta, rtol=1e-12)
    nudged = theta * (1 + 1e-6), theta * (1 - 1e-6)
    slope = (geometry.beta(nudged[0]) - geometry.beta(nudged[1]))[1:] / (2e-6 * theta[1:])
    np.testing.assert_allclose(geometry.slope(theta)[1:], slope, rtol=1e-6)
    plus, minus = geometry.log_weights(theta)
    made = np.exp(depth * plus) - np.exp(depth * minus)
    np.testing.assert_allclose(made, beta, rtol=1e-10, atol=1e-13 * scale**depth)


def test_invariants_of_the_weights():
    theta = np.linspace(-5, 5, 11)
    plus, minus = Geometry(np.log(0.2), 2).log_weights(theta)
    np.testing.assert_allclose(np.exp(plus + minus), 0.04)
    plus, minus = Geometry(np.log(0.2), 5).log_weights(theta)
    np.testing.assert_allclose(np.exp(-3 * plus) + np.exp(-3 * minus), 2 * 0.2**-3)


@pytest.mark.parametrize(
    ("scale", "depth", "values"),
    [
        (0.1, 2, (2.0206489875835225, 0.7253611459249045, 0.3620905247181038,
                  0.545635494461318, 4.113417752718561)),
        (0.001, 2, (1.783190779351442, 0.8621894031487354, 0.07262087028296502,
                    0.5768311795078238, 20.8603275973692)),
        (0.1, 3, (1.8004150589179333, 0.8548804981549262, 0.07282548229197816,
                  0.5766501423617143, 1.3771429546341305)),
    ],
)  # fmt: skip
def test_limits(scale, depth, values):
    inputs, targets, truth = SLOW["by_formula"](8, 20)
    found = DiagonalNetwork(scale, depth).limit(inputs, targets)
    beta = found.beta
    excess = np.sum((beta - truth) ** 2)
    got = (np.abs(beta).sum(), np.linalg.norm(beta), excess, beta[0], found.potential)
    assert found.status == "solved"
    np.testing.assert_allclose(got, values, rtol=1e-9)


@pytest.mark.parametrize(
    ("scale", "depth", "noise"),
    [(1e-9, 2, 0), (1e-3, 2, 0.1), (3.0, 2, 0.1), (1e-4, 3, 0.1), (0.3, 3, 0), (1e-3, 4, 0.1),
     (0.05, 2.2, 0.1), (1e-50, 2, 0.1)],
)  # fmt: skip
def test_limits_satisfy_their_conditions(scale, depth, noise):
    """Xβ = y, and Q'(β) lies in the row space of X."""
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((20, 60))
    targets = inputs[:, :3] @ [1.0, -2.0, 0.5] + noise * rng.standard_normal(20)
    found = DiagonalNetwork(scale, depth).limit(inputs, targets)
    assert found.status == "solved"
    np.testing.assert_allclose(inputs @ found.beta, targets, atol=1e-12)
    geometry = Geometry(np.log(scale), depth)
    slope = geometry.mirror(geometry.theta(found.beta))
    rest = slope - inputs.T @ np.linalg.lstsq(inputs.T, slope, rcond=None)[0]
    inverse = geometry.curvature_inverse(geometry.theta(found.beta))
    # a residual of the mirror map counts for the change of β that it stands for
    assert np.max(np.abs(rest) * np.minimum(inverse, 1)) < 1e-10


@pytest.mark.parametrize("noise", [0, 0.1])
def test_deep_networks_at_small_scales_reach_the_least_l1_norm(noise):
    rng = np.random.default_rng(4)
    inputs = rng.standard_normal((20, 60))
    targets = inputs[:, :3] @ [1.0, -2.0, 0.5] + noise * rng.standard_normal(20)
    found = DiagonalNetwork(0.01, 10).limit(inputs, targets)
    np.testing.assert_allclose(found.beta, SLOW["least_l1"](inputs, targets), atol=1e-9)
    assert found.potential == pytest.approx(np.abs(found.beta).sum(), rel=1e-12)


def test_limit_is_the_end_of_the_flow():
    inputs, targets, _ = SLOW["by_formula"](8, 20)
    for scale, depth in ((0.3, 2), (0.5, 3)):
        network = DiagonalNetwork(scale, depth)
        end = network.flow(inputs, targets, 1e3)
        np.testing.assert_allclose(network.limit(inputs, targets).beta, end, atol=1e-8)


def test_kernel_and_rich_ends():
    inputs, targets, _ = SLOW["by_formula"](8, 20)
    least_l2 = np.linalg.pinv(inputs) @ targets
    least_l1 = SLOW["least_l1"](inputs, targets)
    for depth in (2, 3, 6):
        wide = DiagonalNetwork(100.0, depth).limit(inputs, targets).beta
        np.testing.assert_allclose(wide, least_l2, atol=1e-6)
        rich = DiagonalNetwork(1e-6, depth).limit(inputs, targets).beta
        np.testing.assert_allclose(rich, least_l1, atol=0.04 if depth == 2 else 1e-4)


def test_rich_potential_tends_to_the_l1_norm():
    beta, scale, depth = np.array([1.0, -0.5, 2.0]), 1e-3, 4
    first = depth / 2 * scale ** (depth - 2) * np.sum(np.abs(beta) ** (2 / depth))
    expected = np.abs(beta).sum() - first + 1.5 * len(beta) * scale**depth
    found = DiagonalNetwork(scale, depth).potential(beta)
    assert found == pytest.approx(expected, abs=scale**4 / 10)


def test_flow_values():
    inputs, targets, truth = SLOW["by_formula"](8, 20)
    beta = DiagonalNetwork(0.3).flow(inputs, targets, [0.01, 0.1, 1])
    norms = np.linalg.norm(beta, axis=1)
    np.testing.assert_allclose(
        norms, [0.16961750655106048, 0.6357508925565933, 0.6837640882252537], rtol=1e-9
    )
    np.testing.assert_allclose(
        np.sum((beta - truth) ** 2, axis=1),
        [0.8162922419927052, 0.4947581160863934, 0.4780781600361885],
        rtol=1e-9,
    )


def test_logistic_flow_values():
    inputs, targets, truth = SLOW["by_formula"](30, 40)
    labels = np.sign(targets)
    beta = DiagonalNetwork(0.1).flow(inputs, labels, [10, 100, 1000], loss="logistic")
    norms = np.linalg.norm(beta, axis=1)
    np.testing.assert_allclose(
        np.log(norms), [0.8457343952843187, 1.7148469448217343, 2.090199803665093], rtol=1e-8
    )
    np.testing.assert_allclose(
        np.arccos(beta @ truth / norms) / np.pi,
        [0.18790569523539827, 0.16187571293649625, 0.16260772704599075],
        rtol=1e-8,
    )
    losses = np.mean(np.logaddexp(0, -labels * (beta @ inputs.T)), axis=1)
    np.testing.assert_allclose(
        losses, [0.05440355415015383, 0.0014943791256616637, 9.281562324658586e-05], rtol=1e-7
    )


@pytest.mark.parametrize(
    ("scale", "depth", "size", "times", "loss"),
    [
        (0.3, 3, 8, (0.01, 0.1), "squared"),
        (0.1, 2.5, 8, (0.05, 0.2), "squared"),
        (0.7, 6, 8, (0.001, 0.01), "squared"),
        (5.0, 2, 8, (1e-4, 1e-3), "squared"),
        (0.2, 2, 20, (0.01, 0.1), "squared"),
        (0.5, 3, 20, (1.0, 10.0), "logistic"),
        (0.01, 2, 20, (1.0, 10.0), "logistic"),
    ],
)
def test_flow_is_that_of_the_weights(scale, depth, size, times, loss):
    inputs, targets, _ = SLOW["by_formula"](size, 12)
    asked = targets if loss == "squared" else np.sign(targets)
    slow = SLOW["weight_flow"](inputs, asked, scale, depth, times, loss)
    fast = DiagonalNetwork(scale, depth).flow(inputs, asked, times, loss=loss)
    np.testing.assert_allclose(fast, slow, atol=1e-7 * np.abs(slow).max())


def test_flow_takes_times_in_any_shape_and_order():
    inputs, targets, _ = SLOW["by_formula"](4, 6)
    network = DiagonalNetwork(0.3)
    grid = network.flow(inputs, targets, [[1, 0], [0.1, 1]])
    assert grid.shape == (2, 2, 6)
    np.testing.assert_array_equal(grid[0, 0], grid[1, 1])
    assert not grid[0, 1].any()
    assert network.flow(inputs, targets, 0.1).shape == (6,)


@pytest.mark.parametrize("depth", [2, 3])
def test_descent_on_the_weights_tends_to_the_flow(depth):
    inputs, targets, _ = SLOW["by_formula"](8, 20)
    network = DiagonalNetwork(0.4, depth)
    flow = network.flow(inputs, targets, 0.1)
    gaps = [
        np.linalg.norm(
            descend_diagonal(
                network, inputs, targets, learning_rate=rate, steps=[round(0.1 / rate)]
            )
            - flow
        )
        for rate in (2e-4, 1e-4)
    ]
    assert gaps[1] < 0.01
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.05)  # first order in the rate


def test_descent_that_diverges_says_so():
    inputs, targets, _ = SLOW["by_formula"](8, 20)
    with pytest.warns(NormlawsWarning, match="diverged"):
        beta = descend_diagonal(
            DiagonalNetwork(0.4), inputs, targets, learning_rate=10.0, steps=[50]
        )
    assert np.isnan(beta).all()


def test_beyond_double_precision_says_so():
    inputs, targets, _ = SLOW["by_formula"](4, 6)
    network = DiagonalNetwork(1e-200)
    with pytest.warns(NormlawsWarning, match="double precision does not carry the limit"):
        found = network.limit(inputs, targets)
    assert found.status == "beyond precision"
    assert np.isnan(found.potential)
    assert np.isnan(found.beta).all()
    with pytest.warns(NormlawsWarning, match="the flow"):
        assert np.isnan(network.flow(inputs, targets, [1.0])).all()
    with pytest.warns(NormlawsWarning, match="the potential"):
        assert np.isnan(network.potential([1.0]))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: DiagonalNetwork(0), "expected init_scale to be positive and finite, got 0"),
        (lambda: DiagonalNetwork(-0.1), "expected init_scale to be positive"),
        (lambda: DiagonalNetwork(0.1, 1.5), "expected depth to be at least 2, got 1.5"),
        (lambda: DiagonalNetwork(0.1).limit(np.ones((3, 2)), np.ones(3)), "got 3 examples in 2"),
        (lambda: DiagonalNetwork(0.1).limit(np.ones((2, 3)), np.ones(2)), "independent rows"),
        (lambda: DiagonalNetwork(0.1).limit(np.ones(3), np.ones(3)), r"X of shape \(P, d\)"),
        (lambda: DiagonalNetwork(0.1).flow([[1.0]], [2.0], [1], loss="logistic"), "got 2"),
        (lambda: DiagonalNetwork(0.1).flow([[1.0]], [2.0], [-1]), "times of at least 0, got -1"),
        (lambda: DiagonalNetwork(0.1).flow([[1.0]], [2.0], [1], loss="hinge"), "got 'hinge'"),
        (lambda: DiagonalNetwork(0.1).flow([[np.nan]], [2.0], [1]), "X to be finite, got nan"),
        (lambda: DiagonalNetwork(0.1).curves([10], dimension=3), "got 5"),
        (lambda: DiagonalNetwork(0.1).curves([10], noise=-1), "noise"),
    ],
)
def test_out_of_range(act, message):
    with pytest.raises(InputError, match=message):
        act()

"""The warm estimator: as accurate as it says along real trainings, and resumable bit by bit."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms import DATA_FREE_NORMS, NormMeter, measure
from normlaws.norms.operators import Flat
from normlaws.norms.spectrum.cold import orthonormal, top_ritz


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 96, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(96 * 16, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


class Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x):
        return torch.relu(x + self.body(x))


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 80, 3, padding=1, bias=False), nn.BatchNorm2d(80), nn.ReLU(),
        Residual(80), nn.Conv2d(80, 96, 1, stride=2), Residual(96),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10),
    )  # fmt: skip


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(1, 96, 2, 2)
        block = nn.TransformerEncoderLayer(96, 4, 192, 0.0, "gelu", batch_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(96, 10)

    def forward(self, x):
        return self.head(self.blocks(self.patch(x).flatten(2).mT).mean(1))


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.tensor(data.images[:256], dtype=torch.float32)[:, None] / 8 - 1
    return images, torch.tensor(data.target[:256])


def along_a_training(model: nn.Module, steps: int):
    """Real Adam steps; a learning-rate spike in the middle, other weights loaded near the end."""
    torch.manual_seed(0)
    images, labels = digits()
    start = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for step in range(steps):
        yield step
        optimizer.param_groups[0]["lr"] = 0.1 if step == steps // 2 else 2e-3
        batch = torch.randint(len(images), (32,))
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == steps - 4:
            model.load_state_dict(start)


@pytest.fixture(params=[True, False], ids=["compiled", "plain"])
def compiled(request) -> bool:
    """Both ways of refining a flat matrix."""
    return request.param


@pytest.mark.parametrize(
    ("build", "conv", "steps", "compiled"),
    [
        (cnn, "flat", 24, True),
        (resnet, "flat", 16, True),
        (ViT, "flat", 24, True),
        (cnn, "flat", 24, False),
        (resnet, "flat", 16, False),
        (ViT, "flat", 24, False),
        (cnn, "operator", 12, True),
        (resnet, "operator", 6, True),
        (ViT, "operator", 8, True),
        (ViT, "operator", 8, False),
    ],
)
def test_warm_values_stay_within_the_requested_error(build, conv, steps, compiled):
    torch.manual_seed(0)
    model = build()
    example = torch.zeros(1, 1, 8, 8)
    meter = NormMeter(model, conv=conv, example_input=example, compiled=compiled)
    for step in along_a_training(model, steps):
        warm = meter.measure()
        exact = measure(model, conv=conv, example_input=example)
        found = np.array([layer.log_spectral_norm for layer in meter.last])
        error = np.abs(found - exact.layers.log_spectral_norm)
        assert error.max() <= meter.relative_error, f"step {step}"
        assert max(meter.bounds.values()) <= meter.relative_error
        for name in ("log_frobenius", "log_l1", "log_group_21"):
            assert warm[name] == pytest.approx(exact.total[name], abs=1e-6)
        complexity = exact.total["log_spectral_complexity"]
        allowed = len(found) * meter.relative_error
        assert warm["log_spectral_complexity"] == pytest.approx(complexity, abs=allowed)


def test_resumed_meter_records_the_same_bits(compiled):
    torch.manual_seed(0)
    model = cnn()
    meter = NormMeter(model, compiled=compiled)
    values, resumed = [], None
    for step in along_a_training(model, 12):
        values.append(meter.measure())
        if resumed is not None:
            assert resumed.measure() == values[-1]
        if step == 5:
            state = {key: value.clone() for key, value in meter.state_dict().items()}
            resumed = NormMeter(model, compiled=compiled)
            resumed.load_state_dict(state)
    assert all(isinstance(value, torch.Tensor) for value in meter.state_dict().values())


def test_meter_neither_reads_nor_moves_the_global_random_numbers():
    model = cnn()
    torch.manual_seed(1)
    first = NormMeter(model).measure()
    state = torch.get_rng_state()
    second = NormMeter(model).measure()
    assert torch.equal(state, torch.get_rng_state())
    assert first == second


def test_cold_start_is_not_caught_by_the_second_singular_value():
    """Two leading values 4e-3 apart, many start vectors: the trap of a loose tolerance."""
    rng = np.random.default_rng(0)
    u, _ = np.linalg.qr(rng.standard_normal((300, 300)))
    v, _ = np.linalg.qr(rng.standard_normal((400, 300)))
    values = np.concatenate([[1.0, 0.996], np.linspace(0.95, 0.1, 298)])
    layer = nn.Linear(400, 300)
    layer.weight.data = torch.tensor((u * values) @ v.T, dtype=torch.float32)
    for seed in range(20):
        value = NormMeter(layer, seed=seed).measure()["log_spectral_product"]
        assert value == pytest.approx(0, abs=1e-6)


def test_crossing_of_singular_values_is_followed(compiled):
    """The leading pair shrinks without turning; the second becomes the first."""
    rng = np.random.default_rng(0)
    u, _ = np.linalg.qr(rng.standard_normal((100, 100)))
    rest = np.linspace(0.8, 0.1, 97)
    layer = nn.Linear(100, 100)
    meter = NormMeter(layer, compiled=compiled)
    for first in np.linspace(1.05, 0.6, 30):
        values = np.concatenate([[first, 0.9, 0.85], rest])
        layer.weight.data = torch.tensor((u * values) @ u.T, dtype=torch.float32)
        value = meter.measure()["log_spectral_product"]
        assert value == pytest.approx(math.log(max(first, 0.9)), abs=1e-6)


@pytest.mark.parametrize("build", [lambda: nn.Linear(150, 120), lambda: nn.Embedding(300, 90)])
def test_repeated_leading_values(build):
    module = build()
    nn.init.orthogonal_(module.weight)
    assert NormMeter(module).measure()["log_spectral_product"] == pytest.approx(0, abs=1e-6)


def test_bound_is_a_bound():
    """The error of the root of the top Ritz value lies below its bound at every tolerance."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((1, 60, 60))
    exact = np.linalg.norm(matrix[0], 2)
    for tolerance in (1e-2, 1e-4, 1e-6, 1e-8):
        start = orthonormal(rng.standard_normal((1, 3, 60)))
        found = top_ritz(Flat(torch.from_numpy(matrix[0])), start, tolerance, blocks=3)
        error = 1 - found.values[0] ** 0.5 / exact
        assert error <= found.errors[0] <= tolerance


def test_names_select_what_is_measured():
    model = cnn()
    every = NormMeter(model).measure()
    assert set(every) == {f"log_{name}" for name in DATA_FREE_NORMS}
    for name in DATA_FREE_NORMS:
        assert NormMeter(model, norms=(name,)).measure() == {f"log_{name}": every[f"log_{name}"]}


@pytest.mark.parametrize("names", [None, ("spectral_product",)])
def test_broken_weights_are_noticed_between_calls_and_forgotten(names, compiled):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(100, 80), nn.Linear(80, 90))
    meter = NormMeter(model, norms=names, compiled=compiled)
    usual = meter.measure()["log_spectral_product"]
    good = model[1].weight.detach().clone()
    model[1].weight.data[3, 4] = math.nan
    with pytest.warns(NormlawsWarning, match="not finite in 1:"):
        assert math.isnan(meter.measure()["log_spectral_product"])
    for value, expected in ((good, usual), (0 * good, -math.inf), (1e25 * good, None)):
        model[1].weight.data = value
        found = meter.measure()["log_spectral_product"]
        assert found == pytest.approx(usual + math.log(1e25) if expected is None else expected)


def test_one_of_several_equal_layers_jumps(compiled):
    torch.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(100, 100) for _ in range(3)])
    meter = NormMeter(model, compiled=compiled)
    for _ in range(3):
        meter.measure()
        nn.init.normal_(model[1].weight)
        expected = measure(model).layers.log_spectral_norm
        meter.measure()
        assert [row.log_spectral_norm for row in meter.last] == pytest.approx(
            list(expected), abs=1e-6
        )


def test_grouped_matrices_too_large_to_diagonalise(compiled):
    torch.manual_seed(0)
    conv = nn.Conv2d(160, 160, 3, groups=2)
    meter = NormMeter(conv, compiled=compiled)
    for _ in range(3):
        found = meter.measure()["log_spectral_product"]
        expected = measure(conv).total["log_spectral_product"]
        assert found == pytest.approx(expected, abs=1e-6)
        with torch.no_grad():
            conv.weight.add_(1e-3 * torch.randn_like(conv.weight))


@pytest.mark.parametrize("groups", [2, 8])
def test_grouped_operators_are_followed(groups):
    """Through small steps of the weights, and a jump."""
    torch.manual_seed(0)
    conv, example = nn.Conv2d(8, 8, 3, padding=1, groups=groups), torch.zeros(1, 8, 16, 16)
    meter = NormMeter(conv, conv="operator", example_input=example)
    for step in range(5):
        found = meter.measure()["log_spectral_product"]
        expected = measure(conv, conv="operator", example_input=example)
        assert found == pytest.approx(expected.total["log_spectral_product"], abs=1e-4)
        assert max(meter.bounds.values()) <= 1e-4
        with torch.no_grad():
            conv.weight.add_((1.0 if step == 2 else 1e-3) * torch.randn_like(conv.weight))


def test_broken_weights_of_a_grouped_operator_are_noticed():
    torch.manual_seed(0)
    conv, example = nn.Conv2d(8, 8, 3, padding=1, groups=2), torch.zeros(1, 8, 16, 16)
    meter = NormMeter(conv, norms=("spectral_product",), conv="operator", example_input=example)
    usual = meter.measure()["log_spectral_product"]
    good = conv.weight.detach().clone()
    conv.weight.data[3, 1] = math.nan
    with pytest.warns(NormlawsWarning, match="not finite"):
        assert math.isnan(meter.measure()["log_spectral_product"])
    conv.weight.data = good
    assert meter.measure()["log_spectral_product"] == pytest.approx(usual, abs=1e-4)


def test_state_of_another_model_is_refused():
    state = NormMeter(nn.Linear(100, 100))
    state.measure()
    with pytest.raises(InputError, match="state of a NormMeter of the same model"):
        NormMeter(cnn()).load_state_dict({"other": torch.zeros(1)})
    saved = state.state_dict()
    with pytest.raises(InputError, match=r"of  of shapes \[\(1, 3, 100\), \(1, 3\), "):
        state.load_state_dict({**saved, ".vectors": saved[".vectors"][..., :50]})
    del saved[".drift"]
    with pytest.raises(InputError, match=r"got \[\(1, 3, 100\), \(1, 3\), None, "):
        state.load_state_dict(saved)
    with pytest.raises(InputError, match="relative_error between 0 and"):
        NormMeter(cnn(), relative_error=0.5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(dtype, compiled):
    """Cold and warm."""
    torch.manual_seed(0)
    model = cnn().to(dtype)
    meter, exact = NormMeter(model, compiled=compiled), measure(model).total
    for _ in range(2):
        for name, value in meter.measure().items():
            assert value == pytest.approx(exact[name], abs=1e-5)


def test_errors_far_below_the_default_are_met_in_float64():
    torch.manual_seed(0)
    model = nn.Linear(300, 200)
    value = NormMeter(model, relative_error=1e-11).measure()["log_spectral_product"]
    assert value == pytest.approx(measure(model).total["log_spectral_product"], abs=1e-11)


@pytest.mark.parametrize("build", [cnn, lambda: nn.Embedding(300, 90)])
def test_other_orders_in_memory(build, compiled):
    """Weights that lie channels last, and a table that is read as its transpose."""
    torch.manual_seed(0)
    model = build()
    exact = measure(model).total
    if model.children():
        model = model.to(memory_format=torch.channels_last)
    meter = NormMeter(model, compiled=compiled)
    for _ in range(2):
        for name, value in meter.measure().items():
            assert value == pytest.approx(exact[name], abs=1e-6)


def test_replaced_submodules_are_measured(compiled):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(80, 100), nn.ReLU(), nn.Linear(100, 90))
    meter = NormMeter(model, compiled=compiled)
    meter.measure()
    model[2] = nn.Linear(100, 120)
    model.append(nn.Linear(120, 3))
    found = meter.measure()["log_spectral_complexity"]
    assert len(meter.layers) == 3
    assert found == pytest.approx(measure(model).total["log_spectral_complexity"], abs=1e-5)
    model[2].weight = nn.Parameter(torch.randn(120, 70))  # another shape, the same module
    found = meter.measure()["log_spectral_product"]
    assert found == pytest.approx(measure(model).total["log_spectral_product"], abs=1e-5)

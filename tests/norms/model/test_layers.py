"""Kinds of modules: wrappers, stacks, biases, complex and quantised weights, adapters."""

from __future__ import annotations

import math
import threading

import pytest
import torch
from tests.norms.suite import largest_singular_value
from torch import nn
from torch.nn.utils import parametrizations

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms import NormMeter, measure


def probed(module, inputs: int) -> torch.Tensor:
    with torch.no_grad():
        return (module(torch.eye(inputs)) - module(torch.zeros(1, inputs))).T


def test_wrappers_are_seen_through_on_either_side():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    start = {name: value.clone() for name, value in model.state_dict().items()}
    compiled, averaged = torch.compile(model), torch.optim.swa_utils.AveragedModel(model)
    for one, reference in (
        (compiled, start),
        (model, compiled.state_dict()),
        (model, nn.DataParallel(model)),
        (averaged, model),
        (model, averaged.state_dict()),
    ):
        found = measure(one, reference=reference)
        assert found.total["log_distance"] == -math.inf
        assert list(found.layers["name"]) == ["0", "2"]


def test_a_reference_needs_no_copy_of_the_model():
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
    start = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        model[0].weight.add_(1)
    model.lock = threading.Lock()
    assert measure(model, reference=start).total["log_distance"] == pytest.approx(
        math.log(20) / 2, abs=1e-6
    )
    with pytest.raises(InputError, match=r"0\.weight is missing there"):
        measure(model, reference={"0.bias": start["0.bias"]})


def test_experts_are_matrices_of_their_own():
    torch.manual_seed(1)

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Parameter(torch.randn(3, 12, 8))
            self.down = nn.Parameter(torch.randn(3, 8, 12))
            self.down_bias = nn.Parameter(torch.zeros(3, 12))

    experts = Experts()
    with pytest.warns(NormlawsWarning) as said:
        table = measure(experts).layers
    assert "as 3 matrices of 12 × 8, of which the largest" in str(said[0].message)
    largest = max(largest_singular_value(matrix) for matrix in experts.up)
    assert math.exp(table.log_spectral_norm[0]) == pytest.approx(largest, rel=1e-9)
    rows = experts.down.detach().double().mT.square().sum(-1).sqrt().sum()
    assert math.exp(table.log_group_21[1]) == pytest.approx(float(rows), rel=1e-9)
    assert list(table["name"]) == ["up", "down"]


def test_complex_weights_count_by_modulus():
    layer = nn.Linear(2, 2, dtype=torch.cfloat)
    layer.weight = nn.Parameter(torch.tensor([[3 + 4j, 0], [0, 1]], dtype=torch.cfloat))
    for total in (measure(layer).total, NormMeter(layer).measure()):
        assert total["log_spectral_product"] == pytest.approx(math.log(5), abs=1e-6)
        assert total["log_l1"] == pytest.approx(math.log(6), abs=1e-6)
        assert total["log_frobenius"] == pytest.approx(math.log(26) / 2, abs=1e-6)


def test_weights_without_numbers_are_refused_in_one_sentence():
    meta = nn.Sequential(nn.Linear(8, 16, device="meta"), nn.Linear(16, 4))
    with pytest.raises(InputError, match=r"0\.weight is on the meta device"):
        measure(meta)
    with pytest.raises(InputError, match=r"0\.weight is not initialised yet"):
        measure(nn.Sequential(nn.LazyLinear(3)))
    assert len(measure(nn.Sequential(nn.Linear(8, 3), nn.Embedding(0, 4))).layers) == 1


@pytest.mark.parametrize("cell", [nn.GRUCell(3, 4), nn.LSTM(3, 4)], ids=["cell", "layer"])
def test_parametrised_recurrent_layers(cell):
    name = "weight_hh" if isinstance(cell, nn.GRUCell) else "weight_hh_l0"
    cell = parametrizations.weight_norm(cell, name)
    with torch.no_grad():
        cell.parametrizations[name].original0.mul_(5)
    table = measure(cell).layers.set_index("name")
    assert len(table) == 2
    assert math.exp(table.log_spectral_norm[name]) == pytest.approx(
        largest_singular_value(getattr(cell, name)), rel=1e-6
    )


class Linear8(nn.Linear):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        weight = self.weight.detach()
        self.register_buffer("scale", weight.abs().amax(1, keepdim=True) / 127)
        self.weight = nn.Parameter((weight / self.scale).round().to(torch.int8), False)

    def forward(self, x):
        return nn.functional.linear(x, self.weight * self.scale, self.bias)


def test_integer_weights_are_measured_as_what_the_layer_computes():
    torch.manual_seed(2)
    model = nn.Sequential(Linear8(8, 16))
    found = measure(model).layers.log_spectral_norm[0]
    assert math.exp(found) == pytest.approx(largest_singular_value(probed(model, 8)), rel=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_dynamic_quantisation_is_measured_dequantised():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 2))
    quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    table = measure(quantised).layers
    expected = largest_singular_value(quantised[0].weight().dequantize())
    assert len(table) == 2
    assert math.exp(table.log_spectral_norm[0]) == pytest.approx(expected, rel=1e-6)


def test_packed_weights_are_refused_by_name():
    packed = nn.Linear(8, 16)
    packed.weight = nn.Parameter(torch.zeros(64, 1, dtype=torch.uint8), False)
    with pytest.raises(InputError, match=r"0 \(Linear\) holds uint8 weights"):
        measure(nn.Sequential(packed))


def test_an_adapter_that_is_itself_a_linear_layer():
    torch.manual_seed(4)

    class Lora(nn.Linear):
        def __init__(self):
            super().__init__(8, 6)
            self.lora_A = nn.Parameter(torch.randn(2, 8))
            self.lora_B = nn.Parameter(torch.randn(6, 2))

        def forward(self, x):
            return super().forward(x) + x @ self.lora_A.T @ self.lora_B.T

    model = nn.Sequential(Lora())
    table = measure(model).layers
    assert list(table["name"]) == ["0"]
    assert math.exp(table.log_spectral_norm[0]) == pytest.approx(
        largest_singular_value(probed(model, 8)), rel=1e-6
    )

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from normlaws.training.columns import by_columns

CHAINS = {
    "mlp": [nn.Flatten(), nn.Linear(12, 7), nn.ReLU(), nn.Dropout(0.5), nn.Linear(7, 3)],
    "without bias": [nn.Flatten(), nn.Linear(12, 3, bias=False)],
    "rectified at once": [nn.Flatten(), nn.ReLU(), nn.ReLU(), nn.Linear(12, 3), nn.ReLU()],
    "one output": [nn.Flatten(), nn.Linear(12, 5), nn.Identity(), nn.Linear(5, 1)],
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_dense_layers_gives_its_own_outputs(name):
    model = nn.Sequential(*CHAINS[name]).double().eval()
    images = torch.randn(11, 3, 2, 2, dtype=torch.float64)
    found, before = by_columns(model), images.clone()
    assert found is not None
    with torch.inference_mode():
        torch.testing.assert_close(found(images), model(images), rtol=1e-12, atol=1e-12)
    assert torch.equal(images, before)


class Doubled(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(inputs)


class Backwards(nn.Sequential):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs.flip(1))


def watched() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    model[1].register_forward_hook(lambda layer, inputs, output: 2 * output)
    return model


OTHERS = {
    "another layer": nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Tanh()),
    "normalisation": nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.BatchNorm1d(2)),
    "tokens": nn.Sequential(nn.Linear(4, 2), nn.ReLU()),
    "partly flattened": nn.Sequential(nn.Flatten(2), nn.Linear(4, 2)),
    "a layer of its own kind": nn.Sequential(nn.Flatten(), Doubled(4, 2)),
    "a chain of its own kind": Backwards(nn.Flatten(), nn.Linear(4, 2)),
    "parametrised": nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(4, 2))),
    "with a hook": watched(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_are_left_to_themselves(name):
    assert by_columns(OTHERS[name]) is None

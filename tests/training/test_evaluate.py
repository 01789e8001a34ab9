from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

from normlaws.problems import Examples
from normlaws.training.evaluate import BATCH, MOST, evaluation_mode, fitting_batch, score


def network() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    model[1].eval()
    return model


def examples(count: int) -> Examples:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 4, generator=generator)
    return Examples(inputs, torch.randint(0, 3, (count,), generator=generator))


@pytest.mark.parametrize("count", [3, BATCH, 2 * BATCH + 7])
def test_score_equals_scikit_learn(count):
    model, given = network(), examples(count)
    got = score(model, given)
    with torch.no_grad():
        logits = model.eval()(given.inputs)
    probabilities = logits.double().softmax(dim=1).numpy()
    labels = given.labels.numpy()
    np.testing.assert_allclose(got.loss, log_loss(labels, probabilities, labels=[0, 1, 2]), 1e-5)
    np.testing.assert_allclose(got.error, 1 - accuracy_score(labels, probabilities.argmax(1)))


def test_every_module_returns_to_its_own_mode_also_after_an_exception():
    model = network()
    modes = [module.training for module in model.modules()]
    assert len(set(modes)) == 2
    score(model, examples(5))
    with evaluation_mode(model):
        assert not any(module.training for module in model.modules())
    with pytest.raises(RuntimeError), evaluation_mode(model):
        raise RuntimeError
    assert [module.training for module in model.modules()] == modes


def test_scoring_touches_neither_gradients_nor_statistics():
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    score(model, examples(5))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_outputs_that_are_not_finite_score_nan():
    model = network()
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    assert np.isnan(score(model, examples(5))).all()


@pytest.mark.parametrize(("width", "expected"), [(1, MOST), (1 << 15, 128), (1 << 16, 64)])
def test_wide_layers_are_scored_by_smaller_batches_to_the_same_result(width, expected):
    torch.manual_seed(0)
    given = examples(3 * 64 + 5)
    inputs = given.images[0].numel()
    model = nn.Sequential(nn.Flatten(), nn.Linear(inputs, width), nn.Linear(width, 10))
    batch = fitting_batch(model, given)
    assert batch == expected
    assert not any(module._forward_hooks for module in model.modules())
    assert model.training
    small, whole = score(model, given, batch), score(model, given)
    assert small.error == whole.error
    assert small.loss == pytest.approx(whole.loss, rel=1e-5)

"""Whole models: every weight matrix accounted for, nothing changed by looking."""

from __future__ import annotations

import copy
import math
import warnings

import pytest
import torch
import transformers
from torch import nn
from torch.nn.utils import parametrizations, prune
from torchvision import models

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms import NormMeter, measure
from normlaws.norms.model.layers import inventory

from .suite import largest_singular_value, parameters_of, rows_21, spectral_complexity


def accounted(model: nn.Module) -> None:
    """Every parameter is in a layer or uncounted for a reason; every matrix is in a layer."""
    result = measure(model)
    matrices = [p for p in parameters_of(model) if sum(side > 1 for side in p.shape) > 1]
    additive = [item for item in result.uncounted if "broadcast" in item.reason]
    weights = sum(p.numel() for p in matrices) - sum(math.prod(item.shape) for item in additive)
    assert result.total["weights"] == weights
    left = sum(math.prod(item.shape) for item in result.uncounted)
    assert weights + left == result.total["parameters"]
    assert math.isfinite(result.total["log_spectral_complexity"])
    assert set(NormMeter(model).measure()) <= set(result.total)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("resnet50", 54),
        ("vit_b_16", 74),
        ("convnext_tiny", 59),
        ("efficientnet_b0", 82),
        ("mobilenet_v3_small", 54),
        ("mobilenet_v3_large", 64),
    ],
)
def test_torchvision_models_are_accounted_for(name, layers):
    with torch.device("meta"):
        model = getattr(models, name)(weights=None)
    found = inventory(model)
    owned = {id(source) for layer in found.layers for source in layer.sources}
    names = {item.name for item in found.uncounted}
    for key, parameter in model.named_parameters():
        assert (id(parameter) in owned) != (key in names), key
        if id(parameter) not in owned:
            additive = parameter.ndim == 3 and parameter.shape[0] == 1
            assert sum(side > 1 for side in parameter.shape) <= 1 or additive, key
    assert len(found.layers) == layers
    weights = sum(math.prod(layer.shape) for layer in found.layers)
    assert weights == sum(p.numel() for p in model.parameters() if id(p) in owned)


def gpt2():
    config = transformers.GPT2Config(n_embd=24, n_layer=2, n_head=2, vocab_size=50, n_positions=16)
    return transformers.GPT2LMHeadModel(config)


def bert():
    config = transformers.BertConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        vocab_size=50, max_position_embeddings=16,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


def hf_vit():
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        image_size=16, patch_size=4,
    )  # fmt: skip
    return transformers.ViTForImageClassification(config)


# embeddings + layers x (q, k, v, o, two of the MLP) + head; GPT-2's head is tied
@pytest.mark.parametrize(
    ("build", "layers"), [(gpt2, 2 + 2 * 6), (bert, 3 + 2 * 6 + 2), (hf_vit, 1 + 2 * 6 + 1)]
)
def test_transformers_models_are_accounted_for(build, layers):
    model = build()
    accounted(model)
    assert len(measure(model).layers) == layers


def test_gpt2_head_is_tied_and_its_projections_are_transposed_and_split():
    model = gpt2()
    table = measure(model).layers.set_index("name")
    assert table.loc["transformer.wte", "tied"] == ("lm_head",)
    stored = model.transformer.h[0].attn.c_attn.weight.detach()
    value = stored[:, 48:].T
    row = table.loc["transformer.h.0.attn.c_attn[value]"]
    assert row.kind == "attention.value"
    assert math.exp(row.log_spectral_norm) == pytest.approx(largest_singular_value(value), rel=1e-9)
    assert math.exp(row.log_group_21) == pytest.approx(rows_21(value), rel=1e-9)


def resnet18() -> nn.Module:
    net = models.resnet18(num_classes=10)
    net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    return net


def test_resnet18_counts_twenty_convolutions_and_the_last_layer():
    table = measure(resnet18()).layers
    assert (table.kind == "conv2d").sum() == 20
    assert (table.kind == "linear").sum() == 1
    assert table.name.str.contains("downsample").sum() == 3


@pytest.mark.parametrize("separate", [False, True])
def test_attention_is_split(separate):
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, kdim=6 if separate else None)
    table = measure(module).layers.set_index("name")
    assert list(table.kind) == [f"attention.{part}" for part in ("query", "key", "value", "output")]
    key = module.k_proj_weight if separate else module.in_proj_weight[8:16]
    expected = largest_singular_value(key)
    assert math.exp(table.loc["[key]"].log_spectral_norm) == pytest.approx(expected, rel=1e-9)


def test_the_network_is_the_sum_of_its_matrices():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 2))
    start = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    matrices = [layer.weight for layer in model[::2]]
    origin = [start[f"{index}.weight"] for index in (0, 2, 4)]
    zero = measure(model).total
    away = measure(model, reference=start).total
    everything = torch.cat([m.detach().double().flatten() for m in matrices])
    assert math.exp(zero["log_spectral_complexity"]) == pytest.approx(spectral_complexity(matrices))
    assert math.exp(away["log_spectral_complexity"]) == pytest.approx(
        spectral_complexity(matrices, origin)
    )
    assert math.exp(zero["log_frobenius"]) == pytest.approx(float(everything.norm()))
    assert math.exp(zero["log_l1"]) == pytest.approx(float(everything.abs().sum()))
    assert math.exp(zero["log_group_21"]) == pytest.approx(sum(map(rows_21, matrices)))
    difference = torch.cat([(m - o).flatten() for m, o in zip(matrices, origin, strict=True)])
    assert math.exp(away["log_distance"]) == pytest.approx(
        float(difference.detach().norm()), rel=1e-6
    )


@pytest.mark.parametrize(
    "wrap", ["new_weight_norm", "old_weight_norm", "new_sn", "old_sn", "prune"]
)
def test_parametrised_weights_are_measured_as_used(wrap):
    torch.manual_seed(2)
    layer = nn.Linear(6, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        wrapped = {
            "new_weight_norm": parametrizations.weight_norm,
            "old_weight_norm": torch.nn.utils.weight_norm,
            "new_sn": parametrizations.spectral_norm,
            "old_sn": torch.nn.utils.spectral_norm,
            "prune": lambda m: prune.l1_unstructured(m, "weight", 0.5),
        }[wrap](layer)
    model = nn.Sequential(wrapped)
    with torch.no_grad():
        for parameter in model.parameters():  # stale copies of the weight would now be noticed
            parameter.mul_(1.5)
    before = copy.deepcopy(model.state_dict())
    model.train()
    result = measure(model)
    warm = NormMeter(model).measure()
    after = model.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert model.training
    model.eval()
    zero = torch.zeros(1, 6)
    used = (model(torch.eye(6)) - model(zero)).T
    assert len(result.layers) == 1
    expected = math.log(largest_singular_value(used))
    assert result.total["log_spectral_product"] == pytest.approx(expected, abs=1e-6)
    assert warm["log_spectral_product"] == pytest.approx(expected, abs=1e-6)


class LoRA(nn.Module):
    """In the manner of the common adapter library: a frozen base and two thin linear layers."""

    def __init__(self, base: nn.Linear, rank: int = 2, scaling: float = 3.0):
        super().__init__()
        self.base_layer = base
        self.lora_A = nn.ModuleDict({"default": nn.Linear(base.in_features, rank, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(rank, base.out_features, bias=False)})
        self.scaling = scaling
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        thin = self.lora_B["default"](self.lora_A["default"](self.dropout(x)))
        return self.base_layer(x) + self.scaling * thin


def test_adapters_are_measured_as_what_they_compute():
    torch.manual_seed(3)
    adapted = LoRA(nn.Linear(6, 4))
    table = measure(nn.Sequential(adapted, nn.Linear(4, 2))).layers
    thin = adapted.lora_B["default"].weight @ adapted.lora_A["default"].weight
    expected = largest_singular_value(adapted.base_layer.weight + 3 * thin)
    assert list(table.name) == ["0", "1"]
    assert math.exp(table.log_spectral_norm[0]) == pytest.approx(expected, rel=1e-6)


class Mystery(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(4, 3, 2))


def test_unknown_modules_are_flat_and_named():
    with pytest.warns(NormlawsWarning, match=r"1\.table belongs to a Mystery"):
        result = measure(nn.Sequential(nn.Linear(2, 2), Mystery()))
    assert list(result.layers.kind) == ["linear", "unknown"]


def test_shared_modules_count_once():
    shared = nn.Linear(4, 4)
    table = measure(nn.Sequential(shared, nn.ReLU(), shared)).layers
    assert list(table.name) == ["0"]
    assert table.tied[0] == ("2",)


def test_batch_norm_folds_into_the_layer_before_it():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 1))
    model[1].weight.data.uniform_(0.5, 2)
    model[1].running_var.uniform_(0.5, 2)
    example = torch.randn(1, 2, 6, 6)
    table = measure(model, fold_batch_norm=True, example_input=example).layers
    scale = model[1].weight / (model[1].running_var + model[1].eps).sqrt()
    expected = largest_singular_value(scale[:, None] * model[0].weight.flatten(1))
    assert list(table.kind) == ["conv2d+batch_norm", "conv2d"]
    assert math.exp(table.log_spectral_norm[0]) == pytest.approx(expected, rel=1e-6)


def test_batch_norm_behind_a_sum_counts_as_a_diagonal_layer():
    class PreActivation(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)

        def forward(self, x):
            return self.norm(x + self.conv(x))

    example = torch.randn(1, 2, 4, 4)
    table = measure(PreActivation(), fold_batch_norm=True, example_input=example).layers
    assert list(table.kind) == ["conv2d", "gain"]


def test_gains_count_as_diagonal_layers_on_request():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    model[1].weight.data = torch.tensor([1.0, -5.0, 2.0, 0.5])
    table = measure(model, gains=True).layers.set_index("name")
    assert list(measure(model).layers.name) == ["0", "2"]
    assert math.exp(table.loc["1"].log_spectral_norm) == pytest.approx(5)
    assert math.exp(table.loc["1"].log_group_21) == pytest.approx(8.5)


def test_measuring_changes_nothing():
    torch.manual_seed(5)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(),
                          nn.Linear(64, 3))  # fmt: skip
    example = torch.randn(2, 1, 6, 6)
    model(example).sum().backward()
    calls = []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    model[2].eval()
    state = copy.deepcopy(model.state_dict())
    gradients = [p.grad.clone() for p in model.parameters()]
    modes = [m.training for m in model.modules()]
    random = torch.get_rng_state()
    measure(model, conv="operator", example_input=example, fold_batch_norm=True)
    NormMeter(model, conv="operator", example_input=example).measure()
    assert calls == []
    assert len(model[0]._forward_hooks) == 1
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert all(torch.equal(g, p.grad) for g, p in zip(gradients, model.parameters(), strict=True))
    assert all(p.requires_grad for p in model.parameters())
    assert modes == [m.training for m in model.modules()]
    assert torch.equal(random, torch.get_rng_state())


def test_values_beyond_1e300_stay_finite():
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(400)])
    with torch.no_grad():
        for layer in model:
            layer.weight.mul_(100)
    total = measure(model).total
    assert 1000 < total["log_spectral_complexity"] < 5000
    warm = NormMeter(model).measure()
    assert warm["log_spectral_complexity"] == pytest.approx(total["log_spectral_complexity"])


@pytest.mark.parametrize("value", [1e-30, 1e30])
def test_extreme_weights_keep_their_digits(value):
    torch.manual_seed(0)
    model = nn.Linear(100, 80, bias=False)
    usual = measure(model).total
    model.weight.data.mul_(value)
    for total in (measure(model).total, NormMeter(model).measure()):
        for name in ("log_spectral_complexity", "log_frobenius", "log_l1", "log_group_21"):
            assert total[name] == pytest.approx(usual[name] + math.log(value), abs=1e-5)


@pytest.mark.parametrize("width", [4, 80])
def test_zero_weights_give_minus_infinity(width):
    model = nn.Sequential(nn.Linear(width, width), nn.Linear(width, width))
    nn.init.zeros_(model[0].weight)
    for total in (measure(model).total, NormMeter(model).measure()):
        assert total["log_spectral_complexity"] == -math.inf
        assert math.isfinite(total["log_frobenius"])


@pytest.mark.parametrize("width", [4, 80])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_not_finite_give_nan_and_a_warning(width, bad):
    model = nn.Sequential(nn.Linear(width, width), nn.Linear(width, width))
    model[1].weight.data[0, 0] = bad
    for function in (lambda: measure(model).total, lambda: NormMeter(model).measure()):
        with pytest.warns(NormlawsWarning, match="not finite in 1:"):
            total = function()
        assert all(math.isnan(total[f"log_{name}"]) for name in ("frobenius", "l1", "group_21"))
        assert math.isnan(total["log_spectral_complexity"])


def test_refusals_say_what_is_allowed():
    model = nn.Linear(2, 2)
    with pytest.raises(InputError, match=r"conv=flat or operator, got 'fft'"):
        measure(model, conv="fft")
    with pytest.raises(InputError, match="definition bartlett"):
        measure(model, definition="neyshabur")
    with pytest.raises(InputError, match="expected example_input="):
        measure(model, conv="operator")
    with pytest.raises(InputError, match="at least one weight matrix"):
        measure(nn.LayerNorm(3))
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module, got a dict"):
        measure({})
    with pytest.raises(InputError, match="expected a reference"):
        measure(model, reference={"weight": torch.zeros(3, 3)})
    with pytest.raises(InputError, match="example_input that Linear accepts"):
        measure(model, conv="operator", example_input=torch.zeros(1, 7))
    with pytest.raises(InputError, match="expected norms among"):
        NormMeter(model, norms=("nuclear",))


def test_result_reads_well():
    result = measure(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)))
    assert "2 layers" in repr(result)
    assert "<table" in result._repr_html_()
    assert result.conventions["conv"] == "flat"
    assert result.as_dict()["layers"][0]["name"] == "0"

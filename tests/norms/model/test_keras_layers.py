"""Keras models against torch models with the same weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from torch import nn

import normlaws as nl
from normlaws.errors import InputError, NormlawsWarning

TOTALS = [f"log_{name}" for name in nl.norms.DATA_FREE_NORMS]


def tensor(variable, *order):
    value = torch.from_numpy(keras.ops.convert_to_numpy(variable).copy())
    return nn.Parameter(value.permute(order) if order else value)


def assert_same(model, twin):
    found, expected = nl.measure(model), nl.measure(twin)
    for name in TOTALS:
        np.testing.assert_allclose(found.total[name], expected.total[name], rtol=1e-6)
    columns = ["log_spectral_norm", "log_frobenius", "log_l1", "log_group_21"]
    np.testing.assert_allclose(found.layers[columns], expected.layers[columns], rtol=1e-5)
    assert list(found.layers["kind"]) == list(expected.layers["kind"])
    return found


def test_convolutions_and_dense_layers():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((9, 9, 4)),
            keras.layers.Conv2D(6, (3, 2), groups=2, name="grouped"),
            keras.layers.BatchNormalization(),
            keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
            keras.layers.Conv2DTranspose(5, 3, name="transposed"),
            keras.layers.Flatten(),
            keras.layers.Dense(7, name="head"),
        ]
    )
    kernels = {v.path.split("/")[1]: v for v in model.weights if v.path.endswith("kernel")}
    twin = nn.Sequential(
        nn.Conv2d(4, 6, (3, 2), groups=2),
        nn.Conv2d(6, 12, 3, groups=6),
        nn.ConvTranspose2d(12, 5, 3),
        nn.Linear(kernels["head"].shape[0], 7),
    )
    twin[0].weight = tensor(kernels["grouped"], 3, 2, 0, 1)
    taps = tensor(kernels["depthwise"], 2, 3, 0, 1)
    twin[1].weight = nn.Parameter(taps.detach().reshape(12, 1, 3, 3))
    twin[2].weight = tensor(kernels["transposed"], 3, 2, 0, 1)
    twin[3].weight = tensor(kernels["head"], 1, 0)
    found = assert_same(model, twin)
    assert list(found.layers["name"]) == ["grouped", "depthwise", "transposed", "head"]
    reasons = {item.reason for item in found.uncounted}
    assert reasons == {"bias, gain or other vector"}


def test_attention_and_embedding():
    keras.utils.set_random_seed(0)
    tokens = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(11, 8, name="embed")(tokens)
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    model = keras.Model(tokens, keras.layers.LayerNormalization()(x))
    attention = model.get_layer("attention")
    twin = nn.Module()
    twin.embed = nn.Embedding(11, 8)
    twin.embed.weight = tensor(model.get_layer("embed").embeddings)
    for name in ("query", "key", "value"):
        kernel = tensor(getattr(attention, f"{name}_dense").kernel)
        linear = nn.Linear(8, 8)
        linear.weight = nn.Parameter(kernel.detach().reshape(8, 8).T)
        twin.add_module(name, linear)
    twin.output = nn.Linear(8, 8)
    twin.output.weight = nn.Parameter(
        tensor(attention.output_dense.kernel).detach().reshape(8, 8).T
    )
    found = assert_same(model, twin)
    assert list(found.layers["name"])[:2] == ["embed", "attention.query"]


def test_recurrent_and_separable_layers():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((12, 3)),
            keras.layers.SeparableConv1D(4, 3, name="separable"),
            keras.layers.LSTM(5, name="lstm"),
        ]
    )
    own = {variable.path.partition("/")[2]: variable for variable in model.weights}
    twin = nn.Sequential(nn.Conv1d(3, 3, 3, groups=3), nn.Conv1d(3, 4, 1), nn.LSTM(4, 5))
    twin[0].weight = tensor(own["separable/depthwise_kernel"], 1, 2, 0)
    twin[1].weight = tensor(own["separable/pointwise_kernel"], 2, 1, 0)
    twin[2].weight_ih_l0 = tensor(own["lstm/lstm_cell/kernel"], 1, 0)
    twin[2].weight_hh_l0 = tensor(own["lstm/lstm_cell/recurrent_kernel"], 1, 0)
    assert_same(model, twin)


def test_a_grouped_einsum_is_block_diagonal():
    keras.utils.set_random_seed(0)
    layer = keras.layers.EinsumDense("bgi,gio->bgo", output_shape=(3, 5))
    layer.build((None, 3, 4))
    blocks = keras.ops.convert_to_numpy(layer.kernel)
    expected = max(np.linalg.norm(block, 2) for block in blocks)
    found = nl.measure(layer).layers["log_spectral_norm"].iloc[0]
    assert found == pytest.approx(np.log(expected), rel=1e-6)


def test_the_meter_follows_the_weights_of_a_training():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((80,)), keras.layers.Dense(90)])
    meter = nl.NormMeter(model)
    for factor in (1.0, 2.0):
        model.layers[0].kernel.assign(model.layers[0].kernel * factor)
        exact = nl.measure(model).total
        for name, value in meter.measure().items():
            assert value == pytest.approx(exact[name], abs=1e-6)


def test_a_subclassed_model_with_a_wrapped_torch_module():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
            self.head = keras.layers.Dense(2)

        def call(self, x):
            return self.head(self.inner(x))

    model = Model()
    model(torch.ones(1, 4))
    assert sorted(nl.measure(model).layers["shape"]) == [(6, 2), (6, 4)]


def test_an_unknown_layer_is_measured_with_a_warning():
    class Mixing(keras.layers.Layer):
        def build(self, shape):
            self.matrix = self.add_weight(shape=(shape[-1], 3), name="matrix")

        def call(self, x):
            return x @ self.matrix

    model = keras.Sequential([keras.layers.Input((4,)), Mixing(name="mixing")])
    with pytest.warns(NormlawsWarning, match=r"mixing.matrix belongs to a Keras layer that"):
        found = nl.measure(model)
    matrix = keras.ops.convert_to_numpy(model.layers[0].matrix)
    expected = np.linalg.norm(matrix, axis=0).sum()
    assert found.total["log_group_21"] == pytest.approx(np.log(expected), rel=1e-6)


def test_the_operator_reading_is_refused():
    model = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(InputError, match='expected conv="flat" .* for a Keras model'):
        nl.measure(model, conv="operator", example_input=torch.zeros(1, 8, 8, 1))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: keras.layers.Dense(5), (2, 4)),
        (lambda: keras.layers.EinsumDense("ab,bc->ac", output_shape=(5,)), (2, 4)),
        (lambda: keras.layers.EinsumDense("abc,cde->abde", (None, 3, 5)), (2, 3, 4)),
        (lambda: keras.layers.Embedding(7, 4), (2, 3)),
    ],
    ids=["dense", "einsum", "einsum into heads", "embedding"],
)
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_quantised_layers_are_measured_as_what_they_compute_or_refused(make, shape, mode):
    layer = make()
    whole = keras.Sequential([layer])
    whole(np.ones(shape, int if isinstance(layer, keras.layers.Embedding) else float))
    plain = nl.measure(whole).layers
    layer.quantize(mode)
    if mode == "int4":
        with pytest.raises(InputError, match=f"{type(layer).__name__}.*int4"):
            nl.measure(whole)
        return
    coded = nl.measure(whole).layers
    assert list(coded["shape"]) == list(plain["shape"])
    for name in ("log_spectral_norm", "log_frobenius", "log_l1"):
        assert coded[name].to_numpy() == pytest.approx(plain[name].to_numpy(), abs=0.01)
    assert coded["log_l1"].to_numpy() != pytest.approx(plain["log_l1"].to_numpy(), abs=1e-9)

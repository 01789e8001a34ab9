"""Keras 3 on the torch backend: kernels are stored as (…, in, out), and read as rows = outputs.

A Keras model is a ``torch.nn.Module`` whose children are not registered as such, so the topmost
Keras layer covers all below it. A new kind of layer is one more function in ``_RULES``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms.model.layers import WeightLayer, handles_when, inventory, why_uncounted

Flatten = Callable[[Tensor], Tensor]
_Part = tuple[str, str, Flatten]  # attribute, kind, stored -> (groups, out, in)


def is_keras(module: Any) -> bool:
    """Whether ``module`` is a layer or model of Keras 3, or derived from one."""
    return any(
        cls.__name__ == "Layer" and cls.__module__.startswith("keras.")
        for cls in type(module).__mro__
    )


@handles_when(is_keras, whole=True, first=True)
def keras_layers(name: str, root: Any) -> Iterable[WeightLayer]:
    """Every kernel below the topmost Keras layer, in the order of its variables."""
    found: dict[int, WeightLayer] = {}
    known: set[int] = set()
    for layer in root._flatten_layers():
        rule = _rule(layer)
        if rule is None:
            continue
        known |= {id(variable) for variable in layer.weights}
        for made in rule(layer):
            named = replace(made, name=_joined(name, _within(root, made.name)))
            found.setdefault(id(made.sources[0]), named)
    for variable in root.weights:
        if id(variable) not in known and not _is_vector(variable):
            found[id(variable.value)] = _unknown(name, root, variable)
    order = {id(variable.value): index for index, variable in enumerate(root.weights)}
    return sorted(found.values(), key=lambda layer: order.get(id(layer.sources[0]), len(order)))


def _dense(layer: Any) -> Iterator[_Part]:
    yield "kernel", "linear", lambda kernel: kernel.T[None]


def _einsum_dense(layer: Any) -> Iterator[_Part]:
    """``"abc,cde->abde"``: what input and kernel share is summed; shared by all three, a group."""
    operands, outputs = layer.equation.replace("...", "").split("->")
    inputs, axes = operands.split(",")
    groups = [axis for axis in axes if axis in inputs and axis in outputs]
    rows = [axis for axis in axes if axis in outputs and axis not in inputs]
    columns = [axis for axis in axes if axis not in outputs]

    def flatten(kernel: Tensor) -> Tensor:
        size = dict(zip(axes, kernel.shape, strict=True))
        blocks, outs = _product(size, groups), _product(size, rows)
        order = [axes.index(axis) for axis in (*groups, *rows, *columns)]
        return kernel.permute(order).reshape(blocks, outs, -1)

    yield "kernel", "linear", flatten


def _embedding(layer: Any) -> Iterator[_Part]:
    yield "embeddings", "embedding", lambda table: table.T[None]
    if hasattr(layer, "reverse_embeddings"):
        yield "reverse_embeddings", "linear", lambda table: table.T[None]


def _convolution(layer: Any) -> Iterator[_Part]:
    """(taps…, in/groups, out), in the column order of torch."""

    def flatten(kernel: Tensor) -> Tensor:
        weight = _channels_first(kernel)
        return weight.reshape(layer.groups, weight.shape[0] // layer.groups, -1)

    yield "kernel", f"conv{layer.rank}d", flatten


def _transposed_convolution(layer: Any) -> Iterator[_Part]:
    """(taps…, out, in)."""

    def flatten(kernel: Tensor) -> Tensor:
        return kernel.movedim((-2, -1), (0, 1)).flatten(1)[None]

    yield "kernel", f"conv_transpose{layer.rank}d", flatten


def _depthwise(attribute: str) -> Callable[[Any], Iterator[_Part]]:
    """(taps…, in, multiplier): every input channel is a group."""

    def parts(layer: Any) -> Iterator[_Part]:
        yield (
            attribute,
            f"conv{layer.rank}d",
            lambda kernel: kernel.movedim((-2, -1), (0, 1)).flatten(2),
        )

    return parts


def _separable_convolution(layer: Any) -> Iterator[_Part]:
    yield from _depthwise("depthwise_kernel")(layer)
    yield (
        "pointwise_kernel",
        f"conv{layer.rank}d",
        lambda kernel: _channels_first(kernel).flatten(1)[None],
    )


def _recurrent(layer: Any) -> Iterator[_Part]:
    yield "kernel", "linear", lambda kernel: kernel.T[None]
    yield "recurrent_kernel", "recurrent", lambda kernel: kernel.T[None]


_RULES: dict[str, Callable[[Any], Iterator[_Part]]] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "BaseConv": _convolution,
    "BaseConvTranspose": _transposed_convolution,
    "BaseDepthwiseConv": _depthwise("kernel"),
    "BaseSeparableConv": _separable_convolution,
    "SimpleRNNCell": _recurrent,
    "GRUCell": _recurrent,
    "LSTMCell": _recurrent,
}


def _rule(layer: Any) -> Callable[[Any], Iterable[WeightLayer]] | None:
    """How to read a layer: by the nearest of its classes that is known; None where none is."""
    for cls in type(layer).__mro__:
        if not cls.__module__.startswith("keras."):
            continue
        if cls.__name__ == "TorchModuleWrapper":
            return _wrapped_torch
        if cls.__name__.endswith("Normalization"):
            return lambda _: ()
        if cls.__name__ in _RULES:
            parts = _RULES[cls.__name__]
            return lambda layer: [_made(layer, *part) for part in parts(layer)]
    return None


def _made(layer: Any, attribute: str, kind: str, flatten: Flatten) -> WeightLayer:
    """One operator; a LoRA pair of the layer is part of what its kernel reads."""
    own = {variable.name: variable for variable in layer.weights}
    variables = [own[attribute]]
    variables += [own[name] for name in own if name.startswith("lora_")]

    coded = not own[attribute].value.is_floating_point()
    if coded:
        _decoded(layer, attribute)  # refused here rather than when it is measured

    def read() -> Tensor:
        if coded:
            return flatten(_decoded(layer, attribute))
        value = getattr(layer, attribute)
        return flatten(value if isinstance(value, Tensor) else value.value)

    stem, _, last = own[attribute].path.rpartition("/")
    name = stem if last in ("kernel", "embeddings") and kind != "recurrent" else f"{stem}/{last}"
    shape = tuple(own[attribute].shape)
    return WeightLayer(name, kind, shape, read, tuple(v.value for v in variables), layer)


def _decoded(layer: Any, attribute: str) -> Tensor:
    """The weight that an int8 layer computes with: its codes, divided by their scales.

    Raises:
        InputError: it is stored in another form, or a LoRA pair is added to the codes.
    """
    own = {variable.name: variable for variable in layer.weights}
    codes, scale = own[attribute].value, own.get(f"{attribute}_scale")
    lora = any(name.startswith("lora_") for name in own)
    if getattr(layer, "quantization_mode", None) != "int8" or scale is None or lora:
        raise InputError(_not_known(layer, attribute, codes))
    scales = scale.value
    if attribute == "embeddings":
        scales = scales[:, None]
    elif hasattr(layer, "equation"):
        scales = layer._adjust_scale_for_dequant(scales)
    found: Tensor = codes.to(scales.dtype) / scales
    if found.shape != codes.shape:
        raise InputError(_not_known(layer, attribute, codes))
    return found.detach()


def _not_known(layer: Any, attribute: str, codes: Tensor) -> str:
    mode = getattr(layer, "quantization_mode", None) or str(codes.dtype).removeprefix("torch.")
    return (
        f"expected weights that can be dequantised, but {attribute} of {layer.path} "
        f"({type(layer).__name__}) holds {mode} codes in a form that normlaws does not know; "
        "measure the model before it is quantised"
    )


def _wrapped_torch(layer: Any) -> Iterator[WeightLayer]:
    """A torch module inside a Keras model is read as one."""
    for inner in inventory(layer.module).layers:
        yield replace(inner, name=_joined(layer.name, inner.name))


def _unknown(name: str, root: Any, variable: Any) -> WeightLayer:
    full = _joined(name, _within(root, variable.path))
    warnings.warn(
        f"{full} belongs to a Keras layer that normlaws does not know; its weight of shape "
        f"{tuple(variable.shape)} is measured as flat, with outputs along the last axis",
        NormlawsWarning,
        stacklevel=6,
    )

    def read() -> Tensor:
        found: Tensor = variable.value.flatten(0, -2).T[None]
        return found

    return WeightLayer(full, "unknown", tuple(variable.shape), read, (variable.value,), root)


def _is_vector(variable: Any) -> bool:
    value = variable.value
    return not value.is_floating_point() or why_uncounted(None, value, variable.name) is not None


def _within(root: Any, path: str) -> str:
    """A variable's path without the name of the whole model, in the form of torch names."""
    return path.removeprefix(f"{root.name}/").replace("/", ".")


def _joined(*names: str) -> str:
    return ".".join(name for name in names if name)


def _channels_first(kernel: Tensor) -> Tensor:
    """(taps…, in, out) -> (out, in, taps…)."""
    return kernel.movedim((-1, -2), (0, 1))


def _product(size: dict[str, int], axes: list[str]) -> int:
    total = 1
    for axis in axes:
        total *= size[axis]
    return total

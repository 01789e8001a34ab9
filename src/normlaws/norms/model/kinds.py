"""Handlers: what each kind of module multiplies by, as rows = outputs, columns = inputs.

A new kind of layer is one more decorated function here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.norms.model.layers import Read, WeightLayer, handles, handles_when
from normlaws.norms.model.reading import current, sources

PROJECTIONS = ("query", "key", "value")
_FUSED_NAMES = ("qkv", "in_proj", "to_qkv", "Wqkv", "c_attn")


def make(
    name: str,
    kind: str,
    module: Any,
    flatten: Callable[[Tensor], Tensor],
    attribute: str = "weight",
) -> WeightLayer:
    """A layer whose blocks are ``flatten`` of the current weight."""

    def read() -> Tensor:
        return flatten(current(module, attribute))

    weight = getattr(module, attribute)
    return WeightLayer(name, kind, tuple(weight.shape), read, sources(module, attribute), module)


def as_stored(weight: Tensor) -> Tensor:
    """(out, in) -> (1, out, in)."""
    return weight[None]


def transposed(weight: Tensor) -> Tensor:
    """(in, out) -> (1, out, in)."""
    return weight.T[None]


@handles(nn.Linear)
def linear(name: str, module: Any) -> Iterable[WeightLayer]:
    """``y = W x``; fused query-key-value projections are split."""
    if name.rpartition(".")[2] in _FUSED_NAMES and module.out_features == 3 * module.in_features:
        return list(_fused(name, module, "weight", as_stored, parts=PROJECTIONS))
    return [make(name, "linear", module, as_stored)]


@handles(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def convolution(name: str, module: Any) -> Iterable[WeightLayer]:
    """Flat reading: (out, in/groups · taps), one block per group."""

    def flatten(weight: Tensor) -> Tensor:
        return weight.reshape(module.groups, weight.shape[0] // module.groups, -1)

    return [make(name, f"conv{module.weight.ndim - 2}d", module, flatten)]


@handles(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
def transposed_convolution(name: str, module: Any) -> Iterable[WeightLayer]:
    """Stored as (in, out/groups, taps); flat reading: (out, in/groups · taps) per group."""

    def flatten(weight: Tensor) -> Tensor:
        blocks = weight.flatten(2).unflatten(0, (module.groups, -1))  # (g, in, out, taps)
        return blocks.transpose(1, 2).flatten(2)

    return [make(name, f"conv_transpose{module.weight.ndim - 2}d", module, flatten)]


@handles(nn.Embedding, nn.EmbeddingBag)
def embedding(name: str, module: Any) -> Iterable[WeightLayer]:
    """A table (tokens, width) acts on one-hot tokens: A = Wᵀ."""
    return [make(name, "embedding", module, transposed)]


@handles_when(lambda module: type(module).__name__ == "Conv1D" and hasattr(module, "nf"))
def transformers_conv1d(name: str, module: Any) -> Iterable[WeightLayer]:
    """GPT-2's ``Conv1D`` computes ``x W`` with W (in, out); its fused projections are split."""
    rows, columns = module.weight.shape
    if name.rpartition(".")[2] == "c_attn" and columns in (2 * rows, 3 * rows):
        parts = PROJECTIONS[-(columns // rows) :]
        return list(_fused(name, module, "weight", transposed, parts))
    return [make(name, "linear", module, transposed)]


@handles(nn.MultiheadAttention)
def attention(name: str, module: Any) -> Iterable[WeightLayer]:
    """Query, key and value; the output projection is a linear child of its own."""
    if module.in_proj_weight is not None:
        return list(_fused(name, module, "in_proj_weight", as_stored, PROJECTIONS))
    return [
        make(f"{name}[{part}]", f"attention.{part}", module, as_stored, f"{part[0]}_proj_weight")
        for part in PROJECTIONS
    ]


@handles(torch.nn.modules.linear.NonDynamicallyQuantizableLinear)
def attention_output(name: str, module: Any) -> Iterable[WeightLayer]:
    """The output projection of ``nn.MultiheadAttention``."""
    return [make(name, "attention.output", module, as_stored)]


@handles(nn.RNNBase, nn.RNNCellBase)
def recurrent(name: str, module: Any) -> Iterable[WeightLayer]:
    """Input-to-hidden and hidden-to-hidden matrices, gates stacked as stored."""
    for attribute, weight in list(module.named_parameters(recurse=False)):
        if weight.ndim == 2:
            kind = "recurrent" if "hh" in attribute else "linear"
            yield make(
                f"{name}.{attribute}" if name else attribute, kind, module, as_stored, attribute
            )


def _fused(
    name: str,
    module: Any,
    attribute: str,
    flatten: Callable[[Tensor], Tensor],
    parts: tuple[str, ...],
) -> Iterator[WeightLayer]:
    """The equal row blocks of a fused projection, each a layer of its own."""
    owned = sources(module, attribute)

    def part_of(index: int) -> Read:
        def read() -> Tensor:
            return flatten(current(module, attribute)).chunk(len(parts), dim=1)[index]

        return read

    for index, part in enumerate(parts):
        read = part_of(index)
        shape = tuple(read().shape[1:])
        yield WeightLayer(f"{name}[{part}]", f"attention.{part}", shape, read, owned, module)

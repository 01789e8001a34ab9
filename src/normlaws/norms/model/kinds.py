"""Handlers: what each kind of module multiplies by, as rows = outputs, columns = inputs.

A new kind of layer is one more decorated function here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from normlaws.norms.model import descriptions
from normlaws.norms.model.descriptions import PROJECTIONS, Description, as_stored
from normlaws.norms.model.layers import WeightLayer, handles, handles_when
from normlaws.norms.model.reading import current, sources


def make(
    name: str, module: Any, description: Description, attribute: str = "weight"
) -> list[WeightLayer]:
    """The layers of one weight of a module."""
    return description.layers(
        name,
        tuple(getattr(module, attribute).shape),
        lambda: current(module, attribute),
        sources(module, attribute),
        module,
    )


@handles(nn.Linear)
def linear(name: str, module: Any) -> Iterable[WeightLayer]:
    """``y = W x``; fused query-key-value projections are split."""
    return make(name, module, descriptions.linear(_last(name), *module.weight.shape))


@handles(nn.Bilinear)
def bilinear(name: str, module: Any) -> Iterable[WeightLayer]:
    """``y_k = x1ᵀ W_k x2``: one matrix per output."""
    return make(name, module, Description("bilinear", lambda weight: weight))


@handles(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def convolution(name: str, module: Any) -> Iterable[WeightLayer]:
    """Flat reading: (out, in/groups · taps), one block per group."""
    return make(name, module, descriptions.convolution(module.weight.ndim, module.groups))


@handles(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
def transposed_convolution(name: str, module: Any) -> Iterable[WeightLayer]:
    """Stored as (in, out/groups, taps); flat reading: (out, in/groups · taps) per group."""
    axes = module.weight.ndim
    return make(name, module, descriptions.transposed_convolution(axes, module.groups))


@handles(nn.Embedding, nn.EmbeddingBag)
def embedding(name: str, module: Any) -> Iterable[WeightLayer]:
    """A table (tokens, width) acts on one-hot tokens: A = Wᵀ; a table of biases is none."""
    if descriptions.why_named_uncounted("weight", _last(name)):
        return []
    return make(name, module, descriptions.embedding())


@handles_when(lambda module: type(module).__name__ == "Conv1D" and hasattr(module, "nf"))
def transformers_conv1d(name: str, module: Any) -> Iterable[WeightLayer]:
    """GPT-2's ``Conv1D`` computes ``x W`` with W (in, out); its fused projections are split."""
    return make(name, module, descriptions.gpt2_linear(_last(name), *module.weight.shape))


@handles(nn.MultiheadAttention)
def attention(name: str, module: Any) -> Iterable[WeightLayer]:
    """Query, key and value; the output projection is a linear child of its own."""
    if module.in_proj_weight is not None:
        yield from make(name, module, descriptions.attention_input(), "in_proj_weight")
        return
    for part in PROJECTIONS:
        described = Description(f"attention.{part}", as_stored)
        yield from make(f"{name}[{part}]", module, described, f"{part[0]}_proj_weight")


@handles(torch.nn.modules.linear.NonDynamicallyQuantizableLinear)
def attention_output(name: str, module: Any) -> Iterable[WeightLayer]:
    """The output projection of ``nn.MultiheadAttention``."""
    return make(name, module, Description("attention.output", as_stored))


@handles(nn.RNNBase, nn.RNNCellBase)
def recurrent(name: str, module: Any) -> Iterable[WeightLayer]:
    """Input-to-hidden and hidden-to-hidden matrices, gates stacked as stored."""
    for attribute in getattr(module, "_flat_weights_names", ("weight_ih", "weight_hh")):
        if attribute.startswith("weight"):
            full = f"{name}.{attribute}" if name else attribute
            yield from make(full, module, descriptions.recurrent(attribute), attribute)


def _last(name: str) -> str:
    return name.rpartition(".")[2]

"""Handlers: what each kind of module multiplies by, as rows = outputs, columns = inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.norms.layers import WeightLayer, handles


def simple(name: str, kind: str, module: Any, attribute: str = "weight") -> tuple[WeightLayer, ...]:
    """A layer whose stored weight is the matrix itself, (out, in)."""
    weight = getattr(module, attribute)

    def read() -> Tensor:
        return getattr(module, attribute)[None]

    return (WeightLayer(name, kind, tuple(weight.shape), read, (weight,), module),)


@handles(nn.Linear)
def linear(name: str, module: Any) -> Iterable[WeightLayer]:
    """``y = W x``."""
    return simple(name, "linear", module)


@handles(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def convolution(name: str, module: Any) -> Iterable[WeightLayer]:
    """Flat reading: (out, in/groups · taps), one block per group."""
    groups = module.groups

    def read() -> Tensor:
        weight = module.weight
        return weight.reshape(groups, weight.shape[0] // groups, -1)

    kind = f"conv{module.weight.ndim - 2}d"
    return (WeightLayer(name, kind, tuple(module.weight.shape), read, (module.weight,), module),)


@handles(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
def transposed_convolution(name: str, module: Any) -> Iterable[WeightLayer]:
    """Stored as (in, out/groups, taps); flat reading: (out, in/groups · taps) per group."""
    groups = module.groups

    def read() -> Tensor:
        weight = module.weight.flatten(2)  # (in, out/groups, taps)
        blocks = weight.unflatten(0, (groups, -1)).transpose(1, 2)  # (groups, out, in, taps)
        return blocks.flatten(2)

    kind = f"conv_transpose{module.weight.ndim - 2}d"
    return (WeightLayer(name, kind, tuple(module.weight.shape), read, (module.weight,), module),)


@handles(nn.Embedding, nn.EmbeddingBag)
def embedding(name: str, module: Any) -> Iterable[WeightLayer]:
    """A table (tokens, width) acts on one-hot tokens: A = Wᵀ."""

    def read() -> Tensor:
        return module.weight.T[None]

    weight = module.weight
    return (WeightLayer(name, "embedding", tuple(weight.shape), read, (weight,), module),)


@handles(nn.MultiheadAttention)
def attention(name: str, module: Any) -> Iterable[WeightLayer]:
    """Query, key and value; the output projection is a linear child of its own."""
    if module.in_proj_weight is None:
        for part in ("query", "key", "value"):
            yield from simple(
                name + f"[{part}]", f"attention.{part}", module, f"{part[0]}_proj_weight"
            )
        return
    width = module.embed_dim
    for index, part in enumerate(("query", "key", "value")):

        def read(start: int = index * width) -> Tensor:
            return module.in_proj_weight[start : start + width][None]

        shape = (width, module.in_proj_weight.shape[1])
        sources = (module.in_proj_weight,)
        yield WeightLayer(f"{name}[{part}]", f"attention.{part}", shape, read, sources, module)


@handles(torch.nn.modules.linear.NonDynamicallyQuantizableLinear)
def attention_output(name: str, module: Any) -> Iterable[WeightLayer]:
    """The output projection of ``nn.MultiheadAttention``."""
    return simple(name, "attention.output", module)

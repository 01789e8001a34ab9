"""The vision transformer with a replica axis; tokens are (replicas, batch, tokens, width)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from normlaws.training.stacked_layers import Conv2d, stack_of
from normlaws.training.stacked_layers import Linear as LinearOfColumns
from normlaws.training.stacked_ops import affine


class Transformer(nn.Module):
    """Stacked :class:`normlaws.problems.models.vit.VisionTransformer`, names included."""

    def __init__(self, models: Sequence[Any]) -> None:
        super().__init__()
        self.embedding = Conv2d([model.embedding for model in models])
        self.class_token = stack_of(models, "class_token")  # (replicas, 1, 1, width)
        self.positions = stack_of(models, "positions")  # (replicas, 1, tokens, width)
        depth = range(len(models[0].blocks))
        self.blocks = nn.Sequential(*(Block([model.blocks[n] for model in models]) for n in depth))
        self.norm = LayerNorm([model.norm for model in models])
        self.head = Linear([model.head for model in models])

    def forward(self, images: Tensor) -> Tensor:
        """(replicas, channels, height, width, batch) to (replicas, classes, batch)."""
        patches = self.embedding(images).flatten(2, 3)  # (replicas, width, patches, batch)
        tokens = patches.permute(0, 3, 2, 1)
        first = self.class_token.expand(-1, tokens.shape[1], -1, -1)
        tokens = torch.cat([first, tokens], dim=2) + self.positions
        *blocks, last = self.blocks
        for block in blocks:
            tokens = block(tokens)
        logits: Tensor = self.head(self.norm(last(tokens, wanted=1))[:, :, 0])
        return logits.mT


class Linear(LinearOfColumns):
    """(replicas, …, inputs) to (replicas, …, outputs)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Batched matrix products."""
        rows = inputs.flatten(1, -2)
        found: Tensor = affine(rows, self.weight, self.bias).unflatten(1, inputs.shape[1:-1])
        return found


class Block(nn.Module):
    """Pre-norm attention and two dense layers, both added."""

    def __init__(self, blocks: Sequence[Any]) -> None:
        super().__init__()
        self.norm1 = LayerNorm([block.norm1 for block in blocks])
        self.attention = Attention([block.attention for block in blocks])
        self.norm2 = LayerNorm([block.norm2 for block in blocks])
        into, outof = ([block.mlp[index] for block in blocks] for index in (0, 3))
        without_dropout = nn.Identity()
        self.mlp = nn.Sequential(
            Linear(into), nn.GELU(), without_dropout, Linear(outof), without_dropout
        )

    def forward(self, tokens: Tensor, wanted: int | None = None) -> Tensor:
        """Of the same shape, or of the first ``wanted`` tokens."""
        tokens = tokens[:, :, :wanted] + self.attention(self.norm1(tokens), wanted)
        added: Tensor = tokens + self.mlp(self.norm2(tokens))
        return added


class Attention(nn.Module):
    """Self-attention of every replica's tokens, by its own projections."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.in_proj_weight = stack_of(layers, "in_proj_weight")
        self.in_proj_bias = stack_of(layers, "in_proj_bias")
        self.out_proj = Linear([layer.out_proj for layer in layers])
        self.heads = layers[0].num_heads

    def forward(self, tokens: Tensor, wanted: int | None = None) -> Tensor:
        """Of the same shape, or what the first ``wanted`` tokens gather from all."""
        replicas, batch, count, width = tokens.shape
        fused = affine(tokens.flatten(1, 2), self.in_proj_weight, self.in_proj_bias)
        split = fused.view(replicas * batch, count, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # (replicas * batch, heads, count, depth)
        query = query[:, :, :wanted]
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        result: Tensor = self.out_proj(mixed.reshape(replicas, batch, -1, width))
        return result


class LayerNorm(nn.Module):
    """Normalised alike, scaled and shifted by each replica's own gains."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.weight, self.bias = stack_of(layers, "weight"), stack_of(layers, "bias")
        self.eps = layers[0].eps

    def forward(self, tokens: Tensor) -> Tensor:
        """Of the same shape."""
        normed = F.layer_norm(tokens, tokens.shape[-1:], eps=self.eps)
        return torch.addcmul(self.bias[:, None, None], normed, self.weight[:, None, None])

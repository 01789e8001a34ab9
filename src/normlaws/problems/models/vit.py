"""Vision transformers (Dosovitskiy et al. 2021): pre-norm, class token, learned positions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.problems.models.family import (
    Family,
    Shape,
    Width,
    linear_and_convolutional_weights,
)

EMBEDDING_DEVIATION = 0.02


class ViT(Family):
    """Patches, a class token, transformer blocks, and a linear layer on the class token.

    The paper's sizes are (patch, width, depth, heads) = (7, 128, 4, 4) for MNIST, (4, 192, 6, 3)
    for CIFAR-10, (4, 256, 6, 4) for CIFAR-100. Linear layers start from Glorot's uniform
    distribution, the patch embedding from He's normal one, positions and class token from
    N(0, 0.02²), biases from 0. As in the paper, ``init_scale`` multiplies the weights of linear
    and convolutional layers, but not the fused query-key-value projections. The last block computes
    the class token alone, since nothing else of it reaches the logits.
    """

    family: Literal["vit"] = "vit"
    patch: int = Field(default=4, ge=1, description="side of a square patch, pixels")
    width: Width = 192
    depth: Width = 6
    heads: Width = 3
    mlp_ratio: float = Field(default=4.0, gt=0, description="hidden units over width")
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _whole_heads(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of heads, but {self.width} is not one of {self.heads}"
            )
        return self

    @property
    def stochastic(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def shrunk(self, factor: float) -> Self:
        """Fewer heads of about the same width; at least one head of 4."""
        width = self.width * math.sqrt(factor)
        heads = max(1, round(self.heads * math.sqrt(factor)))
        return self.model_copy(
            update={"width": heads * max(4, round(width / heads)), "heads": heads}
        )

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        channels, height, width = image_shape
        if height % self.patch or width % self.patch:
            raise InputError(
                f"expected a patch that divides images of {height} x {width} pixels, "
                f"got {self.patch}"
            )
        patches = (height // self.patch) * (width // self.patch)
        return VisionTransformer(self, channels, patches, classes)

    def _scaled_parameters(self, model: nn.Module) -> Iterator[Tensor]:
        return linear_and_convolutional_weights(model)


class VisionTransformer(nn.Module):
    """The network of :class:`ViT`."""

    def __init__(self, settings: ViT, channels: int, patches: int, classes: int) -> None:
        super().__init__()
        width, patch = settings.width, settings.patch
        self.embedding = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + patches, width))
        self.dropout = nn.Dropout(settings.dropout)
        self.blocks = nn.Sequential(*(_Block(settings) for _ in range(settings.depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, height, width) to logits (n, classes)."""
        tokens = self.embedding(images).flatten(2).transpose(1, 2)  # (n, patches, width)
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = self.dropout(tokens + self.positions)
        *blocks, last = self.blocks
        for block in blocks:
            tokens = block(tokens)
        logits: Tensor = self.head(self.norm(last(tokens, wanted=1))[:, 0])
        return logits


class _Block(nn.Module):
    def __init__(self, settings: ViT) -> None:
        super().__init__()
        width, hidden = settings.width, round(settings.width * settings.mlp_ratio)
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(
            width, settings.heads, dropout=settings.dropout, batch_first=True
        )
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(settings.dropout),
            nn.Linear(hidden, width),
            nn.Dropout(settings.dropout),
        )

    def forward(self, tokens: Tensor, wanted: int | None = None) -> Tensor:
        """(n, tokens, width) to the same shape, or to the first ``wanted`` tokens."""
        normed = self.norm1(tokens)
        query = normed if wanted is None else normed[:, :wanted]
        mixed = self.attention(query, normed, normed, need_weights=False)[0]
        tokens = tokens[:, :wanted] + mixed
        added: Tensor = tokens + self.mlp(self.norm2(tokens))
        return added


def _initialise(model: VisionTransformer) -> None:
    for embedding in (model.positions, model.class_token):
        nn.init.trunc_normal_(embedding, std=EMBEDDING_DEVIATION)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

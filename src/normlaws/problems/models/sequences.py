"""Networks that read sequences: a small decoder, and a recurrent network.

Token sequences come as (n, 1, 1, T), whole numbers below the number of classes; sequences of
vectors, and images whose rows are read as time, as (n, channels, T, width).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Self

import torch
import torch.nn.functional as F
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


class SequenceFamily(Family):
    """Base: how a sequence is read, and whether the last or every token has an output."""

    reads: Literal["tokens", "vectors"] = Field(
        default="tokens", description="vectors: also rows of an image, one after another"
    )
    width: Width = 32
    every_token: bool = Field(
        default=False, description="outputs at every token, not the last alone"
    )

    def _reader(self, image_shape: Shape, classes: int, *, width: int) -> nn.Module:
        channels, height, row = image_shape
        if self.reads == "vectors":
            return nn.Sequential(Rows(), nn.Linear(channels * row, width))
        if channels * height != 1:
            raise InputError(
                'expected token sequences of shape (1, 1, T) for reads = "tokens", got '
                f'{image_shape}; rows of images are reads = "vectors"'
            )
        return nn.Sequential(Tokens(), nn.Embedding(classes, width))

    def _length(self, image_shape: Shape) -> int:
        return image_shape[1] if self.reads == "vectors" else image_shape[2]


class Transformer(SequenceFamily):
    """Pre-norm decoder: causal self-attention and, unless ``mlp_ratio`` is 0, two dense layers.

    Learned positions. Linear layers start as PyTorch's do, embeddings and positions from
    N(0, 0.02²), or as the linear layer for vectors. ``init_scale`` multiplies linear layers.
    """

    family: Literal["transformer"] = "transformer"
    depth: Width = 2
    heads: Width = 2
    mlp_ratio: float = Field(default=4.0, ge=0, description="hidden units over width; 0: none")
    causal: bool = Field(default=True, description="tokens see those before them alone")

    @model_validator(mode="after")
    def _whole_heads(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of heads, but {self.width} is not one of {self.heads}"
            )
        return self

    def shrunk(self, factor: float) -> Self:
        """Heads of fewer numbers; at least 4 each."""
        each = max(4, round(self.width / self.heads * math.sqrt(factor)))
        return self.model_copy(update={"width": min(self.width, self.heads * each)})

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        reader = self._reader(image_shape, classes, width=self.width)
        return Decoder(self, reader, self._length(image_shape), classes)

    def _scaled_parameters(self, model: nn.Module) -> Iterator[Tensor]:
        return linear_and_convolutional_weights(model)


class RNN(SequenceFamily):
    """A recurrent layer over the sequence, and a linear layer on its last state (or on every one).

    ``recurrent_gain`` multiplies the initial recurrent weights alone: small gains forget, large
    ones are chaotic. ``init_scale`` multiplies every parameter.
    """

    family: Literal["rnn"] = "rnn"
    reads: Literal["tokens", "vectors"] = "vectors"
    cell: Literal["rnn", "gru", "lstm"] = "rnn"
    recurrent_gain: float = Field(default=1.0, ge=0)

    def shrunk(self, factor: float) -> Self:
        """Fewer states."""
        width = max(2, round(self.width * math.sqrt(factor)))
        return self.model_copy(update={"width": min(self.width, width)})

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        return Recurrent(self, image_shape, classes)


class Decoder(nn.Module):
    """The network of :class:`Transformer`."""

    def __init__(self, settings: Transformer, reader: nn.Module, length: int, classes: int) -> None:
        super().__init__()
        self.reader = reader
        self.positions = nn.Parameter(torch.empty(1, length, settings.width))
        self.blocks = nn.Sequential(*(_Block(settings) for _ in range(settings.depth)))
        self.norm = nn.LayerNorm(settings.width)
        self.head = nn.Linear(settings.width, classes)
        self.every_token = settings.every_token
        nn.init.normal_(self.positions, std=EMBEDDING_DEVIATION)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=EMBEDDING_DEVIATION)

    def forward(self, sequences: Tensor) -> Tensor:
        """To (n, classes), or (n, T, classes) at every token."""
        tokens = self.blocks(self.reader(sequences) + self.positions)
        outputs: Tensor = self.head(self.norm(tokens if self.every_token else tokens[:, -1]))
        return outputs


class _Block(nn.Module):
    def __init__(self, settings: Transformer) -> None:
        super().__init__()
        width = settings.width
        self.norm1 = nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.heads, self.causal = settings.heads, settings.causal
        hidden = round(width * settings.mlp_ratio)
        self.mlp = None
        if hidden:
            layers = (
                nn.LayerNorm(width),
                nn.Linear(width, hidden),
                nn.GELU(),
                nn.Linear(hidden, width),
            )
            self.mlp = nn.Sequential(*layers)

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, T, width) to the same shape."""
        normed = self.norm1(tokens)
        parts = (layer(normed) for layer in (self.query, self.key, self.value))
        query, key, value = (p.unflatten(2, (self.heads, -1)).transpose(1, 2) for p in parts)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        tokens = tokens + self.out(mixed.transpose(1, 2).flatten(2))
        return tokens if self.mlp is None else tokens + self.mlp(tokens)


class Recurrent(nn.Module):
    """The network of :class:`RNN`."""

    def __init__(self, settings: RNN, image_shape: Shape, classes: int) -> None:
        super().__init__()
        channels, _, row = image_shape
        reads_vectors = settings.reads == "vectors"
        inputs = channels * row if reads_vectors else settings.width
        self.reader = (
            Rows()
            if reads_vectors
            else settings._reader(image_shape, classes, width=settings.width)
        )
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[settings.cell]
        self.recurrent = kind(inputs, settings.width, batch_first=True)
        self.head = nn.Linear(settings.width, classes)
        self.every_token = settings.every_token
        with torch.no_grad():
            self.recurrent.weight_hh_l0.mul_(settings.recurrent_gain)

    def forward(self, sequences: Tensor) -> Tensor:
        """To (n, classes), or (n, T, classes) at every token."""
        states = self.recurrent(self.reader(sequences))[0]
        outputs: Tensor = self.head(states if self.every_token else states[:, -1])
        return outputs


class Rows(nn.Module):
    """(n, channels, T, width) to (n, T, channels · width)."""

    def forward(self, images: Tensor) -> Tensor:
        """As above."""
        return images.movedim(2, 1).flatten(2)


class Tokens(nn.Module):
    """(n, 1, 1, T) numbers to (n, T) indices."""

    def forward(self, sequences: Tensor) -> Tensor:
        """As above."""
        return sequences.flatten(1).long()

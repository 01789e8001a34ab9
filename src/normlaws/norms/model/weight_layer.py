"""One linear operator of a network, and what is no such operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

Read = Callable[[], Tensor]  # () -> (groups, out, in)


@dataclass(frozen=True)
class WeightLayer:
    """One linear operator of the network.

    Attributes:
        name: path in the model; parts of a fused projection end in ``[query]`` and so on.
        kind: ``linear``, ``conv2d``, ``attention.query``, ``embedding``, …
        shape: shape of the stored weight (of its part, for a fused projection).
        read: returns the current blocks A_g of the block-diagonal flat matrix, as one tensor
            (groups, rows = outputs, columns = inputs); a view of the live weight where possible.
        sources: the parameters that it is made of; layers with the same sources are tied.
        module: the module that owns the weight.
        tied: names under which the same weight is used again.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    read: Read = field(repr=False)
    sources: tuple[Tensor, ...] = field(repr=False)
    module: Any = field(repr=False)
    tied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Uncounted:
    """A parameter that is no weight matrix, and why."""

    name: str
    shape: tuple[int, ...]
    reason: str

"""Path norms: the network run once with the magnitudes of its weights on an input of ones."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from normlaws.errors import InputError
from normlaws.norms.definitions.path_rules import RULES, UNCHANGED
from normlaws.norms.model.reading import evaluation_mode

_SCALES = (1.0, 1e-250, 1e250)  # the pass is linear in its input, so its range can be shifted
_RANGE = (1e-290, 1e290)


@torch.no_grad()
def log_path_norm(model: nn.Module, example_input: Tensor, *, order: int = 1) -> float:
    """Log of (Σ over input–output paths of Π|w|^order)^(1/order).

    Neyshabur, Tomioka & Srebro 2015, eq. 7; Gonon, Brisebarre, Riccietti & Gribonval 2024. Exact
    for ReLU networks with skips, convolutions, average and max pooling (a path may go through
    every pixel that is pooled) and batch-norm in evaluation mode, which acts as its diagonal map.
    Biases are not counted, nor are the shifts of batch-norm.

    The model's own forward pass is run once, in float64, with every operation replaced: weights by
    |w|^order, activations by the identity, averages by the sums of their coefficients^order.

    Args:
        model: a feed-forward ReLU network.
        example_input: fixes shape and device of the input, (batch, …); its values do not matter.
        order: 1 or 2.

    Raises:
        InputError: the network calls an operation for which path norms are not defined.
    """
    if order not in (1, 2):
        raise InputError(f"expected order 1 or 2, got {order!r}")
    ones = torch.ones_like(example_input[:1], dtype=torch.float64)
    total = 0.0
    for scale in _SCALES:
        with evaluation_mode(model), _Paths(order):
            output = model(ones * scale)
        total = float(output.sum())
        if _RANGE[0] < total < _RANGE[1]:
            return (math.log(total) - math.log(scale)) / order
    return total if total else -math.inf


class _Paths(TorchFunctionMode):
    """Intercepts every torch function that the model calls."""

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", str(func))
        if name in RULES:
            return RULES[name](self.order, func, args, kwargs or {})
        if name in UNCHANGED:
            return func(*args, **(kwargs or {}))
        raise InputError(
            "expected a ReLU network (linear maps, convolutions, pooling, batch-norm, skips), but "
            f"it calls {name}, for which path norms are not defined"
        )

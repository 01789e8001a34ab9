"""What an optimiser did since the last record: its learning rates, and its preconditioner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.gauges.network import Weights

Rate = float | Callable[[int], float]


class DescentRule:
    """Steps δ = −rate · P · gradient, P = 1 (SGD) or diag(1/(√v̂ + ε)) (Adam, AdamW).

    Args:
        rate: of every step, or a function of the step (from 0).
        optimizer: whose steps are counted, unless ``rate`` tells the rates; its state gives P.

    Raises:
        InputError: both are missing, or the optimiser is of another kind.
    """

    def __init__(self, rate: Rate | None, optimizer: torch.optim.Optimizer | None) -> None:
        if rate is None and optimizer is None:
            raise InputError("expected rate= or optimizer=, which tell how weights move, got none")
        self._rate, self._optimizer = rate, optimizer
        self._seen: Counter[float] = Counter()
        self._step: int | None = None
        if optimizer is not None:
            _check_kind(optimizer)
            if rate is None:
                optimizer.register_step_post_hook(self._count)

    @property
    def carries_momentum(self) -> bool:
        """Whether a step also follows earlier gradients, as Adam's does."""
        return isinstance(self._optimizer, torch.optim.Adam | torch.optim.AdamW)

    def rates_since_last(self, step: int | None) -> Counter[float]:
        """Learning rate -> steps taken with it since the last call.

        Raises:
            InputError: rates were given by themselves, and the step is not told or goes back.
        """
        if self._rate is None:
            seen, self._seen = self._seen, Counter()
            return seen
        if step is None:
            raise InputError("expected measure(model, step), as rate= was given, got no step")
        last, self._step = self._step, step
        if last is None:
            return Counter()
        if step < last:
            raise InputError(f"expected a step of at least {last}, the last measured, got {step}")
        rate = self._rate
        if callable(rate):
            return Counter(rate(taken) for taken in range(last, step))
        return Counter({rate: step - last}) if step > last else Counter()

    def scale(self, model: nn.Module) -> Weights:
        """P of the weights for which it is known, by name; empty for SGD at one rate."""
        if self._optimizer is None:
            return {}
        groups = self._optimizer.param_groups
        first = groups[0]["lr"]
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        found: Weights = {}
        for group in groups:
            for parameter in group["params"]:
                if id(parameter) in names:
                    value = _scale(parameter, group, self._optimizer.state.get(parameter, {}))
                    if value is not None and first:
                        found[names[id(parameter)]] = value * (group["lr"] / first)
        if not names.keys() & {id(p) for group in groups for p in group["params"]}:
            raise InputError("expected an optimizer of the model's parameters, got another one's")
        return found

    def state(self) -> Tensor:
        """(2, k): rates and steps since the last record; a first column (NaN, step) where known."""
        pairs = [(rate, float(count)) for rate, count in self._seen.items()]
        if self._step is not None:
            pairs = [(float("nan"), float(self._step))]
        return torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2)

    def load_state(self, state: Tensor) -> None:
        """Continue from a saved state."""
        pairs = [(float(rate), int(count)) for rate, count in state]
        steps = [count for rate, count in pairs if rate != rate]
        self._step = steps[0] if steps else None
        self._seen = Counter({rate: count for rate, count in pairs if rate == rate})

    def _count(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self._seen[float(optimizer.param_groups[0]["lr"])] += 1


def _check_kind(optimizer: torch.optim.Optimizer) -> None:
    kind = type(optimizer).__name__
    plain = isinstance(optimizer, torch.optim.SGD) and not any(
        group["momentum"] for group in optimizer.param_groups
    )
    adam = isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW) and not any(
        group["amsgrad"] for group in optimizer.param_groups
    )
    if not plain and not adam:
        raise InputError(
            "expected SGD without momentum, Adam or AdamW (without amsgrad) for effective "
            f"parameters, got {kind}"
        )


def _scale(parameter: Tensor, group: dict[str, Any], state: dict[str, Any]) -> Tensor | None:
    """Diagonal of P; None before Adam's first step."""
    if "betas" not in group:
        return torch.ones_like(parameter)
    if "exp_avg_sq" not in state:
        return None
    correction = 1 - group["betas"][1] ** float(state["step"])
    root = (state["exp_avg_sq"] / correction).sqrt()
    scale: Tensor = 1 / (root + group["eps"])
    return scale.detach()

"""How many parameters a training uses, as a smoother of its labels."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from normlaws.errors import InputError, NormlawsWarning
from normlaws.gauges.descent_block import moved
from normlaws.gauges.descent_rule import DescentRule
from normlaws.gauges.gauge import Gauge, check_state
from normlaws.gauges.network import Outputs, Weights, copied, middle, weights_of

EXACT_UP_TO = 2000
"""Training examples times outputs up to which every label is a direction of its own."""

LARGEST_KERNEL = 5000
LARGEST_JACOBIAN = 2**28  # entries, 2 GiB


class EffectiveParameters(Gauge):
    """Effective parameters of a training on squared loss (arXiv 2411.00247).

    Gradient descent on the mean of ½|f − y|² is, step by step, linear in the labels:
    f(x) ≈ s(x)·y + c(x), with s built up by K = J P Jᵀ of the network on its way (P = 1 for SGD,
    diag(1/(√v̂ + ε)) for Adam). The number of effective parameters over inputs I is
    p_I = (n/|I|) Σ_{j ∈ I} |s(x_j)|², per output: n where every label is reproduced for itself.

    * ``log_effective_parameters_train``: p over the training inputs.
    * ``log_effective_parameters_probes``: p over fresh inputs; far more than at the training
      inputs tells harmful from benign overfitting.
    * ``log_smoother_error``: |f − s·y − c| / |f − f₀| over both: how far the numbers describe this
      training. Large where the loss is not squared, weights decay, or records are too far apart.

    Between two records the kernel is that of the weights in the middle and all steps are taken at
    once in its eigenbasis, each with its rate; Adam's P is the mean of both ends. At the start
    p = 0. Batches are taken as their mean: a step on |B| of n examples counts as one on all.
    Kernels of more than 1000 rows are decomposed in single precision (relative error of p about
    1e-5) unless very many steps lie between two records.

    Args:
        inputs: the training inputs, (n, …).
        labels: (n,) or (n, outputs) numbers, or (n,) classes (integers), which become one-hot.
        probes: fresh inputs, (m, …).
        rate: learning rate, a number or a function of the step (from 0); ``measure`` then needs the
            step.
        optimizer: SGD without momentum, Adam or AdamW: rates and P are taken from it. Given with
            ``rate``, for P alone. Other optimisers are refused.
        directions: random label directions where n times outputs exceeds 2000; the standard error
            of p is below √(2/directions) p.
        seed: of the directions.

    Raises:
        InputError: neither ``rate`` nor ``optimizer`` is given, the optimiser is of another kind,
            or inputs and labels do not fit one another.
    """

    names = ("effective_parameters_train", "effective_parameters_probes", "smoother_error")

    def __init__(
        self,
        inputs: Any,
        labels: Tensor,
        probes: Any,
        *,
        rate: float | Callable[[int], float] | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        directions: int = 64,
        seed: int = 0,
    ) -> None:
        count = len(pytree.tree_leaves(inputs)[0])
        if len(labels) != count or not count:
            raise InputError(
                f"expected one label for each of {count} training inputs, at least one, got "
                f"{len(labels)}"
            )
        self._inputs, self._labels, self._probes = inputs, labels, probes
        self._rule = DescentRule(rate, optimizer)
        self._directions, self._seed = directions, seed
        self._last: Weights = {}
        self._scale: Weights = {}
        self._residual = torch.empty(0)  # (n·outputs, directions + 1): u − s·u …, last y − s·y − c
        self._reached = torch.empty(0)  # (m·outputs, directions + 1): s·u …, last s·y + c
        self._first = torch.empty(0)  # f₀ over training inputs and probes
        self._warned = False

    @property
    def begun(self) -> bool:
        """Whether the start was seen."""
        return bool(self._last)

    def measure(self, model: nn.Module, step: int | None = None) -> dict[str, float]:
        """Effective parameters at this record.

        Raises:
            InputError: the step is missing, or the kernel is too large.

        Warns:
            NormlawsWarning: a rate is above the edge of stability.
        """
        now = weights_of(model, trained=True)
        values = [Outputs(model, part)(now).double().cpu() for part in (self._inputs, self._probes)]
        rates = self._rule.rates_since_last(step)
        scale = self._rule.scale(model)
        if not self._last:
            self._begin(*values)
            self._last, self._scale = copied(now), scale
            return self._values(0.0, 0.0, math.nan)
        if rates:
            self._advance(model, now, scale, rates)
        self._last, self._scale = copied(now), scale
        return self._values(*self._found(*values))

    def state_dict(self) -> dict[str, Tensor]:
        """What was built up, the weights of the last record, and the steps since."""
        if not self._last:
            return {}
        return {
            "residual": self._residual,
            "reached": self._reached,
            "first": self._first,
            "steps": self._rule.state(),
            **{f"last.{name}": value for name, value in self._last.items()},
            **{f"scale.{name}": value for name, value in self._scale.items()},
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a saved state."""
        if not state:
            return
        scale = {"scale"} if any(key.startswith("scale.") for key in state) else set()
        check_state(self, state, {"residual", "reached", "first", "steps", "last"} | scale)
        self._residual, self._reached, self._first = (
            state[name].detach().clone() for name in ("residual", "reached", "first")
        )
        self._rule.load_state(state["steps"])
        self._last, self._scale = (
            {
                key.removeprefix(f"{part}."): value.detach().clone()
                for key, value in state.items()
                if key.startswith(f"{part}.")
            }
            for part in ("last", "scale")
        )

    def _begin(self, train: Tensor, probes: Tensor) -> None:
        labels = _as_outputs(self._labels, train)
        columns = self._label_directions(train.numel())
        self._residual = torch.cat([columns, (labels - train).reshape(-1, 1)], dim=1)
        nothing = torch.zeros(probes.numel(), columns.shape[1], dtype=torch.float64)
        self._reached = torch.cat([nothing, probes.reshape(-1, 1)], dim=1)
        self._first = torch.cat([train.flatten(), probes.flatten()])

    def _advance(
        self, model: nn.Module, now: Weights, scale: Weights, rates: Counter[float]
    ) -> None:
        count = len(self._labels)
        half, _ = middle({name: value.to(now[name]) for name, value in self._last.items()}, now)
        root = _root_of_mean(self._scale, scale, half)
        self._check_size(len(self._residual), len(root))
        jacobians = [Outputs(model, part).jacobian(half) for part in (self._inputs, self._probes)]
        train, probes = (jacobian.cpu().mul_(root / math.sqrt(count)) for jacobian in jacobians)
        if not math.isfinite(float(train.sum() + probes.sum())):
            self._residual, self._reached = self._residual * math.nan, self._reached * math.nan
            return
        block = moved(train, probes, self._residual, rates, flow=self._rule.carries_momentum)
        self._residual = block.residual
        self._reached = self._reached + block.probes
        if block.unstable and not self._warned:
            self._warned = True
            warnings.warn(
                "a learning rate times the largest eigenvalue of the kernel exceeds 2, the edge of "
                "stability; effective parameters follow the gradient flow in those directions",
                NormlawsWarning,
                stacklevel=3,
            )

    def _check_size(self, rows: int, weights: int) -> None:
        if min(rows, weights) > LARGEST_KERNEL or rows * weights > LARGEST_JACOBIAN:
            raise InputError(
                f"expected at most {LARGEST_KERNEL} training examples times outputs (or weights), "
                f"and {LARGEST_JACOBIAN} entries of the Jacobian, got {rows} and {weights} weights;"
                " follow a training on fewer examples or a smaller network"
            )

    def _found(self, train: Tensor, probes: Tensor) -> tuple[float, float, float]:
        """The three values, from S on the training inputs and on the probes."""
        directions = self._label_directions(train.numel())
        each = train.numel() / directions.square().sum() / train.shape[1]
        fitted = directions - self._residual[:, :-1]
        within = float(fitted.norm() ** 2 * each)
        fresh = float(self._reached[:, :-1].norm() ** 2 * each) * len(train) / len(probes)
        labels = _as_outputs(self._labels, train).flatten()
        smoother = torch.cat([labels - self._residual[:, -1], self._reached[:, -1]])
        now = torch.cat([train.flatten(), probes.flatten()])
        moved = float((now - self._first).norm())
        return within, fresh, float((now - smoother).norm()) / moved if moved else math.nan

    def _label_directions(self, rows: int) -> Tensor:
        """Changes of the labels that are followed: every one, or random signs; (rows, columns)."""
        if rows <= EXACT_UP_TO:
            return torch.eye(rows, dtype=torch.float64)
        generator = torch.Generator().manual_seed(self._seed)
        signs = torch.randint(0, 2, (rows, self._directions), generator=generator)
        return (2 * signs - 1).double()


def _as_outputs(labels: Tensor, outputs: Tensor) -> Tensor:
    """Labels of the shape (n, outputs), float64.

    Raises:
        InputError: they do not fit the network's outputs.
    """
    labels = labels.detach().cpu()
    if not labels.is_floating_point() and labels.ndim == 1 and outputs.shape[1] > 1:
        labels = nn.functional.one_hot(labels.long(), outputs.shape[1])
    if labels.numel() != outputs.numel():
        raise InputError(
            f"expected labels for outputs of shape {tuple(outputs.shape)}, got "
            f"{tuple(labels.shape)}"
        )
    return labels.double().reshape(outputs.shape)


def _root_of_mean(first: Weights, second: Weights, like: Weights) -> Tensor:
    """√P of every weight, (weights,) float64; P the mean of those ends that are known."""
    flat = []
    for name, weight in like.items():
        known = [part[name] for part in (first, second) if name in part]
        if known:
            mean = torch.stack([value.double().cpu() for value in known]).mean(0)
        else:
            mean = torch.ones(weight.shape, dtype=torch.float64)
        flat.append(mean.sqrt().flatten())
    return torch.cat(flat)

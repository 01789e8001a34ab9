"""Fisher–Rao norm, from directional derivatives: one pass, exact per example."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from normlaws.norms.model.reading import evaluation_mode

Loss = Callable[[Any, Tensor], Tensor]  # (outputs, labels) -> (n,) losses, one per example


def log_fisher_rao(
    model: nn.Module, inputs: Any, labels: Tensor, *, loss: Loss | None = None
) -> float:
    """Log of √(E[⟨θ, ∇_θ ℓ(θ; x, y)⟩²]), Liang, Poggio, Rakhlin & Stokes 2019, def. 2.

    For bias-free ReLU networks it equals (depth + 1)·√(E[⟨∇_f ℓ, f(x)⟩²]) (their theorem 3.1,
    depth + 1 the number of weight layers). θ runs over all parameters, biases and gains included.

    ⟨θ, ∇ℓ_i⟩ is the derivative of every example's loss at t = 0 along (1 + t)θ, so one
    differentiation in a single variable gives it for the whole batch.

    Args:
        model: measured in evaluation mode.
        inputs: a batch of n inputs, handed to ``model`` as it is.
        labels: (n,) targets.
        loss: losses per example; cross-entropy by default.
    """
    losses = loss or (lambda f, y: functional.cross_entropy(f, y, reduction="none"))
    with evaluation_mode(model):
        inner = directional(model, inputs, labels, losses)
    mean_square = float(inner.double().square().mean())
    return math.log(mean_square) / 2 if mean_square > 0 else -math.inf


def directional(model: nn.Module, inputs: Any, labels: Tensor, loss: Loss) -> Tensor:
    """⟨θ, ∇_θ ℓ_i⟩ for every example, (n,).

    By two reverse passes, which every operator supports, unlike forward mode: Σ_i w_i ⟨θ, ∇ℓ_i⟩ is
    linear in w, so its gradient in w is the wanted vector.
    """
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        theta = {name: p.detach().requires_grad_() for name, p in model.named_parameters()}
        losses = loss(functional_call(model, theta, (inputs,)), labels)
        weights = torch.ones_like(losses, requires_grad=True)
        gradients = torch.autograd.grad(
            losses, list(theta.values()), weights, create_graph=True, allow_unused=True
        )
        pairs = zip(gradients, theta.values(), strict=True)
        inner = torch.stack([(g * p.detach()).sum() for g, p in pairs if g is not None]).sum()
        (answer,) = torch.autograd.grad(inner, weights)
    return answer.detach()

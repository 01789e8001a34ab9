"""PyTorch's optimisers, without the import of its compiler.

Methods of theirs that are excluded from compilation import the compiler at their first call, to
exclude themselves: three seconds of every process that trains. Nothing here compiles an optimiser,
so the functions inside those wrappers are called.
"""

from __future__ import annotations

from inspect import unwrap
from typing import Any

import torch
from torch.optim import Optimizer


class _Plain(Optimizer):
    """Calls what PyTorch's wrappers wrap."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As of PyTorch."""
        unwrap(Optimizer.add_param_group)(self, param_group)

    def state_dict(self) -> dict[str, Any]:
        """As of PyTorch."""
        found: dict[str, Any] = unwrap(Optimizer.state_dict)(self)
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As of PyTorch."""
        unwrap(Optimizer.load_state_dict)(self, state_dict)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """As of PyTorch, of the class that follows; without closures."""
        unwrap(super().step.__func__)(self)  # type: ignore[attr-defined]


class SGD(_Plain, torch.optim.SGD):
    """``torch.optim.SGD``."""


class Adam(_Plain, torch.optim.Adam):
    """``torch.optim.Adam``."""


class AdamW(_Plain, torch.optim.AdamW):
    """``torch.optim.AdamW``."""

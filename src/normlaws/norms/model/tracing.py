"""One forward pass that leaves no trace: map sizes, and which batch-norm follows which layer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.errors import InputError, NormlawsError
from normlaws.norms.model.gains import BATCH_NORMS
from normlaws.norms.model.reading import evaluation_mode

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_WEIGHT_HOOKS = ("compute_weight", "apply_mask")


@dataclass(frozen=True)
class Trace:
    """What one forward pass showed.

    Attributes:
        input_shapes: module name -> shape of its (first) input.
        batch_norm_after: module name -> name of the batch-norm that alone takes its output.
    """

    input_shapes: dict[str, tuple[int, ...]]
    batch_norm_after: dict[str, str]


@torch.no_grad()
def trace(model: nn.Module, example_input: Any) -> Trace:
    """Run the model once in evaluation mode and look at what passes between its modules.

    The user's hooks do not run; mode, random numbers, buffers and gradients stay as they were.

    Raises:
        InputError: the model does not accept ``example_input``.
    """
    seen = _Seen()
    with _silenced(model), evaluation_mode(model), _same_random_numbers(model):
        handles = [
            module.register_forward_hook(seen.hook(name))
            for name, module in model.named_modules(remove_duplicate=False)
            if not list(module.children()) or isinstance(module, nn.MultiheadAttention)
        ]
        try:
            call(model, example_input)
        finally:
            for handle in handles:
                handle.remove()
    return Trace(seen.shapes, seen.folds())


def call(model: nn.Module, example_input: Any) -> Any:
    """Call with a tensor, a tuple of positional or a mapping of keyword arguments.

    Raises:
        InputError: the model fails on it.
    """
    try:
        if isinstance(example_input, Mapping):
            return model(**example_input)
        if isinstance(example_input, tuple):
            return model(*example_input)
        return model(example_input)
    except NormlawsError:
        raise
    except Exception as error:
        raise InputError(
            f"expected an example_input that {type(model).__name__} accepts (a tensor, a tuple of "
            f"positional or a mapping of keyword arguments), but the model raised "
            f"{type(error).__name__}: {error}"
        ) from error


class _Seen:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.made: dict[tuple[int, int], str] = {}  # (tensor, version) -> module that made it
        self.takers: dict[str, list[str]] = {}
        self.norms: set[str] = set()
        self.alive: list[Tensor] = []  # ids stay unique only while the tensors live

    def hook(self, name: str) -> Any:
        def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not inputs or not isinstance(inputs[0], Tensor) or not isinstance(output, Tensor):
                return
            self.shapes.setdefault(name, tuple(inputs[0].shape))
            maker = self.made.get(_key(inputs[0]))
            if maker is not None:
                self.takers.setdefault(maker, []).append(name)
            if isinstance(module, BATCH_NORMS):
                self.norms.add(name)
            self.made[_key(output)] = name
            self.alive.append(output)

        return note

    def folds(self) -> dict[str, str]:
        return {
            maker: takers[0]
            for maker, takers in self.takers.items()
            if len(takers) == 1 and takers[0] in self.norms
        }


def _key(tensor: Tensor) -> tuple[int, int]:
    return id(tensor), tensor._version


@contextmanager
def _silenced(model: nn.Module) -> Iterator[None]:
    """Put the user's hooks aside, but for those that compute a weight."""
    kept = [
        (module, hooks, getattr(module, hooks)) for module in model.modules() for hooks in _HOOKS
    ]
    try:
        for module, hooks, before in kept:
            weight = {key: hook for key, hook in before.items() if _computes_weight(hook)}
            setattr(module, hooks, OrderedDict(weight))
        yield
    finally:
        for module, hooks, before in kept:
            setattr(module, hooks, before)


def _computes_weight(hook: object) -> bool:
    return any(hasattr(hook, name) for name in _WEIGHT_HOOKS)


@contextmanager
def _same_random_numbers(model: nn.Module) -> Iterator[None]:
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(devices, key=str)):
        yield

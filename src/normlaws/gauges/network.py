"""A network's outputs on fixed inputs as a function of its weights, and that function's Jacobian.

Nothing here changes the model. Outputs are those of evaluation mode.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import _pytree as pytree

from normlaws.errors import InputError
from normlaws.norms.model.reading import evaluation_mode

Weights = dict[str, Tensor]
Function = Callable[[Weights], Tensor]
CHUNK = 64  # examples that pass through the network at a time


class Outputs:
    """f(θ; buffers) on fixed inputs.

    Args:
        model: read in evaluation mode; what it returns is a tensor (n, …), an object with
            ``logits``, or a sequence that begins with that tensor.
        inputs: a tensor (n, …), a tuple of positional or a dictionary of keyword arguments, each a
            tensor whose first axis is that of the examples.
        buffers: running statistics; the model's own by default.
    """

    def __init__(self, model: nn.Module, inputs: Any, buffers: Weights | None = None) -> None:
        self._model = model
        device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        self._inputs = pytree.tree_map(lambda leaf: leaf.to(device), inputs)
        self._buffers = dict(model.named_buffers()) if buffers is None else buffers

    def __call__(self, weights: Weights) -> Tensor:
        """(n, outputs) at these weights; no gradients are kept."""
        with reading(self._model), torch.no_grad():
            return torch.cat([self._outputs(weights, part) for part in chunks(self._inputs)])

    def along(self, weights: Weights, direction: Weights) -> tuple[Tensor, Tensor]:
        """Outputs, and their derivative J·direction, both (n, outputs)."""
        with reading(self._model), torch.no_grad():
            direction = {name: direction[name] for name in weights}
            pairs = [
                derivative(partial(self._outputs, inputs=part), weights, direction)
                for part in chunks(self._inputs)
            ]
        values, tangents = zip(*pairs, strict=True)
        return torch.cat(values), torch.cat(tangents)

    def kernel_products(self, weights: Weights, directions: Tensor) -> Tensor:
        """J Jᵀ u for each direction u; (directions, n, outputs) to the same shape."""
        function = partial(self._outputs, inputs=self._inputs)
        with reading(self._model):
            _, pull = pullback(function, weights)
            with torch.no_grad():
                try:  # all at once: the network's own pass is shared
                    (pulled,) = vmap(pull)(directions)
                    found: Tensor = vmap(lambda one: derivative(function, weights, one)[1])(pulled)
                except RuntimeError:  # a layer without a batching rule
                    found = torch.stack(
                        [derivative(function, weights, pull(one)[0])[1] for one in directions]
                    )
        return found

    def jacobian(self, weights: Weights) -> Tensor:
        """Dense J, (n · outputs, weights) in float64, columns in the order of ``weights``."""
        with reading(self._model):
            parts = [self._jacobian(weights, part) for part in chunks(self._inputs)]
        return torch.cat(parts)

    def _jacobian(self, weights: Weights, inputs: Any) -> Tensor:
        def one(values: Weights, example: Any) -> Tensor:
            single = pytree.tree_map(lambda leaf: leaf[None], example)
            return self._outputs(values, single)[0]

        try:
            rows = vmap(jacrev(one), in_dims=(None, 0))(weights, inputs)
        except RuntimeError:  # a layer without a batching rule
            rows = _by_rows(partial(self._outputs, inputs=inputs), weights)
        flat = [rows[name].flatten(0, 1).flatten(1).double() for name in weights]
        return torch.cat(flat, dim=1)

    def _outputs(self, weights: Weights, inputs: Any) -> Tensor:
        arguments, named = _arguments(inputs)
        found = functional_call(self._model, {**self._buffers, **weights}, arguments, named)
        found = getattr(found, "logits", found)
        tensor = found if isinstance(found, Tensor) else found[0]
        if tensor.ndim == 0:
            raise InputError(
                "expected a model that returns one row of outputs for each example, got a scalar"
            )
        return tensor.flatten(1) if tensor.ndim > 1 else tensor[:, None]


def weights_of(model: nn.Module, *, trained: bool = False) -> Weights:
    """Detached parameters by name, without copying; those that are trained only, if so asked."""
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad or not trained
    }


def copied(weights: Mapping[str, Tensor]) -> Weights:
    """The same values in memory of their own."""
    return {name: value.detach().clone() for name, value in weights.items()}


def statistics_of(model: nn.Module) -> Weights:
    """Copies of the buffers that training may move: floating-point ones."""
    return copied({n: b for n, b in model.named_buffers() if b.is_floating_point()})


def middle(first: Weights, second: Weights) -> tuple[Weights, Weights]:
    """½(a + b) and b − a."""
    half = {name: (first[name] + second[name]) / 2 for name in second}
    return half, {name: second[name] - first[name] for name in second}


def pullback(function: Function, weights: Weights) -> tuple[Tensor, Any]:
    """Value, and the map u -> (Jᵀu,)."""
    found: Any = torch.func.vjp(function, weights)
    return found[0], found[1]


def pushed(function: Function, weights: Weights, direction: Weights) -> tuple[Tensor, Tensor]:
    """Value, and J·direction, in forward mode."""
    found: Any = torch.func.jvp(function, (weights,), (direction,))
    return found[0], found[1]


def derivative(function: Function, weights: Weights, direction: Weights) -> tuple[Tensor, Tensor]:
    """Value, and J·direction: in forward mode, or by two backward passes where a layer lacks it."""
    try:
        return pushed(function, weights, direction)
    except (NotImplementedError, RuntimeError) as error:
        if "forward" not in str(error).lower():
            raise
    with torch.enable_grad():
        value, pull = pullback(function, weights)
        found: Any = torch.func.vjp(lambda cotangent: pull(cotangent)[0], torch.zeros_like(value))
        return value.detach(), found[1](direction)[0].detach()


@contextlib.contextmanager
def reading(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and kernels that can be differentiated forward and twice."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(evaluation_mode(model))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(_plain_attention())
        if any(isinstance(module, nn.LSTM) for module in model.modules()):
            stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        if any(isinstance(module, nn.RNNBase) for module in model.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """Without the fused inference path of ``nn.MultiheadAttention``."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def chunks(inputs: Any, size: int = CHUNK) -> Iterator[Any]:
    """Parts of the inputs along their first axis."""
    count = len(pytree.tree_leaves(inputs)[0])
    for start in range(0, count, size):
        part = slice(start, start + size)
        yield pytree.tree_map(itemgetter(part), inputs)


def _arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)), {}


def _by_rows(function: Function, weights: Weights) -> Weights:
    """The Jacobian one backward pass a row: (n, outputs, *shape) of every weight."""
    value, pull = pullback(function, weights)
    rows = []
    for index in range(value.numel()):
        unit = torch.zeros(value.numel(), dtype=value.dtype, device=value.device)
        unit[index] = 1
        rows.append(pull(unit.view(value.shape))[0])
    return {
        name: torch.stack([row[name] for row in rows]).unflatten(0, value.shape) for name in weights
    }

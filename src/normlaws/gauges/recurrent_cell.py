"""The recurrent layer of a model as a function: z_t = F(θ, z_{t−1}, x_t)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from normlaws.errors import InputError, allowed
from normlaws.gauges.network import Weights
from normlaws.norms.model.reading import evaluation_mode

Step = Callable[[Weights, Tensor, Tensor], Tensor]
_LAYERS = (nn.RNN, nn.GRU, nn.LSTM)
_CELLS = (nn.RNNCell, nn.GRUCell, nn.LSTMCell)


@dataclass(frozen=True)
class Recurrence:
    """A cell and what it was fed.

    Attributes:
        step: F(θ, z, x) for a batch: (n, states), (n, inputs) to (n, states).
        weights: θ by name.
        inputs: (sequences, time, inputs).
        states: (sequences, time, states): z_0, …, z_{T−1}, before each step.
    """

    step: Step
    weights: Weights
    inputs: Tensor
    states: Tensor


def recurrence(model: nn.Module, inputs: Any, layer: str | None) -> Recurrence:
    """Find the recurrent layer, and collect what it is fed when ``model`` reads ``inputs``.

    Raises:
        InputError: there is no such layer, or it has several layers or directions.
    """
    name, module = _find(model, layer)
    fed = _fed(model, module, inputs)
    weights = {key: value.detach() for key, value in module.named_parameters()}
    step, states = _step(name, module)
    with torch.no_grad(), evaluation_mode(model):
        size = states or _state_size(module, fed)
        state = fed.new_zeros(len(fed), size)
        before = []
        for time in range(fed.shape[1]):
            before.append(state)
            state = step(weights, state, fed[:, time])
    return Recurrence(step, weights, fed, torch.stack(before, dim=1))


def _find(model: nn.Module, layer: str | None) -> tuple[str, Any]:
    modules = dict(model.named_modules())
    known = [name for name, one in modules.items() if isinstance(one, _LAYERS + _CELLS)]
    if layer is not None:
        if layer not in modules:
            raise InputError(f"expected a module {allowed(known or modules)}, got {layer!r}")
        return layer, modules[layer]
    if len(known) != 1:
        raise InputError(
            "expected a model with one recurrent layer (nn.RNN, nn.GRU, nn.LSTM or a cell), or its "
            f"name as layer=, got {len(known)} of them in {type(model).__name__}"
        )
    return known[0], modules[known[0]]


def _fed(model: nn.Module, module: Any, inputs: Any) -> Tensor:
    """(sequences, time, inputs) that the layer sees."""
    seen: list[Tensor] = []
    hook = module.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad(), evaluation_mode(model):
            if isinstance(inputs, dict):
                model(**{key: value.to(device) for key, value in inputs.items()})
            else:
                many = inputs if isinstance(inputs, tuple) else (inputs,)
                model(*(one.to(device) for one in many))
    finally:
        hook.remove()
    if not seen:
        raise InputError("expected inputs for which the recurrent layer is called, but it was not")
    if isinstance(module, _LAYERS):
        return seen[0] if module.batch_first else seen[0].transpose(0, 1)
    return torch.stack(seen, dim=1)


def _step(name: str, module: Any) -> tuple[Step, int | None]:
    """The function F of a module and the size of its state, where the module tells it."""
    if isinstance(module, _LAYERS):
        if module.num_layers > 1 or module.bidirectional or module.proj_size:
            raise InputError(
                f"expected one layer and one direction without projection in {name!r}, got "
                f"num_layers={module.num_layers}, bidirectional={module.bidirectional}"
            )
        kind, suffix = type(module), "_l0"
    else:
        kind, suffix = type(module), ""
    if not isinstance(module, _LAYERS + _CELLS):
        return _own(module), None
    gates = {nn.LSTM: _lstm, nn.LSTMCell: _lstm, nn.GRU: _gru, nn.GRUCell: _gru}.get(kind)
    if gates is None:
        gates = _plain(torch.relu if module.nonlinearity == "relu" else torch.tanh)

    def step(weights: Weights, state: Tensor, inputs: Tensor) -> Tensor:
        through = F.linear(inputs, weights[f"weight_ih{suffix}"], weights.get(f"bias_ih{suffix}"))
        return gates(weights, state, through, suffix)

    factor = 2 if gates is _lstm else 1
    return step, factor * module.hidden_size


def _recurrent(weights: Weights, state: Tensor, suffix: str) -> Tensor:
    return F.linear(state, weights[f"weight_hh{suffix}"], weights.get(f"bias_hh{suffix}"))


def _plain(nonlinearity: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def gates(weights: Weights, state: Tensor, through: Tensor, suffix: str) -> Tensor:
        return nonlinearity(through + _recurrent(weights, state, suffix))

    return gates


def _gru(weights: Weights, state: Tensor, through: Tensor, suffix: str) -> Tensor:
    """As in PyTorch: reset, update, new."""
    r_in, u_in, n_in = through.chunk(3, dim=-1)
    r_state, u_state, n_state = _recurrent(weights, state, suffix).chunk(3, dim=-1)
    update = torch.sigmoid(u_in + u_state)
    new = torch.tanh(n_in + torch.sigmoid(r_in + r_state) * n_state)
    return (1 - update) * new + update * state


def _lstm(weights: Weights, state: Tensor, through: Tensor, suffix: str) -> Tensor:
    """As in PyTorch: input, forget, cell, output; the state is (h, c) side by side."""
    hidden, cell = state.chunk(2, dim=-1)
    gates = through + _recurrent(weights, hidden, suffix)
    let_in, forget, new, let_out = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(let_in) * torch.tanh(new)
    return torch.cat([torch.sigmoid(let_out) * torch.tanh(cell), cell], dim=-1)


def _own(module: nn.Module) -> Step:
    def step(weights: Weights, state: Tensor, inputs: Tensor) -> Tensor:
        found: Tensor = functional_call(module, weights, (inputs, state))
        return found

    return step


def _state_size(module: Any, fed: Tensor) -> int:
    for attribute in ("hidden_size", "state_size", "size"):
        if isinstance(getattr(module, attribute, None), int):
            return int(getattr(module, attribute))
    raise InputError(
        f"expected a cell {type(module).__name__} with an attribute hidden_size, got none"
    )

"""``measure``: one complete, exact measurement of a model, and the value it returns."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from normlaws.display import cards as notebook
from normlaws.errors import InputError, allowed
from normlaws.norms.definitions import deep_norm
from normlaws.norms.definitions import network as formulas
from normlaws.norms.large import is_large, iterated_norms, pays
from normlaws.norms.layer_norms import LayerNorms, layer_norms
from normlaws.norms.model.keras_layers import is_keras
from normlaws.norms.model.layers import Uncounted, WeightLayer
from normlaws.norms.model.plan import READINGS, Plan, Settings
from normlaws.norms.model.reading import evaluation_mode
from normlaws.norms.model.twin import bare, with_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFINITIONS = ("bartlett", "deep_norm", *deep_norm.ARCHITECTURES)
"""Accepted formulas of spectral complexity."""


@dataclass(frozen=True)
class Measurement:
    """Norms of one model.

    Attributes:
        total: ``log_<norm>`` of the whole network (natural logarithms) and counts: ``layers``,
            ``weights`` (entries of the counted matrices), ``parameters`` (all), ``uncounted``.
        layers: one row per weight layer: ``name``, ``kind``, ``shape``, ``tied``,
            ``log_spectral_norm``, ``log_frobenius``, ``log_l1``, ``log_group_21``, ``stable_rank``
            and, against a reference, ``log_distance_21`` and ``log_distance``.
        conventions: how everything was read: ``conv``, ``definition``, ``reference``, ``gains``,
            ``batch_norm``, ``biases``, ``input_shapes``.
        uncounted: the parameters that are no weight matrices, with the reason.
    """

    total: dict[str, Any]
    layers: pd.DataFrame
    conventions: dict[str, Any]
    uncounted: tuple[Uncounted, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return f"{self._headline()}\n{self.layers.to_string(index=False)}"

    def _repr_html_(self) -> str:
        totals = [(name, _shown(value)) for name, value in self.total.items()]
        layers = [[_shown(cell) for cell in row] for row in self.layers.itertuples(index=False)]
        numeric = [n for n, name in enumerate(self.layers) if name not in ("name", "kind", "shape")]
        said = "; ".join(f"{name} {value}" for name, value in self.conventions.items() if value)
        return notebook.card(
            self._headline(),
            notebook.table(("whole network", "value"), totals, numeric=[1]),
            notebook.table(list(self.layers.columns), layers, numeric=numeric),
            notebook.text(f"Logarithms are natural. Conventions: {said}.", quiet=True),
        )

    def plot(self, norm: str = "spectral_norm", ax: Axes | None = None) -> Axes:
        """Draw the logarithm of a norm of every layer, in the order of the network.

        Args:
            norm: a column of ``layers`` without its ``log_``: ``spectral_norm``, ``frobenius``,
                ``l1``, ``group_21`` and, against a reference, ``distance_21`` and ``distance``.
            ax: axes to draw on; those of a new figure by default.

        Raises:
            InputError: there is no such column.
        """
        from normlaws.report import figures
        from normlaws.report.style import shown_in_notebooks

        with shown_in_notebooks():
            return figures.layer_norms(self.layers, norm=norm, ax=ax)

    def as_dict(self) -> dict[str, Any]:
        """``{"total", "layers", "conventions"}`` with plain values, the form of ``--json``."""
        layers = self.layers.to_dict("records")
        return {"total": dict(self.total), "layers": layers, "conventions": self.conventions}

    def _headline(self) -> str:
        return (
            f"Measurement: {self.total['layers']} layers, log spectral complexity "
            f"{self.total['log_spectral_complexity']:.6g} (conv {self.conventions['conv']}, "
            f"definition {self.conventions['definition']})"
        )


def _shown(value: Any) -> str:
    """A cell of the card: four digits, shapes with a times sign."""
    if isinstance(value, tuple):
        return " × ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@torch.no_grad()
def measure(
    model: nn.Module,
    *,
    reference: Mapping[str, Tensor] | nn.Module | None = None,
    conv: str = "flat",
    definition: str = "bartlett",
    example_input: Any = None,
    fold_batch_norm: bool = False,
    gains: bool = False,
) -> Measurement:
    """Measure every data-free norm of ``model``, exactly, layer by layer and in total.

    >>> import normlaws as nl, torch
    >>> identity = torch.nn.Linear(2, 2, bias=False)
    >>> _ = torch.nn.init.eye_(identity.weight)
    >>> measured = nl.measure(identity)
    >>> round(measured.total["log_frobenius"], 4)  # ln √2
    0.3466
    >>> list(measured.layers["shape"])
    [(2, 2)]

    The model is left as it was: mode, gradients, buffers, random numbers and hooks.

    Args:
        model: any PyTorch model.
        reference: the M_i of spectral complexity and the start of the distances: a state dict or
            model of the same architecture, usually at initialisation; zero by default.
        conv: ``"flat"`` reads a convolution as its weight reshaped to (out, in · taps), as the
            paper does; ``"operator"`` as the true linear map between feature maps, whose sizes
            come from ``example_input``.
        definition: ``"bartlett"`` (eq. 1.2 of Bartlett, Foster & Telgarsky 2017), or
            ``"deep_norm"``: the formula of the paper's public code for this kind of architecture
            (``"deep_norm_cnn"``, ``"deep_norm_resnet"`` and ``"deep_norm_vit"`` name one).
        example_input: a tensor, a tuple of positional or a mapping of keyword arguments for one
            forward pass; needed by ``conv="operator"`` and ``fold_batch_norm``.
        fold_batch_norm: multiply each layer with the batch-norm (evaluation mode) behind it.
        gains: count gains of normalisation layers as diagonal layers of their own.

    Raises:
        InputError: an argument is not one of those above, the model holds no weight matrix or
            refuses ``example_input``, or ``reference`` belongs to another architecture.

    Warns:
        NormlawsWarning: a module is unknown and measured as flat, or weights are not finite.
    """
    if definition not in DEFINITIONS:
        raise InputError(f"expected a definition {allowed(DEFINITIONS)}, got {definition!r}")
    settings = Settings(conv, fold_batch_norm, gains, example_input)
    if isinstance(model, nn.Module):
        model = bare(model)
    plan = Plan.of(model, settings)
    start = _reference_layers(model, reference, settings, plan.layers)
    with evaluation_mode(model):
        norms = _measured(plan, start)
    if definition == "deep_norm":
        definition = deep_norm.architecture(model, plan.layers)
    result = summarise(plan, norms, bool(start), sum(p.numel() for p in model.parameters()))
    if definition != "bartlett":
        chosen = deep_norm.seen(definition, plan.layers)
        published = deep_norm.totals(definition, model, [norms[index] for index in chosen])
        result.total.update(published)
    result.conventions["definition"] = definition
    return result


def summarise(
    plan: Plan,
    norms: list[LayerNorms] | None = None,
    referenced: bool = False,
    parameters: int = 0,
    exact: bool = True,
    progress: Callable[[int, int, str], None] | None = None,
    done: Callable[[WeightLayer], None] | None = None,
) -> Measurement:
    """Totals and table of the layers of a plan, which are measured unless they have been.

    Args:
        plan: what is measured.
        norms: of the layers, where they have been measured.
        referenced: whether there was a reference.
        parameters: all of them.
        exact: decompose large matrices, too; else their spectral norm is iterated.
        progress: called with the layers done, their number, and the name of the next.
        done: called with every layer that has been measured.
    """
    norms = norms or _measured(plan, {}, exact, progress, done)
    counts = {
        "layers": len(plan.layers),
        "weights": sum(math.prod(layer.shape) for layer in plan.layers),
        "parameters": parameters,
        "uncounted": len(plan.uncounted),
    }
    said = {"definition": "bartlett", "reference": "given" if referenced else "zero"}
    return Measurement(
        _totals(norms, referenced) | counts,
        _table(plan.layers, norms, referenced),
        plan.conventions | said,
        plan.uncounted,
    )


def _measured(
    plan: Plan,
    start: Mapping[str, WeightLayer],
    exact: bool = True,
    progress: Callable[[int, int, str], None] | None = None,
    done: Callable[[WeightLayer], None] | None = None,
) -> list[LayerNorms]:
    found, compiled = [], not exact and pays(plan.layers)
    for index, layer in enumerate(plan.layers):
        if progress is not None:
            progress(index, len(plan.layers), layer.name)
        conv = plan.convolutions.get(layer.name)
        if exact or conv is not None or not is_large(layer):
            found.append(layer_norms(layer, conv, start.get(layer.name)))
        else:
            found.append(iterated_norms(layer, compiled))
        if done is not None:
            done(layer)
    return found


def _totals(norms: list[LayerNorms], referenced: bool) -> dict[str, float]:
    table = {name: np.array([asdict(norm)[name] for norm in norms]) for name in asdict(norms[0])}
    sigma = table["log_spectral_norm"]
    total = {
        "log_spectral_complexity": formulas.log_spectral_complexity(
            sigma, table["log_distance_21"]
        ),
        "log_spectral_product": formulas.log_spectral_product(sigma),
        "log_frobenius": formulas.log_root_of_squares(table["log_frobenius"]),
        "log_frobenius_product": float(table["log_frobenius"].sum()),
        "log_l1": formulas.log_sum(table["log_l1"]),
        "log_group_21": formulas.log_sum(table["log_group_21"]),
        "mean_stable_rank": float(np.mean([norm.stable_rank for norm in norms])),
    }
    if referenced:
        total["log_distance"] = formulas.log_root_of_squares(table["log_distance"])
        total["log_distance_21"] = formulas.log_sum(table["log_distance_21"])
    return total


def _table(layers: tuple[WeightLayer, ...], norms: list[LayerNorms], distances: bool) -> Any:
    names = ["log_spectral_norm", "log_frobenius", "log_l1", "log_group_21", "stable_rank"]
    names += ["log_distance_21", "log_distance"] if distances else []
    rows = [
        {"name": layer.name, "kind": layer.kind, "shape": layer.shape, "tied": layer.tied}
        | {name: getattr(norm, name) for name in names}
        for layer, norm in zip(layers, norms, strict=True)
    ]
    return pd.DataFrame(rows)


def _twin(model: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """The model with the weights of a state dict; Keras keeps its own books, so it is copied."""
    if not any(is_keras(module) for module in model.modules()):
        twin: nn.Module = with_weights(model, state)
        return twin
    copied = copy.deepcopy(model)
    try:
        copied.load_state_dict(dict(state))
    except RuntimeError as error:
        raise InputError(
            f"expected a reference with the weights of {type(model).__name__}, but {error}"
        ) from None
    return copied


def _reference_layers(
    model: nn.Module,
    reference: Mapping[str, Tensor] | nn.Module | None,
    settings: Settings,
    layers: tuple[WeightLayer, ...],
) -> dict[str, WeightLayer]:
    """The same layers with the reference's weights, by name."""
    if reference is None:
        return {}
    twin = bare(reference) if isinstance(reference, nn.Module) else _twin(model, reference)
    found = {layer.name: layer for layer in Plan.of(twin, settings).layers}
    for layer in layers:
        other = found.get(layer.name)
        if other is None or other.shape != layer.shape:
            raise InputError(
                f"expected a reference of the same architecture, but {layer.name} of shape "
                f"{layer.shape} is {'missing' if other is None else other.shape} there"
            )
    return found


__all__ = ["DEFINITIONS", "READINGS", "Measurement", "measure"]

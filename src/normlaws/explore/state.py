"""What the page shows, as one frozen value that fits into an address and comes back from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from normlaws.curves import Curves
from normlaws.curves.names import shown_norm
from normlaws.explore.models import MODELS, suited_knobs

Span = tuple[float, float]
SIZES, TARGETS = (1.0, 1e30), (1e-30, 1e30)
ALPHAS, NORMS = (0.1, 1000.0), (0.01, 1e4)
"""What the perceptron is solved for: examples per dimension, and norms of the student."""
TABS = ("study", "collapse", "theory", *MODELS)
RUNS, RESCALE = ("mean", "single"), ("optimum", "exponents")
MODEL_FIGURES = ("model", "model-two")
ZOOMABLE = ("norm", "step", "error", "optimum", "collapse", "theory", *MODEL_FIGURES)


@dataclass(frozen=True)
class State:
    """Everything a permalink carries; ``None`` stands for what the fit finds or the data give.

    Attributes:
        tab: ``"study"``, ``"collapse"``, ``"theory"`` (the perceptron) or the name of another
            solvable model.
        norm, metric: what is drawn and fitted.
        runs: ``"mean"`` over seeds, or ``"single"`` runs.
        seeds: seeds that count; all where ``None``.
        hidden: sizes that are not drawn (they stay in the fit).
        cut: smallest and largest size in the fit; all where ``None``.
        window: log norms of an early window set by the user.
        size: P of the forecast.
        target: error for which the data needed are asked.
        rescale: ``"optimum"`` (λ/λ_opt, ε/ε_opt) or ``"exponents"``.
        gammas: γ0, γ1, γ2 of the rescaling, set by the user.
        axis, loss, floor: along what the collapse is shown, of which metric, above which
            irreducible part; empty and ``None`` stand for the usual ones and the fitted floor.
        alpha, radius: α and λ of the perceptron.
        knobs: parameters of solvable models that are not as at the start, by ``model.knob``.
        zoom: ranges of the axes of zoomed figures, as (name, x from, x to, y from, y to) in the
            axes' own coordinates.
    """

    tab: str = "study"
    norm: str = ""
    metric: str = ""
    runs: str = "mean"
    seeds: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = ()
    cut: tuple[int, int] | None = None
    window: Span | None = None
    size: float | None = None
    target: float | None = None
    rescale: str = "optimum"
    gammas: tuple[float, float, float] | None = None
    axis: str = ""
    loss: str = ""
    floor: float | None = None
    alpha: float = 5.0
    radius: float = 3.0
    knobs: tuple[tuple[str, float], ...] = ()
    zoom: tuple[tuple[str, float, float, float, float], ...] = ()

    def query(self) -> str:
        """The state as the query of an address; what is at its default is left out."""
        given = {
            field.name: _written(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return f"?{urlencode(given, safe=',;')}" if given else ""

    def zoom_of(self, figure: str) -> str:
        """What a zoom of a figure holds for; it is dropped where this changes."""
        if figure == "theory":
            return "theory"
        if figure in MODEL_FIGURES:
            return f"{figure} {self.tab}"
        if figure == "step":
            return f"step {self.metric}"
        tail = f" {self.rescale}" if figure == "collapse" else ""
        return f"{self.norm} {self.metric}{tail}"

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a store in the page."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def start(curves: Curves) -> State:
    """The state in which a study opens: the default metric, along the norm that is shown first."""
    return State(norm=shown_norm(curves.norms) or "", metric=curves.default_metric())


def from_query(query: str, curves: Curves) -> State:
    """The state of an address, as far as it suits the study; the rest is as at the start."""
    asked = {name: values[-1] for name, values in parse_qs(query.lstrip("?")).items()}
    found: dict[str, Any] = {}
    for name, text in asked.items():
        if name in _READ:
            try:
                found[name] = _READ[name](text)
            except ValueError:
                continue
    return suited(replace(start(curves), **found), curves)


def from_dict(values: Mapping[str, Any]) -> State:
    """The state from a page's store, where tuples have become lists."""
    return State(**{name: _frozen(value) for name, value in values.items()})


def suited(state: State, curves: Curves) -> State:
    """The state without what the study does not have."""
    first = start(curves)
    seeds = _among(state.seeds, curves.seeds)
    return replace(
        state,
        norm=state.norm if state.norm in curves.norms else first.norm,
        metric=state.metric if state.metric in curves.metrics else first.metric,
        seeds=None if not seeds or seeds == tuple(curves.seeds) else seeds,
        hidden=_among(state.hidden, curves.sizes),
        cut=_cut(state.cut, curves.sizes),
        zoom=tuple(one for one in state.zoom if one[0] in ZOOMABLE),
        size=None if state.size is None else _within(state.size, SIZES),
        target=None if state.target is None else _within(state.target, TARGETS),
        axis=state.axis if {state.axis, f"log_{state.axis}"} & set(curves.frame) else "",
        loss=state.loss if state.loss in curves.metrics else "",
        alpha=_within(state.alpha, ALPHAS),
        radius=_within(state.radius, NORMS),
        knobs=suited_knobs(state.knobs),
    )


def _within(value: float, reach: Span) -> float:
    return min(max(value, reach[0]), reach[1])


def _among(values: Iterable[int] | None, known: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(set(values or ()) & set(known)))


def _cut(cut: tuple[int, int] | None, sizes: Sequence[int]) -> tuple[int, int] | None:
    """The cut between sizes of the study; ``None`` where it cuts nothing."""
    inside = [size for size in sizes if cut and cut[0] <= size <= cut[1]]
    if not inside or len(inside) == len(sizes):
        return None
    return inside[0], inside[-1]


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        deep = value and isinstance(value[0], tuple)
        return (";" if deep else ",").join(map(_written, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return read


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _positive(text: str) -> float:
    value = _number(text)
    if value <= 0:
        raise ValueError(text)
    return value


def _numbers(count: int) -> Callable[[str], tuple[float, ...]]:
    def read(text: str) -> tuple[float, ...]:
        values = tuple(_number(part) for part in text.split(","))
        if len(values) != count:
            raise ValueError(text)
        return values

    return read


def _ordered(text: str) -> tuple[float, ...]:
    low, high = _numbers(2)(text)
    if low >= high:
        raise ValueError(text)
    return low, high


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _sizes(text: str) -> tuple[int, ...]:
    low, high = _integers(text)
    return low, high


def _zoom(text: str) -> tuple[tuple[Any, ...], ...]:
    parts = [part.split(",", 1) for part in text.split(";")]
    return tuple((part[0], *_numbers(4)(part[1])) for part in parts if len(part) == 2)


def _knobs(text: str) -> tuple[tuple[Any, ...], ...]:
    parts = [part.split(",", 1) for part in text.split(";")]
    return tuple((part[0], _number(part[1])) for part in parts if len(part) == 2)


_READ: dict[str, Callable[[str], Any]] = {
    "tab": _one_of(TABS),
    "norm": str,
    "metric": str,
    "runs": _one_of(RUNS),
    "seeds": _integers,
    "hidden": _integers,
    "cut": _sizes,
    "window": _ordered,
    "size": _positive,
    "target": _positive,
    "rescale": _one_of(RESCALE),
    "gammas": _numbers(3),
    "axis": str,
    "loss": str,
    "floor": _number,
    "alpha": _positive,
    "radius": _positive,
    "knobs": _knobs,
    "zoom": _zoom,
}

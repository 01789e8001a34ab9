"""The controls of the page: every one with a label, every one a standard form element or slider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from dash import dcc, html

from normlaws.curves import Curves
from normlaws.display.exponents import EXPONENTS
from normlaws.display.numbers import count, raised
from normlaws.explore.markup import data, labelled
from normlaws.explore.models.plot import Knob, Model
from normlaws.explore.state import ALPHAS, NORMS, State
from normlaws.report.scales import words
from normlaws.report.style import size_colours

MOST_SEEDS = 10  # more are folded
GAMMAS = {name: EXPONENTS[name].typeset for name in ("gamma0", "gamma1", "gamma2")}
GAMMA_REACH = {"gamma0": (-1.0, 2.0), "gamma1": (0.0, 3.0), "gamma2": (0.0, 4.0)}


def group(title: str, *children: Any, name: str = "", note: str = "") -> html.Div:
    """Controls under one heading, which names them to a screen reader as well (or ``name``)."""
    return html.Div(
        [
            html.H2(title),
            *children,
            *([html.P(note, className="note")] if note else []),
        ],
        className="group",
        role="group",
        **labelled(name or title),
    )


def named(name: str, *children: Any, said: str = "", className: str = "") -> html.Div:
    """Children whose boxes or slider are called ``name``; ``said`` tells where the slider is."""
    return html.Div(list(children), className=className, **data(named=name, said=said))


def choice(name: str, label: str, values: Sequence[str], value: str) -> html.Div:
    """A menu of names."""
    return html.Div(
        [
            html.Label(label, htmlFor=name, id=f"{name}-label"),
            dcc.Dropdown(
                [{"label": words(one), "value": one} for one in values],
                value,
                id=name,
                clearable=False,
                searchable=False,
            ),
        ],
        className="field",
    )


def number(name: str, label: str, value: float | None, **more: Any) -> html.Div:
    """A field for a positive number; what cannot be one is said below it."""
    return html.Div(
        [
            html.Label(label, htmlFor=name),
            dcc.Input(id=name, type="number", value=value, min=0, step="any", debounce=0.4, **more),
            html.P(className="refused", role="status"),
        ],
        className="field",
    )


def study_controls(curves: Curves, state: State) -> list[Any]:
    """Everything beside the study's figures."""
    return [
        group(
            "Curves",
            choice("norm", "Norm", curves.norms, state.norm),
            choice("metric", "Error or loss", curves.metrics, state.metric),
            named(
                "What is drawn",
                dcc.RadioItems(
                    {"mean": "mean over seeds", "single": "single runs"},
                    state.runs,
                    id="runs",
                    className="chips",
                    inline=True,
                ),
            ),
            *_seeds(curves, state),
        ),
        group(
            "Sizes shown",
            named("Sizes shown", _sizes(curves, state)),
            note="In all figures; point at one to find it.",
        ),
        group(
            "Early window",
            named(
                "Early window, log norm",
                dcc.RangeSlider(
                    0,
                    1,
                    id="window",
                    value=[0, 1],
                    marks=None,
                    updatemode="mouseup",
                    allow_direct_input=False,
                ),
                said="window-said",
            ),
            html.P(id="window-said", className="said"),
            html.Button("Find it again", id="find-window", type="button"),
            note="Log norms between which γ₁ and γ₀ are read. Its edges can be dragged in the "
            "figure as well.",
        ),
        group(
            "Sizes in the fit (P cut)",
            named("Sizes in the fit", _cut(curves, state), said="cut-said"),
            html.P(id="cut-said", className="said"),
            name="cut",
        ),
    ]


def forecast_controls(curves: Curves, state: State) -> list[html.Div]:
    """P of the forecast, and the error for which the data needed are asked."""
    return [
        number("size", "Forecast at P", state.size or ahead_by_default(curves.sizes)),
        number("target", "Data needed for an error of", state.target, placeholder="0.01"),
    ]


def ahead_by_default(sizes: Sequence[int]) -> float:
    """The P of the forecast where none is asked for."""
    return 4.0 * max(sizes)


def rescale_controls(state: State) -> html.Div:
    """What the collapse is rescaled by."""
    sliders = [
        named(
            f"Exponent {symbol}",
            html.Span([symbol, html.Span(id=f"{name}-said")], className="label"),
            dcc.Slider(
                *GAMMA_REACH[name],
                0.001,
                id=name,
                value=0,
                marks=None,
                updatemode="drag",
                allow_direct_input=False,
            ),
        )
        for name, symbol in GAMMAS.items()
    ]
    return html.Div(
        [
            named(
                "How curves are rescaled",
                dcc.RadioItems(
                    {"optimum": "by each size's optimum", "exponents": "by powers of P"},
                    state.rescale,
                    id="rescale",
                    className="chips",
                    inline=True,
                ),
            ),
            html.Div(
                [*sliders, html.Button("Fitted values", id="reset-gammas", type="button")],
                id="gamma-sliders",
                className="sliders",
            ),
            html.P(id="spread-said", className="said"),
        ],
        className="rescale",
    )


def theory_controls(state: State) -> list[Any]:
    """α and λ, each as a slider of its logarithm and as a number."""
    return [
        group(
            title,
            number(name, label, value),
            named(
                f"Decimal logarithm of {title.lower()}",
                dcc.Slider(
                    float(np.log10(reach[0])),
                    float(np.log10(reach[1])),
                    0.01,
                    id=f"{name}-slider",
                    value=float(np.log10(value)),
                    marks=_powers(reach),
                    updatemode="drag",
                    allow_direct_input=False,
                ),
            ),
            name=name,
        )
        for title, name, label, value, reach in (
            ("Examples per dimension", "alpha", "α = P/N", state.alpha, ALPHAS),
            ("Norm of the student", "radius", "λ", state.radius, NORMS),
        )
    ]


def model_controls(model: Model, state: State) -> list[Any]:
    """Every parameter of a solvable model as a number and as a slider."""
    values = model.values(state.knobs)
    parts = [_knob(f"{model.name}.{knob.name}", knob, values[knob.name]) for knob in model.knobs]
    return [group(model.title, *parts, note=model.about)]


def _knob(name: str, knob: Knob, value: float) -> html.Div:
    """A field above its slider, which moves the logarithm where the range is wide."""
    field: dict[str, Any] = {"type": "knob", "name": name}
    reach = f"{knob.low:g} to {knob.high:g}".replace("e+0", "e").replace("e-0", "e−")
    label = f"{knob.label} ({reach})"
    slider = dcc.Slider(
        knob.place(knob.low),
        knob.place(knob.high),
        knob.step,
        id={"type": "knob-slider", "name": name},
        value=knob.place(value),
        marks=None,
        updatemode="mouseup",
        allow_direct_input=False,
    )
    said = f"Decimal logarithm of {knob.label}" if knob.log else knob.label
    box = dcc.Input(id=field, type="number", value=value, step="any", debounce=0.4)
    return html.Div(
        [html.Label([label, box], className="label"), named(said, slider)], className="field"
    )


def _powers(reach: tuple[float, float]) -> dict[int, str]:
    low, high = (round(float(np.log10(end))) for end in reach)
    return {
        power: f"{10**power:g}" if -3 < power < 4 else raised(power)
        for power in range(low, high + 1)
    }


def _seeds(curves: Curves, state: State) -> list[Any]:
    chosen = list(state.seeds or curves.seeds)
    box = dcc.Checklist(
        [{"label": str(seed), "value": seed} for seed in curves.seeds],
        chosen,
        id="seeds",
        className="chips",
        inline=True,
    )
    if len(curves.seeds) > MOST_SEEDS:
        summary = html.Summary(f"Seeds ({len(curves.seeds)})")
        return [named("Seeds", html.Details([summary, box]), className="field folded")]
    title = html.Span("Seeds", className="label")
    return [named("Seeds", title, box, className="field" if curves.seeds else "gone")]


def _sizes(curves: Curves, state: State) -> dcc.Checklist:
    """The legend of every figure, which hides and shows as well."""
    colours = size_colours(curves.sizes)
    options = [
        {
            "label": html.Span(
                [html.I(style={"background": colours[size]}), count(size)],
                className="size",
                **data(size=str(size)),
            ),
            "value": size,
        }
        for size in curves.sizes
    ]
    shown = [size for size in curves.sizes if size not in state.hidden]
    return dcc.Checklist(options, shown, id="shown", className="sizes")


def legend(curves: Curves) -> html.Ul:
    """The sizes' colours once more, where the controls are folded away."""
    colours = size_colours(curves.sizes)
    entries = [
        html.Li([html.I(style={"background": colours[size]}), count(size)], className="size")
        for size in curves.sizes
    ]
    return html.Ul([html.Li("P"), *entries], className="legend")


def _cut(curves: Curves, state: State) -> dcc.RangeSlider:
    """Places in the list of sizes."""
    sizes = curves.sizes
    low, high = state.cut or (sizes[0], sizes[-1])
    return dcc.RangeSlider(
        0,
        max(len(sizes) - 1, 1),
        1,
        id="cut",
        value=[sizes.index(low), sizes.index(high)],
        marks=None,
        updatemode="mouseup",
        allow_direct_input=False,
        disabled=len(sizes) < 2,
    )

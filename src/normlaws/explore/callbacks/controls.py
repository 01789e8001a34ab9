"""From controls to the state, and from the state to what each part of the page depends on."""

from __future__ import annotations

import math
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update, set_props

from normlaws.explore.controls import GAMMAS, ahead_by_default
from normlaws.explore.figures.against_size import edges
from normlaws.explore.slices import SLICES, slice_of
from normlaws.explore.state import State as PageState
from normlaws.explore.state import suited
from normlaws.explore.study import Study

SAME = 1e-6
INPUTS = {
    name: Input(name, "data" if name in ("hand", "gammas", "knobs", "zoom", "seen") else "value")
    for name in (
        "tab",
        "norm",
        "metric",
        "runs",
        "seeds",
        "shown",
        "cut",
        "size",
        "target",
        "rescale",
        "axis",
        "loss",
        "floor",
        "alpha",
        "radius",
        "hand",
        "gammas",
        "knobs",
        "zoom",
        "seen",
    )
}


def register(app: Dash, study: Study) -> None:
    """State, early window, P cut, exponents of the rescaling."""

    @app.callback(
        output={
            "state": Output("state", "data"),
            "query": Output("query", "data"),
            **{name: Output(name, "data") for name in SLICES},
        },
        inputs={
            "given": INPUTS,
            "dragged": Input("cut", "drag_value"),
            "before": {name: State(name, "data") for name in SLICES},
            "old": State("state", "data"),
        },
    )
    def gather(
        given: dict[str, Any], dragged: Any, before: dict[str, Any], old: dict[str, Any]
    ) -> dict[str, Any]:
        moving = _dragging("cut", dragged, given["cut"])
        if moving:
            given["cut"] = dragged
        moving |= given["hand"]["dragging"]
        state = state_of(given, study, old)
        return {"state": state.as_dict(), "query": state.query()} | {
            name: no_update if before[name] == now else now
            for name in SLICES
            for now in [slice_of(state, name, given["seen"], moving)]
        }

    @app.callback(
        Output("hand", "data"),
        Input("window", "value"),
        Input("window", "drag_value"),
        Input("figure-norm", "relayoutData"),
        Input("find-window", "n_clicks"),
        State("window-shown", "data"),
        State("hand", "data"),
        prevent_initial_call=True,
    )
    def steer_window(
        value: Any, dragged: Any, moved: Any, _: Any, shown: Any, hand: dict[str, Any]
    ) -> Any:
        if ctx.triggered_id == "find-window":
            return {"window": None, "dragging": False}
        dragging = _dragging("window", dragged, value)
        asked = dragged if dragging else value
        if ctx.triggered_id == "figure-norm":
            asked = window_dragged(moved, shown)
        if not asked or not shown or _same(asked, shown["window"]) or asked[0] >= asked[1]:
            if hand["dragging"] and not dragging:
                return hand | {"dragging": False}
            return no_update
        return {"window": list(asked), "dragging": dragging}

    @app.callback(
        Input("figure-error", "relayoutData"),
        Input("figure-optimum", "relayoutData"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def steer_cut(first: Any, second: Any, state: dict[str, Any]) -> None:
        moved = first if ctx.triggered_id == "figure-error" else second
        places = cut_dragged(moved, study.curves.sizes, state["cut"])
        if places is not None:
            set_props("cut", {"value": places})

    @app.callback(
        Output("gammas", "data"),
        *(Input(name, "value") for name in GAMMAS),
        Input("reset-gammas", "n_clicks"),
        State("gammas-shown", "data"),
        prevent_initial_call=True,
    )
    def steer_gammas(gamma0: Any, gamma1: Any, gamma2: Any, _: Any, shown: Any) -> Any:
        if ctx.triggered_id == "reset-gammas":
            return None
        asked = [gamma0, gamma1, gamma2]
        return no_update if not shown or _same(asked, shown) else asked


def state_of(given: dict[str, Any], study: Study, old: dict[str, Any]) -> PageState:
    """The state that the controls are in; a number field that is empty keeps what it was."""
    sizes = study.curves.sizes
    low, high = (sizes[min(int(place), len(sizes) - 1)] for place in given["cut"])
    seeds = given["seeds"] or None
    state = PageState(
        tab=given["tab"],
        norm=given["norm"],
        metric=given["metric"],
        runs=given["runs"],
        seeds=tuple(sorted(seeds)) if seeds else None,
        hidden=tuple(size for size in sizes if size not in given["shown"]),
        cut=(low, high),
        window=tuple(given["hand"]["window"]) if given["hand"]["window"] else None,
        size=None if given["size"] == ahead_by_default(sizes) else given["size"] or old["size"],
        target=given["target"] or None,
        rescale=given["rescale"],
        gammas=tuple(given["gammas"]) if given["gammas"] else None,
        axis=given["axis"] or "",
        loss=given["loss"] or "",
        floor=given["floor"],
        alpha=given["alpha"] or old["alpha"],
        radius=given["radius"] or old["radius"],
        knobs=tuple((given["knobs"] or {}).items()),
    )
    zoom = tuple(
        (name, *kept["range"])
        for name, kept in sorted(given["zoom"].items())
        if kept["of"] == state.zoom_of(name)
    )
    return suited(PageState(**state.as_dict() | {"zoom": zoom}), study.curves)


def _dragging(slider: str, dragged: Any, value: Any) -> bool:
    """Whether a slider is being dragged: its handles are not where its value is."""
    return f"{slider}.drag_value" in ctx.triggered_prop_ids and dragged not in (None, value)


def _same(first: Any, second: Any) -> bool:
    return bool(
        first and second and all(abs(a - b) < SAME for a, b in zip(first, second, strict=True))
    )


def window_dragged(moved: Any, shown: Any) -> list[float] | None:
    """The window after an edge (shapes 1 and 2, behind the band) was moved in the figure."""
    edge = _moved_edges(moved, (1, 2))
    if not edge or not shown:
        return None
    window = list(shown["window"])
    for place, at in edge.items():
        if shown["as_norm"] and at <= 0:
            return None
        window[place] = math.log(at) if shown["as_norm"] else at
    return [round(one, 2) for one in sorted(window)]  # as fine as the slider's steps


def cut_dragged(moved: Any, sizes: list[int], cut: Any) -> list[int] | None:
    """Places of the smallest and the largest size after an edge of the cut was moved."""
    shaded = 0 if cut is None else 2
    edge = _moved_edges(moved, (shaded, shaded + 1))
    if not edge:
        return None
    low, high = edges(sizes, tuple(cut or (sizes[0], sizes[-1])))
    low, high = sorted((edge.get(0, low), edge.get(1, high)))
    inside = [place for place, size in enumerate(sizes) if low <= size <= high]
    return [inside[0], inside[-1]] if inside else None


def _moved_edges(moved: Any, shapes: tuple[int, int]) -> dict[int, float]:
    """Where the lower (0) and upper (1) edge was moved to."""
    keys = {f"shapes[{shape}].x0": place for place, shape in enumerate(shapes)}
    return {keys[key]: float(at) for key, at in (moved or {}).items() if key in keys}

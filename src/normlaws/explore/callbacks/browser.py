"""What the browser does by itself: see assets/explore.js."""

from __future__ import annotations

from dash import ALL, ClientsideFunction, Dash, Input, Output, State

from normlaws.explore.page import FIGURES
from normlaws.explore.state import MODEL_FIGURES

LINKED = ("norm", "step")
PANES = ("study", "collapse", "theory")


def register(app: Dash) -> None:
    """Address, tabs, zoom, linked highlight, pictures."""

    def local(function: str, *wires: Input | Output | State, initially: bool = False) -> None:
        app.clientside_callback(
            ClientsideFunction("explore", function), *wires, prevent_initial_call=not initially
        )

    local(
        "tabs",
        Output("study-pane", "className"),
        Output("collapse-pane", "className"),
        Output("theory-pane", "className"),
        Output("model-pane", "className"),
        Input("tab", "value"),
        initially=True,
    )
    local("address", Output("linked", "data", allow_duplicate=True), Input("query", "data"))
    local(
        "zoom",
        Output("zoom", "data"),
        *(Input(f"figure-{name}", "relayoutData") for name in FIGURES),
        State("zoom", "data"),
    )
    local(
        "zoom",
        Output("zoom", "data", allow_duplicate=True),
        *(Input(f"figure-{name}", "relayoutData") for name in MODEL_FIGURES),
        State("zoom", "data"),
    )
    local(
        "link",
        Output("linked", "data"),
        *(
            Input(f"figure-{name}", prop)
            for name in LINKED
            for prop in ("hoverData", "selectedData")
        ),
    )
    local(
        "picture",
        Output("saved", "data"),
        Input({"type": "image", "figure": ALL, "form": ALL}, "n_clicks"),
        Input({"type": "whole", "figure": ALL}, "n_clicks"),
    )
    for pane in PANES:
        local("fold", Output(f"{pane}-controls", "open"), Input("id", "data"), initially=True)
    shown = Input("model-pane", "children")
    local("fold", Output("model-controls", "open"), shown, initially=True)
    local("follow", Output("tick", "disabled"), Input("follow", "value"))
    local("copy", Output("copy", "children"), Input("copy", "n_clicks"))

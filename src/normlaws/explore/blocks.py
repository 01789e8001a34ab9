"""A figure under its heading, with buttons and a caption."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.markup import labelled
from normlaws.explore.state import State


def block(
    name: str,
    title: str,
    caption: str,
    *below: Any,
    movable: bool = False,
    csv: str = "csv",
    figure: Any = None,
) -> html.Section:
    """The figure ``name``, with what can be done with it.

    Args:
        name: of the figure.
        title: its heading.
        caption: how to read it.
        below: what stands under the caption.
        movable: whether its shapes can be dragged.
        csv: type of the button that downloads its data.
        figure: what is drawn already; a message to wait by default.
    """
    inside = title[0].lower() + title[1:]

    def button(text: str, says: str, **which: str) -> html.Button:
        return html.Button(text, id=which | {"figure": name}, type="button", **labelled(says))

    buttons = [
        button("PNG", f"Download {inside} as PNG", type="image", form="png"),
        button("SVG", f"Download {inside} as SVG", type="image", form="svg"),
        button("CSV", f"Download the data of {inside} as CSV", type=csv),
        button("Whole", f"Show the whole of {inside}, without zoom", type="whole"),
    ]
    return html.Section(
        [
            html.Div([html.H2(title), html.Div(buttons, className="buttons")], className="head"),
            html.Div(
                dcc.Graph(
                    id=f"figure-{name}",
                    figure=waiting(name) if figure is None else figure,
                    config=theme.configured(movable=movable),
                    clear_on_unhover=True,
                    responsive=True,
                    className="graph",
                ),
                className="plot",
                role="group",
                **labelled(title),
            ),
            html.P(caption, className="caption"),
            *below,
        ],
        className=f"figure {name}",
    )


def waiting(name: str) -> Figure:
    """What a figure shows until it is drawn."""
    return theme.message(theme.blank(name, State(), "", ""), "fitting …")

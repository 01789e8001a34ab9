"""The first figures as still pictures, which a browser shows while it still loads what draws them.

A still has the curves, the bands and the axes of its figure, in the place of the figure. It stands
on logarithmic axes alone; a figure with another axis has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from normlaws.arrays import Floats
from normlaws.explore.figure import Figure, Values
from normlaws.report.scales import short

ROOM = 0.05  # of an axis, at either end, as plotly leaves it
GRID = 1000  # places along an axis of the picture
MOST_MARKS = 9
AXES = ("x", "y")


def outline(heading: str, facts: str, figures: Mapping[str, tuple[str, Figure]]) -> str:
    """The page's heading and its first figures, as HTML.

    Args:
        heading: of the page.
        facts: the line below it.
        figures: {name: (title, figure)}, those with linear axes left out.
    """
    blocks = "".join(
        f'<section class="figure {name}"><div class="head"><h2>{escape(title)}</h2></div>'
        f'<div class="plot"><div class="still" data-of="{name}">{drawn}</div></div></section>'
        for name, (title, figure) in figures.items()
        if (drawn := picture(figure))
    )
    return (
        '<div id="first" aria-hidden="true"><header class="top"><div>'
        f'<h1>{escape(heading)}</h1><p class="facts">{escape(facts)}</p></div></header>'
        '<p class="notice"></p><div class="tabs"><label>Loading …</label></div>'
        '<div class="pane"><div class="controls"></div>'
        f'<div class="figures">{blocks}</div></div></div>'
    )


def picture(figure: Figure) -> str:
    """Lines and bands of a figure over its axes; empty where an axis is not logarithmic."""
    layout = figure.layout
    if any(layout[f"{which}axis"]["type"] != "log" for which in AXES):
        return ""
    shown = [trace for trace in figure.data if "lines" in trace["mode"]]
    points = [[_logs(trace[which]) for which in AXES] for trace in shown]
    ends = [_range(layout[f"{which}axis"], [one[at] for one in points], which, shown)
            for at, which in enumerate(AXES)]  # fmt: skip
    if any(end is None for end in ends):
        return ""
    spans = [end for end in ends if end is not None]
    paths = "".join(
        _path(trace, _placed(x, spans[0]), GRID - _placed(y, spans[1]))
        for trace, (x, y) in zip(shown, points, strict=True)
    )
    margin = layout["margin"]
    inset = " ".join(f"{margin[side]}px" for side in "trbl")
    marks = "".join(
        _marks(layout[f"{w}axis"], w, span) for w, span in zip(AXES, spans, strict=True)
    )
    return (
        f'<div style="inset:{inset}"><svg viewBox="0 0 {GRID} {GRID}" preserveAspectRatio="none">'
        f"{paths}</svg>{marks}</div>"
    )


def _logs(values: Any) -> Floats:
    array = np.asarray(values, dtype=float)
    logs: Floats = np.log10(array, where=array > 0, out=np.full(array.shape, np.nan))
    return logs


def _range(
    axis: Values, parts: list[Floats], which: str, shown: list[Values]
) -> tuple[float, float] | None:
    """Ends of an axis, decimal logarithms; None where nothing is on it."""
    if "range" in axis:
        low, high = axis["range"]
        return float(low), float(high)
    known = np.concatenate([part[np.isfinite(part)] for part in parts] or [np.zeros(0)])
    if not known.size:
        return None
    low, high = float(known.min()), float(known.max())
    room = ROOM * (high - low) / (1 - 2 * ROOM) or 0.1
    return low - room, high + room


def _placed(logs: Floats, span: tuple[float, float]) -> Floats:
    return GRID * (logs - span[0]) / (span[1] - span[0])


def _path(trace: Values, x: Floats, y: Floats) -> str:
    """A line with its gaps, or a band."""
    known = np.isfinite(x) & np.isfinite(y)
    words, pen = [], "M"
    last = (0, 0)
    for here, left, top in zip(known, x, y, strict=True):
        if not here:
            pen = "M"
            continue
        at = (round(float(left)), round(float(top)))
        if pen == "M" or at != last:
            words.append(f"{pen}{at[0]} {at[1]}")
        pen, last = "L", at
    line = trace["line"]
    if trace.get("fill") == "toself":
        look = f'fill="{trace["fillcolor"]}"'
    else:
        look = f'fill="none" stroke="{line["color"]}" stroke-width="{line["width"]}"'
        if line.get("dash", "solid") != "solid":
            look += ' stroke-dasharray="5 4"'
    return f'<path d="{"".join(words)}" {look} opacity="{trace.get("opacity", 1)}"/>'


def _marks(axis: Values, which: str, span: tuple[float, float]) -> str:
    """Title and ticks of an axis."""
    side = "left" if which == "x" else "bottom"
    named = "".join(
        f'<span class="{which}" style="{side}:{100 * at:.2f}%">{text}</span>'
        for value, text in _ticks(axis, span)
        for at in [(np.log10(value) - span[0]) / (span[1] - span[0])]
        if 0 <= at <= 1
    )
    return f'{named}<b class="{which}">{escape(axis["title"]["text"])}</b>'


def _ticks(axis: Values, span: tuple[float, float]) -> Iterator[tuple[float, str]]:
    """Values and names: those of the figure where it has some, else 1, 2, 5 or powers of ten."""
    if "tickvals" in axis:
        yield from zip(axis["tickvals"], axis["ticktext"], strict=True)
        return
    powers = range(int(np.floor(span[0])), int(np.ceil(span[1])) + 1)
    marks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    inside = [mark for mark in marks if span[0] <= np.log10(mark) <= span[1]]
    if "tickformat" in axis and len(inside) <= MOST_MARKS:
        write = short if axis["tickformat"] == "~s" else "{:,g}".format
        yield from ((mark, write(mark)) for mark in inside)
        return
    for power in powers:
        yield 10.0**power, f"10<sup>{power}</sup>".replace("-", "−")

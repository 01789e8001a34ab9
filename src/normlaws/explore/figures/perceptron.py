"""The solvable perceptron at fixed α: error against norm between the classical rules."""

from __future__ import annotations

from normlaws.display.numbers import significant
from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.solved import Solved
from normlaws.explore.state import State
from normlaws.report.style import FIT, INK, MUTED, PREDICTION, size_colours

# name: the line's style in words, and its dashes in pixels
STYLES = {
    "hebb": ("dotted line", "2,4"),
    "gibbs": ("dash-dotted line", "8,3,2,3"),
    "max-stability": ("dashed line", "7,5"),
    "bayes": ("long-dashed line", "13,5"),
}


def rule_styles() -> dict[str, tuple[str, str, str]]:
    """Colour, style in words and dashes of every rule's line."""
    shades = list(size_colours(range(len(STYLES) + 1)).values())[1:]
    return {
        name: (colour, *style) for (name, style), colour in zip(STYLES.items(), shades, strict=True)
    }


def perceptron(solved: Solved, state: State) -> Figure:
    """Draw ε(λ) with the rules as level lines, λ_opt and the current point."""
    figure = theme.blank("theory", state, "norm λ of the student", "generalisation error ε")
    rows = solved.curve
    for name, (colour, _, dashes) in rule_styles().items():
        level = solved.rules[name]
        figure.add_scatter(
            x=[rows["norm"].iloc[0], rows["norm"].iloc[-1]],
            y=[level, level],
            mode="lines",
            line={"color": colour, "width": 1.8, "dash": dashes.replace(",", "px,") + "px"},
            name=name.replace("-", " "),
            hovertemplate=f"{name}: ε = {significant(level, 4)}<extra></extra>",
            meta={"role": "rule"},
        )
    figure.add_scatter(
        x=rows["norm"],
        y=rows["generalization_error"],
        mode="lines",
        line={"color": FIT, "width": 2.6},
        hovertemplate="λ = %{x:.4g}<br>ε = %{y:.5f}<extra></extra>",
        meta={"role": "line"},
    )
    figure.add_shape(
        type="line",
        x0=solved.best_norm,
        x1=solved.best_norm,
        y0=0,
        y1=1,
        yref="paper",
        line={"color": MUTED, "width": 1.4, "dash": "dot"},
        layer="below",
    )
    for x, y, symbol, colour, what in (
        (solved.best_norm, solved.best_error, "circle", INK, "lowest: λ_opt"),
        (state.radius, solved.error, "diamond", PREDICTION, "current point"),
    ):
        figure.add_scatter(
            x=[x],
            y=[y],
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 13,
                "color": "#fff",
                "line": {"color": colour, "width": 2.4},
            },
            hovertemplate=f"{what}<br>λ = %{{x:.4g}}<br>ε = %{{y:.5f}}<extra></extra>",
            meta={"role": "point"},
        )
    theme.ticks(figure, "y", [*rows["generalization_error"], *solved.rules.values()])
    figure.update_axis("y", tickformat="~g")
    return theme.zoomed(figure, state)

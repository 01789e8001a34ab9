"""The figures of a collapse as words, a table and JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.display.numbers import NONE
from normlaws.laws.presented import Figures, interval, number, plain
from normlaws.laws.result import Estimate

if TYPE_CHECKING:
    from normlaws.laws.collapse.finish import Finish
    from normlaws.laws.collapse.result import Collapse

FIGURES = (
    ("floor", "L0", "irreducible part of the metric"),
    ("share", "share", "of .1 < x < 1 with Δ below σ̄"),
    ("ratio", "ratio", "rms of Δ over rms of σ̄"),
    ("onset", "onset d", "Δ below σ̄ for x > 1 − d"),
    ("rms", "rms Δ", "spread of the normalised curves"),
)
DIGITS = 6  # of final values, whose differences are small beside them
PLACES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)  # of x, in tables
PLACES_HEADER = ("x", "mean ℓ", "Δ", "95 %", "σ̄")


def figures(found: Collapse) -> Figures:
    """What was compared along what, and every figure with its meaning."""
    kinds = f"{len(found.ladder.counts)} groups of {found.scale}, {len(found.ladder.group)} runs"
    rows: list[tuple[str, ...]] = []
    for name, symbol, meaning in FIGURES:
        one = getattr(found, name)
        digits = 6 if name == "floor" else 4
        rows.append((symbol, number(one.value, digits), interval(one, digits), meaning))
    heading = f"{found.metric} along {found.axis} ({kinds})"
    return Figures(heading, ("figure", "value", "95 % interval", "meaning"), rows)


def place_rows(found: Collapse) -> list[tuple[str, ...]]:
    """ℓ, Δ with its interval and σ̄ at single x, as :data:`PLACES_HEADER` names them."""
    curves, rows = table(found), list[tuple[str, ...]]()
    for place in PLACES:
        row = curves.iloc[int(np.argmin(np.abs(found.x - place)))]
        if abs(row["x"] - place) < 1e-6:
            delta = Estimate(row["deviation"], row["low"], row["high"])
            known = np.isfinite(row["low"])
            rows.append(
                (
                    f"{place:g}", number(row["curve"], 4), number(delta.value, 3),
                    interval(delta, 3) if known else NONE, number(row["noise"], 3),
                )
            )  # fmt: skip
    return rows


def residual_header(found: Collapse) -> tuple[str, ...]:
    """Names of the columns of :func:`residual_rows`."""
    unit = "σ" if found.order.unit == "sigma" else "%"
    at = [name.removeprefix("at_") for name in found.order.table if name.startswith("at_")]
    return ("run", found.scale, f"residual ({unit})", *(f"at x = {place}" for place in at))


def residual_rows(found: Collapse) -> list[tuple[str, ...]]:
    """Every finished run's distance from the mean curve, largest size first."""
    runs = found.order.table.sort_values("size", ascending=False, kind="stable")
    places = [name for name in runs if name.startswith("at_")]
    return [
        (
            str(row["run"]), size_of(row["size"]), f"{row['residual']:+.2f}",
            *(f"{row[name]:+.2f}" for name in places),
        )
        for row in runs.to_dict("records")
    ]  # fmt: skip


def finish_header(found: Collapse) -> tuple[str, ...]:
    """Names of the columns of :func:`finish_rows`."""
    return ("run", found.scale, "x", f"end ({found.axis})", f"final {found.metric}", "95 %",
            "by the sizes", "residual")  # fmt: skip


def finish_rows(runs: Iterable[Finish]) -> list[tuple[str, ...]]:
    """How far each run has come, what it is expected to end at, and how unusual that is."""
    return [
        (
            one.run, size_of(one.size), f"{one.x:.2f}", f"{one.end:.4g}",
            *value_and_span(one.value), number(one.size_law, DIGITS),
            NONE if np.isnan(one.residual) else f"{one.residual:+.1f} σ",
        )
        for one in runs
    ]  # fmt: skip


def value_and_span(value: Estimate) -> tuple[str, str]:
    """A final value, and its interval."""
    span = NONE
    if value.low is not None and value.high is not None:
        span = f"{number(value.low, DIGITS)} – {number(value.high, DIGITS)}"
    return number(value.value, DIGITS), span


def size_of(size: float) -> str:
    """A size with all its digits."""
    return f"{size:,.10g}"


def as_dict(found: Collapse) -> dict[str, Any]:
    """The object of ``collapse --json`` without the verdict."""
    return {name: plain(getattr(found, name)) for name, _, _ in FIGURES} | {
        "residuals": {
            "unit": found.order.unit,
            "trend": plain(found.order.trend),
            "direction": found.order.direction,
        },
        "along": found.axis,
        "metric": found.metric,
        "scale": found.scale,
    }


def table(found: Collapse) -> pd.DataFrame:
    """The curves of the collapse, one row per x, with the interval of Δ."""
    resamples = found.measured.deviation[1:]
    low, high = (
        np.quantile(resamples, [0.025, 0.975], axis=0)
        if len(resamples)
        else np.full((2, len(found.x)), np.nan)
    )
    return pd.DataFrame(
        {
            "x": found.x,
            "curve": found.curve,
            "deviation": found.deviation,
            "low": low,
            "high": high,
            "noise": found.mean_noise,
        }
    )

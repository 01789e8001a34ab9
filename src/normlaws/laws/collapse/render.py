"""The figures of a collapse as words, a table and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.laws.presented import Figures, interval, number, plain

if TYPE_CHECKING:
    from normlaws.laws.collapse.result import Collapse

FIGURES = (
    ("floor", "L0", "irreducible part of the metric"),
    ("share", "share", "of .1 < x < 1 with Δ below σ̄"),
    ("ratio", "ratio", "rms of Δ over rms of σ̄"),
    ("onset", "onset d", "Δ below σ̄ for x > 1 − d"),
    ("rms", "rms Δ", "spread of the normalised curves"),
)


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

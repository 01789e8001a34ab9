"""A collapse as text, HTML and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.display import cards
from normlaws.laws.result import Estimate

if TYPE_CHECKING:
    from normlaws.laws.collapse.result import Collapse

FIGURES = (
    ("floor", "L0", "irreducible part of the metric"),
    ("share", "share", "of .1 < x < 1 with Δ below σ̄"),
    ("ratio", "ratio", "rms of Δ over rms of σ̄"),
    ("onset", "onset d", "Δ below σ̄ for x > 1 − d"),
    ("rms", "rms Δ", "spread of the normalised curves"),
)


def rows(found: Collapse) -> list[tuple[str, str, str, str]]:
    """Name, value, 95 % interval and meaning of every figure."""
    return [
        (symbol, _number(one.value), _interval(one), meaning)
        for name, symbol, meaning in FIGURES
        for one in [getattr(found, name)]
    ]


def one_line(found: Collapse) -> str:
    """Every figure on one line."""
    return ", ".join(f"{name} = {value} {span}" for name, value, span, _ in rows(found))


def heading(found: Collapse) -> str:
    """What was compared along what."""
    kinds = f"{len(found.ladder.counts)} groups of {found.scale}, {len(found.ladder.group)} runs"
    return f"{found.metric} along {found.axis} ({kinds})"


def summary(found: Collapse) -> str:
    """A table of text."""
    head = heading(found)
    lines = [head, "-" * len(head)]
    lines += [f"{s:<10}{v:>10}  {i:<20}  {m}" for s, v, i, m in rows(found)]
    lines += ["", found.verdict.text]
    lines += [f"Next: {step}." for step in found.verdict.next_steps]
    return "\n".join(lines)


def html(found: Collapse) -> str:
    """A card for notebooks."""
    return cards.card(
        heading(found),
        cards.table(("figure", "value", "95 % interval", "meaning"), rows(found), numeric=(1, 2)),
        cards.text(found.verdict.text),
        *(cards.text(f"Next: {step}.") for step in found.verdict.next_steps),
    )


def as_dict(found: Collapse) -> dict[str, Any]:
    """The object of ``collapse --json``."""
    figures = {name: _plain(getattr(found, name)) for name, _, _ in FIGURES}
    return figures | {
        "verdict": found.verdict.text,
        "codes": list(found.verdict.codes),
        "next_steps": list(found.verdict.next_steps),
        "residuals": {
            "unit": found.order.unit,
            "trend": _plain(found.order.trend),
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


def _plain(one: Estimate) -> dict[str, float | None]:
    return {
        name: None if value is None or not np.isfinite(value) else float(value)
        for name, value in one.as_dict().items()
    }


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.6g}" if abs(value) >= 1 else f"{value:.4g}"


def _interval(one: Estimate) -> str:
    if one.low is None or one.high is None:
        return "–"
    return f"[{_number(one.low)}, {_number(one.high)}]"

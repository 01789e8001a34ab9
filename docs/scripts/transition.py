"""How many examples diagonal networks need: the transition between kernel and rich regimes.

    python docs/scripts/transition.py

The published experiment (arXiv 2002.09277, figure 1): limits of gradient flow on the squared loss,
1000 dimensions, five of them relevant, noise 0.01. Up to 200 examples, where the outcome depends on
the draw, twelve seeds; beyond, five. At 800 examples only the two largest scales are solved; the
others are at their floor by then. Draws ``docs/images/diagonal-transition.png`` and prints the
numbers of ``docs/theory/diagonal-network.md`` (in all about a minute of one core).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import figures as drawing
import normlaws as nl
from normlaws.report.style import INK, SMALL, new_axes

SCALES = (1e-5, 1e-3, 1e-2, 1e-1, 1.0)
LARGE, LAST = (0.1, 1.0), 800
PLAN = (  # scales, sizes, seeds
    (SCALES, (25, 35, 50, 70, 100, 200), 12),
    (SCALES, (400,), 5),
    (LARGE, (LAST,), 5),
)
LEVEL = 0.025  # excess from which an initial scale counts as having found the sparse solution
MARKERS, TICKS = "osD^v", (25, 50, 100, 200, 400, 800)


def excesses() -> pd.DataFrame:
    """Geometric means over seeds of |β − β*|²: a row per scale, a column per size."""
    found = pd.concat(
        nl.theory.sample_complexity(scales, sizes, seeds=seeds) for scales, sizes, seeds in PLAN
    )
    if lost := int(found["excess"].isna().sum()):
        print(f"{lost} of {len(found)} limits are beyond double precision and left out")
    spread = found[(found["init_scale"] == SCALES[0]) & (found["size"] <= 50)]
    print(spread.groupby("size")["excess"].describe()[["min", "50%", "max"]])
    logs = found.assign(excess=np.log(found["excess"]))
    return np.exp(logs.pivot_table("excess", "init_scale", "size"))


def needed(row: pd.Series) -> float:
    """P at which the excess falls below the level, on a line between sizes in logarithms."""
    row = row.dropna()
    above = np.flatnonzero(row.to_numpy() >= LEVEL)
    if not len(above) or above[-1] == len(row) - 1:
        return np.inf if len(above) else row.index[0]
    ends = row.iloc[above[-1] : above[-1] + 2]
    logs, sizes = np.log(ends.to_numpy()), np.log(ends.index.to_numpy(float))
    return float(np.exp(np.interp(-np.log(LEVEL), -logs, sizes)))


def main() -> None:
    table = excesses()
    print(table.to_string(float_format="{:.2g}".format))
    titles = ["excess of the limit", f"examples for an excess of {LEVEL:g}"]
    left, right = drawing.panels(titles, 2)
    for marker, (scale, row) in zip(MARKERS, table.iterrows(), strict=True):
        row = row.dropna()
        left.plot(row.index, row, marker=marker, ms=4, lw=1.2, label=f"scale {scale:g}")
    left.axhline(LEVEL, color=INK, lw=0.8, ls=":")
    new_axes(left).set(xscale="log", yscale="log", xlabel="P", ylabel="|β − β*|²")
    left.set_xlim(20, 5000)  # room for the legend
    left.set_xticks(TICKS, [f"{size}" for size in TICKS])
    left.minorticks_off()
    left.legend(fontsize=SMALL, frameon=False, loc="lower right")
    wanted = table.apply(needed, axis=1)
    print(wanted.to_string(float_format="{:.0f}".format))
    known = wanted[np.isfinite(wanted)]
    right.plot(known.index, known, "o-", color=INK, ms=4, lw=1.2)
    beyond = wanted.index[~np.isfinite(wanted)]
    right.plot(beyond, [LAST] * len(beyond), "^", color=INK, ms=7, label=f"more than {LAST}")
    new_axes(right).set(xscale="log", yscale="log", xlabel="initial scale α", ylabel="P")
    right.legend(fontsize=SMALL, frameon=False)
    drawing.save(left, "diagonal-transition")


if __name__ == "__main__":
    main()

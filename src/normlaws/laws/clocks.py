"""Does the norm do better than the step? The figures of the laws against every recorded clock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import NormlawsError
from normlaws.laws.data.grid import Panel, panel_of
from normlaws.laws.data.runs import runs_of
from normlaws.laws.estimators.resampled_fit import sample
from normlaws.laws.findings.figures import Figures

ORDINARY = ("step", "epoch", "train_loss")
COLUMNS = ("clock", "common_share", "slope_change", "collapse", "sizes")
BETTER = 0.8  # a clock is called better where its curves spread less than this share of the other's


def clocks(curves: Curves, norm: str, metric: str) -> pd.DataFrame:
    """One row per clock: the fitted norm first, then other norms, step, epoch, training loss.

    Columns: ``clock``; ``common_share`` of the fall on one curve; ``slope_change`` of that curve,
    end over beginning; ``collapse``, the spread of the rescaled curves over their fall; ``sizes``
    that enter. A clock that falls, such as a loss, is turned round; NaN where a clock was not
    recorded, does not move or leaves too few points.
    """
    others = [name for name in curves.norms if name != norm]
    rows = [_row(curves, name, f"log_{name}", metric) for name in [norm, *others]]
    for name in ORDINARY:
        if name != metric and name in curves.frame and curves.frame[name].notna().any():
            rows.append(_row(_with_clock(curves, name), name, f"log_{name}", metric))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def clock_sentence(table: pd.DataFrame) -> str:
    """Whether the fitted norm does better than the step, in one sentence."""
    norm, by_name = str(table["clock"].iloc[0]), table.set_index("clock")["collapse"]
    if "step" not in by_name or not np.isfinite([by_name[norm], by_name["step"]]).all():
        return "Whether the norm does better than the step cannot be told from these curves."
    mine, step = float(by_name[norm]), float(by_name["step"])
    spreads = f"spread {100 * mine:.1f}\u00a0% of their fall against {100 * step:.1f}\u00a0%"
    if mine < BETTER * step:
        return f"The norm does better than the step: rescaled curves {spreads}."
    if step < BETTER * mine:
        return f"The norm does no better than the step: rescaled curves {spreads}."
    return f"The norm and the step do equally well: rescaled curves {spreads}."


def _with_clock(curves: Curves, name: str) -> Curves:
    frame = curves.frame.copy()
    values = frame[name].to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(values)
    frame[f"log_{name}"] = -log if name.endswith("loss") else log
    return Curves(frame, curves.runs)


def _row(
    curves: Curves, clock: str, column: str, metric: str
) -> tuple[str, float, float, float, int]:
    nothing = (clock, float("nan"), float("nan"), float("nan"), 0)
    try:
        panel = panel_of(runs_of(curves, column.removeprefix("log_"), metric))
    except NormlawsError:
        return nothing
    if not panel.runs or len(panel.sizes) < 3 or not _moves(panel):
        return nothing
    figures = Figures(sample(panel, 0, 0))
    stretch = figures.stretch
    change = float("nan") if stretch is None else float(np.exp(stretch.slope_change()[0]))
    spread = float(np.sqrt(max(float(figures.collapse()[0]), 0.0)))
    return clock, float(figures.common_share()[0]), change, spread, len(panel.sizes)


def _moves(panel: Panel) -> bool:
    return all(np.ptp(run.log_norm[run.rising]) > 0 for run in panel.runs)

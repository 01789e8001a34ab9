"""Does the norm do better than the step? The figures of the laws against every recorded clock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import NormlawsError
from normlaws.laws.data.grid import Panel, panel_of
from normlaws.laws.data.runs import runs_of
from normlaws.laws.estimators.bootstrap import weights_of
from normlaws.laws.estimators.resampled_fit import Samples, sample
from normlaws.laws.findings.figures import Figures
from normlaws.laws.forecasts.clocked import Clocked, along, rms

ORDINARY = ("step", "epoch", "train_loss")
COLUMNS = ("clock", "common_share", "slope_change", "collapse", "sizes", "unfinished")
MIN_PAST = 2  # past forecasts that choose a clock
HALVED, ALONE = 1 / 2, 1 / 3  # what a floor must leave of past errors; of a single one
BETTER = 0.8  # a clock is called better where its curves spread less than this share of the other's


def clocks(curves: Curves, norm: str, metric: str, choice: str | None = None) -> pd.DataFrame:
    """One row per clock: the fitted norm first, then other norms, step, epoch, training loss.

    Columns: ``clock``; ``common_share`` of the fall on one curve; ``slope_change`` of that curve,
    end over beginning; ``collapse``, the spread of the rescaled curves over their fall; ``sizes``
    that enter; ``unfinished``, the root mean square of ln(forecast/actual) of finished sizes cut
    short and forecast along the clock. A clock that falls, such as a loss, is turned round; NaN
    where a clock was not recorded, does not move or leaves too few points.
    """
    panels = _panels(curves, norm, metric, choice)
    cuts: Floats | None = None
    rows: list[tuple[str | float, ...]] = []
    for name, panel in panels.items():
        if panel is None:
            rows.append((name, *[np.nan] * 3, 0, np.nan))
            continue
        found = sample(panel, 0, 0)
        mine = along(name, panel, np.ones((1, len(panel.runs))), found.used)
        cuts = mine.cuts() if name == norm else cuts
        alike = cuts is not None and len(cuts) == len(mine.used)
        past = mine.past_errors(cuts) if cuts is not None and alike else np.zeros(0)
        rows.append((name, *_figures(found), len(panel.sizes), rms(past)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def best_clock(
    curves: Curves,
    norm: str,
    metric: str,
    choice: str | None,
    found: Samples,
    seed: int,
    running: int | None = None,
) -> tuple[Clocked, Floats]:
    """The clock along which finished sizes, cut short, are forecast best, and its past errors.

    They are cut as far before their optimum, in the norm, as the size with the index ``running``
    stands before the one it is expected at; by default at the optimum of the next smaller size.

    The norm where no clock has two past forecasts. That clock is followed above the floor of the
    optima where this halves the past errors; of a single past error it must leave a third. Weights
    are those of the fit ``found``.
    """
    weights = weights_of(found.panel, len(found.late) - 1, seed)
    mine = along(norm, found.panel, weights, found.used)
    cuts = mine.cuts(None if running is None else mine.remaining(running))
    best, least = mine, mine.past_errors(cuts)
    names = [run.name for run in found.panel.runs]
    for name, panel in _panels(curves, norm, metric, choice).items():
        if name == norm or panel is None or [run.name for run in panel.runs] != names:
            continue
        other = along(name, panel, weights, found.used)
        past = other.past_errors(cuts)
        both = np.isfinite(past) & np.isfinite(least)
        if both.sum() >= MIN_PAST and rms(past[both]) < rms(least[both]):
            best, least = other, past
    floored = best.above_a_floor()
    past = floored.past_errors(cuts)
    both = np.isfinite(past) & np.isfinite(least)
    better = HALVED if both.sum() >= MIN_PAST else ALONE
    return (floored, past) if rms(past[both]) < better * rms(least[both]) else (best, least)


def _panels(curves: Curves, norm: str, metric: str, choice: str | None) -> dict[str, Panel | None]:
    """The runs along every clock; None where it cannot be one."""
    others = [name for name in curves.norms if name != norm]
    found = {name: _panel(curves, name, metric, choice) for name in [norm, *others]}
    for name in ORDINARY:
        if name != metric and name in curves.frame and curves.frame[name].notna().any():
            found[name] = _panel(_with_clock(curves, name), name, metric, choice)
    return found


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


def _panel(curves: Curves, clock: str, metric: str, choice: str | None) -> Panel | None:
    try:
        panel = panel_of(runs_of(curves, clock, metric, choice))
    except NormlawsError:
        return None
    if not panel.runs or len(panel.sizes) < 3 or not _moves(panel):
        return None
    return panel


def _figures(found: Samples) -> tuple[float, float, float]:
    """Common share, slope change and collapse."""
    figures = Figures(found)
    stretch = figures.stretch
    change = float("nan") if stretch is None else float(np.exp(stretch.slope_change()[0]))
    spread = float(np.sqrt(max(float(figures.collapse()[0]), 0.0)))
    return float(figures.common_share()[0]), change, spread


def _moves(panel: Panel) -> bool:
    return all(np.ptp(run.log_norm[run.rising]) > 0 for run in panel.runs)

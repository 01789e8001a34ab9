"""What a fit computed under every resample: kept for forecasts, back-tests and influence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.laws.data.grid import Bools, Panel
from normlaws.laws.data.runs import Floats
from normlaws.laws.estimators.bootstrap import degrees_of_freedom, slopes, weights_of
from normlaws.laws.estimators.early_window import EarlyFit, cover, early_fit
from normlaws.laws.estimators.joint_fit import JointFit, joint_fit
from normlaws.laws.estimators.size_law import FORMS, SizeLaw, fit_size_law

MIN_CONTEST = 7  # sizes
JOINT_WIDE = 0.5  # share of the descents that a joint fit must span to speak of all sizes
OFFSET_BETTER = 2 / 3  # an irreducible error is claimed where it lowers contest errors by a third


@dataclass(frozen=True)
class Samples:
    """Every quantity under each row of weights; row 0 is the data. B rows, K sizes, G points.

    Attributes:
        panel: the study.
        freedom: seeds resampled together, less one; 0 without resampling.
        log_error, log_norm: (B, K) means over seeds at the optima.
        curves: (B, K, G) mean ln error on ``panel.grid``.
        finished: (K,) sizes with a run that is complete.
        used: (K,) sizes in the direct and the late law.
        direct, late: (B, 2) constants and slopes against ln P.
        early: windows and early law.
        joint, excess: crossover without, and with, an irreducible error; None where not fitted.
        size_law: for forecasts.
        window: log norms of an early window set by hand; None where it was found.
    """

    panel: Panel
    freedom: int
    log_error: Floats
    log_norm: Floats
    curves: Floats
    finished: Bools
    used: Bools
    direct: Floats
    late: Floats
    early: EarlyFit
    joint: JointFit | None
    excess: JointFit | None
    size_law: SizeLaw
    window: tuple[float, float] | None = None

    @property
    def log_sizes(self) -> Floats:
        """Ln P. (K,)."""
        return np.log(self.panel.sizes)

    @property
    def early_exponents(self) -> tuple[Floats, Floats]:
        """(γ1, γ0) of every resample: of the joint fit where it speaks, else of the window."""
        if self.joint is not None and self.joint_speaks:
            return self.joint.gamma1, self.joint.gamma0
        return self.early.gamma1, self.early.gamma0

    @property
    def joint_speaks(self) -> bool:
        """Whether it gives the early exponents: it holds, and no window was set by hand."""
        return self.window is None and self.joint_holds

    @property
    def joint_holds(self) -> bool:
        """Whether the joint fit is adequate and begins early enough to span half the descents."""
        if self.joint is None or not self.joint.crossover.adequate:
            return False
        best, low = self.log_norm[0], self.joint.crossover.lower
        return cover(self.panel, self.curves[0], low, best, best) >= JOINT_WIDE


@np.errstate(divide="ignore", invalid="ignore")  # NaN marks what a resample cannot tell
def sample(
    panel: Panel, resamples: int, seed: int, window: tuple[float, float] | None = None
) -> Samples:
    """Run the whole fit on the data and on every resample of the seeds.

    With a ``window`` (log norms), the early law is read there instead of where it is found.
    """
    weights = weights_of(panel, resamples, seed)
    log_norm = panel.size_means(panel.opt_norm, weights)
    log_error = panel.size_means(panel.opt_error, weights)
    curves = panel.mean_curves(weights)
    finished = _finished(panel)
    used = finished & _optimum_reached(panel)
    if used.sum() < min(3, finished.sum()):
        used = finished
    early = early_fit(panel, curves, log_norm, window)
    log_p = np.log(panel.sizes)
    direct = np.stack(slopes(log_p[used], log_error[:, used]), axis=1)
    late = np.stack(slopes(log_p[used], log_norm[:, used]), axis=1)
    size_law = fit_size_law(log_p[used], log_error[:, used])
    joint = joint_fit(panel, curves, early, log_norm, late[:, 1])
    excess = None
    if _offset_claimed(size_law):
        offset = float(size_law.theta[0, 1, 2])
        excess = joint_fit(panel, curves, early, log_norm, late[:, 1], offset)
    return Samples(
        panel=panel,
        freedom=degrees_of_freedom(panel) if len(weights) > 1 else 0,
        log_error=log_error,
        log_norm=log_norm,
        curves=curves,
        finished=finished,
        used=used,
        direct=direct,
        late=late,
        early=early,
        joint=joint,
        excess=excess,
        size_law=size_law,
        window=window,
    )


def _offset_claimed(law: SizeLaw) -> bool:
    """Whether forecasts of known sizes are a third better with an irreducible error.

    The contest must rest on seven sizes or more, and go that way in two thirds of the resamples.
    """
    plain, offset = law.contest[0, 0], law.contest[0, 1]
    agreed = np.mean(law.chosen == FORMS.index("power_offset")) >= 2 / 3
    better = law.form == "power_offset" and offset < OFFSET_BETTER * plain
    return bool(agreed and better and law.sizes >= MIN_CONTEST)


def _finished(panel: Panel) -> Bools:
    """Sizes with a complete run; all where that leaves fewer than two. (K,)."""
    complete = np.array([run.status == "complete" for run in panel.runs])
    found = np.asarray(panel.member.T @ complete > 0)
    return found if found.sum() >= 2 else np.ones_like(found)


def _optimum_reached(panel: Panel) -> Bools:
    """Sizes of which half the runs or more went past their optimum. (K,).

    Where a seed-averaged curve ends says nothing about where training ended: all are kept.
    """
    if panel.seedless:
        return np.ones(len(panel.sizes), dtype=bool)
    return np.asarray((panel.member.T @ panel.censored) / panel.member.sum(axis=0) <= 0.5)

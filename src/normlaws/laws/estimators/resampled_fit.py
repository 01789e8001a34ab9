"""What a fit computed under every resample: kept for forecasts, back-tests and influence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.data.counting import counting_noise
from normlaws.laws.data.grid import Bools, Panel
from normlaws.laws.estimators.alignment import BEGIN, PAST, Alignment, align
from normlaws.laws.estimators.bootstrap import (
    degrees_of_freedom,
    known_to,
    weights_of,
)
from normlaws.laws.estimators.crossover import LOG_M
from normlaws.laws.estimators.deviations import Deviations, deviations
from normlaws.laws.estimators.early_window import EarlyFit, cover, early_fit
from normlaws.laws.estimators.joint_fit import JointFit, joint_fit
from normlaws.laws.estimators.least_squares import straight_line
from normlaws.laws.estimators.size_law import FORMS, SizeLaw, fit_size_law
from normlaws.laws.forecasts.form import Form

MIN_DEVIATIONS = 3  # sizes, from which γ2 can be seen to change
MIN_CONTEST = 7  # sizes
STEEP = 0.7  # share of γ1 with which some size is to fall, or its law is extrapolated
JOINT_WIDE = 0.5  # share of the descents that a joint fit must span to speak of all sizes
MINIMA_DISAGREE = 2.5  # ratio of γ2 from the joint fit and from the optima
MIN_RESAMPLES = 20  # that know the noise of their difference
HAUSMAN = 3.0  # standard deviations of it
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
        other_gamma2: (B,) the estimate of γ2 that is not that of the late law.
        minima: (B,) slope of the runs' own ln λ_opt against ln P: a check on γ2.
        alignment: shifts that bring the curves of all sizes onto one another.
        early: windows and early law.
        joint, excess: crossover without, and with, an irreducible error; None where not fitted.
        size_law: for forecasts.
        window: log norms of an early window set by the user; None where it was found.
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
    other_gamma2: Floats
    minima: Floats
    alignment: Alignment
    early: EarlyFit
    joint: JointFit | None
    excess: JointFit | None
    size_law: SizeLaw
    window: tuple[float, float] | None = None

    @property
    def log_sizes(self) -> Floats:
        """Ln P. (K,)."""
        return np.log(self.panel.sizes)

    @cached_property
    def deviations(self) -> Deviations | None:
        """Bend, drift and width in a wider family of crossovers; None where it does not fit."""
        if self.joint is None or self.joint_turns_elsewhere or self.used.sum() < MIN_DEVIATIONS:
            return None
        found = deviations(self.joint, np.where(self.used, self.log_norm[0], np.nan))
        return found if found is not None and found.adequate else None

    @cached_property
    def form(self) -> Form:
        """The form of the law of ε_opt against P, and its rival."""
        return Form(self.size_law, self.log_sizes[self.used], self.log_error[0, self.used])

    def model_error(self, name: str) -> float:
        """Standard deviation of an exponent or of the product that the crossover's error leaves.

        Its residuals beyond noise, m, are taken to change once along a descent and anew from size
        to size: a slope along a descent of length L is then off by √12 m / L.
        """
        joint, p = self.joint, self.log_sizes[self.used]
        if joint is None or not self.joint_is_used:
            return 0.0
        across = joint.misfit / max(float(np.sqrt(((p - p.mean()) ** 2).sum())), 1e-9)
        if name == "gamma1":
            return float(np.sqrt(12.0)) * joint.misfit / joint.unit
        if name == "gamma2":
            from_joint = self.late[0, 1] == joint.gamma2[0]
            return across / max(float(joint.gamma1[0]), 1e-9) if from_joint else 0.0
        if name == "gamma0" or not self.panel.exact:
            return across
        return float(np.hypot(across, self.late[0, 1] * self.model_error("gamma1")))

    @property
    def direct_slope(self) -> Floats:
        """Slope of ln ε_opt against ln P without the plateau at chance of the joint fit. (B,).

        Near chance the lowest errors themselves fall more slowly than the laws have it.
        """
        joint = self.joint
        if (
            joint is None
            or self.joint_turns_elsewhere
            or not np.isfinite(joint.crossover.log_chance)
        ):
            return self.direct[:, 1]
        depth = joint.crossover.log_chance - self.log_error
        knee = float(np.exp(joint.crossover.parameters[LOG_M]))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            below = np.log(np.expm1(knee * np.maximum(depth, 0.0))) / knee
            plain = joint.crossover.log_chance - np.where(knee * depth > 30, depth, below)
            free = np.where(np.isfinite(plain), plain, np.nan)
            return straight_line(self.log_sizes[self.used], free[:, self.used])[1]

    @property
    def early_exponents(self) -> tuple[Floats, Floats]:
        """(γ1, γ0) of every resample: of the joint fit where it is used, else of the window."""
        if self.joint is not None and self.joint_is_used:
            return self.joint.gamma1, self.joint.gamma0
        return self.early.gamma1, self.early.gamma0

    @property
    def joint_is_used(self) -> bool:
        """Whether it gives the early exponents: it holds, and no window was set by the user."""
        return self.window is None and self.joint_holds and not self.joint_turns_elsewhere

    @property
    def joint_turns_elsewhere(self) -> bool:
        """Whether it is adequate and wide enough, but its turn is not that of the curves."""
        if self.joint is None or not self.joint_holds:
            return False
        return _turns_elsewhere(self.joint.gamma2, self.minima)

    @property
    def steepest(self) -> float:
        """Largest share of γ1 with which a size falls, by the joint fit; NaN where it is not used.

        Between plateau and turn a size may nowhere follow the early law. Where none does, γ1 is
        extrapolated.
        """
        return max(self._steepest_by_size, default=float("nan"))

    @property
    def all_leave_plateau(self) -> bool:
        """Whether every size falls as steeply as ``STEEP`` of γ1, by a joint fit that is used."""
        return min(self._steepest_by_size, default=0.0) >= STEEP

    @cached_property
    def _steepest_by_size(self) -> list[float]:
        """Share of γ1 with which each size falls, where it is known."""
        if self.joint is None or not self.joint_is_used:
            return []
        fitted, ends = self.joint.crossover, zip(self.panel.sizes, self.log_norm[0], strict=True)
        shares = (fitted.steepest(size, fitted.lower, float(end)) for size, end in ends)
        return [share for share in shares if np.isfinite(share)]

    @property
    def early_law_is_extrapolated(self) -> bool:
        """Whether no size falls as steeply as ``STEEP`` of γ1."""
        return self.steepest < STEEP

    @cached_property
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
    freedom = degrees_of_freedom(panel) if len(weights) > 1 else 0
    log_norm = panel.size_means(panel.opt_norm, weights)
    log_error = panel.size_means(panel.opt_error, weights)
    curves = panel.mean_curves(weights)
    curves, log_error = _counted(panel, curves, log_error, freedom, seed)
    finished = _finished(panel)
    used = finished & _optimum_reached(panel)
    if used.sum() < min(3, finished.sum()):
        used = finished
    early = early_fit(panel, curves, log_norm, window)
    log_p = np.log(panel.sizes)
    direct = np.stack(straight_line(log_p[used], log_error[:, used]), axis=1)
    minima = straight_line(log_p[used], log_norm[:, used])
    alignment = align(
        panel.grid,
        curves,
        _turns(panel, curves[0], log_norm[0], log_error[0]) & used[:, None],
        (log_norm[0], log_error[0]),
    )
    size_law = fit_size_law(log_p[used], log_error[:, used])
    joint = joint_fit(panel, curves, early, log_norm, minima[1])
    excess = None
    if _offset_claimed(size_law):
        offset = float(size_law.theta[0, 1, 2])
        excess = joint_fit(panel, curves, early, log_norm, minima[1], offset)
    slope, other = _late_slopes(minima[1], joint, panel.exact)
    late = _through_means(log_p, np.where(used, log_norm, np.nan), slope)
    return Samples(
        panel=panel,
        freedom=freedom,
        log_error=log_error,
        log_norm=log_norm,
        curves=curves,
        finished=finished,
        used=used,
        direct=direct,
        late=late,
        other_gamma2=other,
        minima=minima[1],
        alignment=alignment,
        early=early,
        joint=joint,
        excess=excess,
        size_law=size_law,
        window=window,
    )


def _counted(
    panel: Panel, curves: Floats, log_error: Floats, freedom: int, seed: int
) -> tuple[Floats, Floats]:
    """Resamples with the counting noise of a test set that all runs share."""
    if panel.examples is None or freedom < 1:
        return curves, log_error
    random = np.random.default_rng([seed, 1])
    sizes, points = curves.shape[1:]
    values = np.concatenate([curves[0].ravel(), log_error[0]])
    noise = known_to(freedom) * counting_noise(values, panel.examples, len(curves) - 1, random)
    curves, log_error = curves.copy(), log_error.copy()
    curves[1:] += noise[:, : sizes * points].reshape(-1, sizes, points)
    log_error[1:] += noise[:, sizes * points :]
    return curves, log_error


def _turns(panel: Panel, curves: Floats, opt_norm: Floats, opt_error: Floats) -> Bools:
    """From ``BEGIN`` of each fall to ``PAST`` of the descent beyond the optimum. (K, G)."""
    known = np.isfinite(curves) & panel.trusted
    region = np.zeros_like(known)
    for k, row in enumerate(curves):
        if not known[k].any() or not np.isfinite(opt_norm[k]):
            continue
        first = row[known[k]][0]
        before = known[k] & (row > first - BEGIN * (first - opt_error[k]))
        before &= panel.grid < opt_norm[k]
        start = panel.grid[before].max() if before.any() else panel.grid[known[k]][0]
        end = opt_norm[k] + PAST * max(opt_norm[k] - start, 0.0)
        region[k] = known[k] & (panel.grid >= start) & (panel.grid <= end)
    return region


def _late_slopes(minima: Floats, joint: JointFit | None, exact: bool) -> tuple[Floats, Floats]:
    """γ2 of every resample, and the other estimate of it. (B,) each.

    The slope of the optima is unbiased; the joint fit's is the more precise one, but a crossover
    that bends otherwise than the model can turn off every minimum. So it is that of the optima
    where the two differ by more than noise explains (Hausman 1978), else the joint fit's.
    """
    if exact or joint is None or not joint.crossover.adequate:
        return minima, minima
    other = np.where(np.isfinite(joint.gamma2), joint.gamma2, minima)
    return (other, minima) if _agree(joint.gamma2, minima) else (minima, other)


def _agree(slope: Floats, minima: Floats) -> bool:
    """Whether both estimates of γ2 differ by no more than noise explains. (B,) each.

    Noise is unknown where averages come without seeds, and can be so wide that it explains all.
    """
    if _turns_elsewhere(slope, minima):
        return False
    off = slope - minima
    rest = off[1:][np.isfinite(off[1:])]
    if len(rest) < MIN_RESAMPLES:
        return True
    low, high = np.quantile(rest, (0.16, 0.84))
    return bool(abs(off[0]) < HAUSMAN * (high - low) / 2)


def _turns_elsewhere(slope: Floats, minima: Floats) -> bool:
    """Whether the joint fit's γ2 is not even within ``MINIMA_DISAGREE`` of the optima's.

    Then its turn is not the curves', and none of its exponents is used, however wide the noise.
    Added after the CNNs on MNIST and CIFAR-10, of the nine panels, were seen.
    """
    smaller, larger = sorted((abs(float(slope[0])), abs(float(minima[0]))))
    return not (slope[0] * minima[0] > 0 and larger < MINIMA_DISAGREE * smaller)


def _through_means(log_p: Floats, log_norm: Floats, slope: Floats) -> Floats:
    """Lines of given slopes through the means of their points. (K,), (B, K), (B,) -> (B, 2)."""
    known = np.isfinite(log_norm)
    mean_p = np.where(known, log_p, 0.0).sum(axis=1) / known.sum(axis=1)
    mean_norm = np.where(known, log_norm, 0.0).sum(axis=1) / known.sum(axis=1)
    return np.stack([mean_norm - slope * mean_p, slope], axis=1)


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

"""The numbers that the findings rest on, under every resample: none changes under λ → λ^a.

Curves are (B, K, G): rows of weights, sizes, grid points; row 0 is the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.data.grid import Bools
from normlaws.laws.estimators.crossover import G0, G1, LOG_CHANCE, NO_PLATEAU, pieces
from normlaws.laws.estimators.resampled_fit import Samples

LEAVES = 0.1  # of its own fall by which a size has left the common curve
LARGER = 2  # sizes that stand for the common curve
NOISE = 1.0  # standard errors of a difference that noise may make
FROM, TO = 0.1, 0.85  # of the fall: where the power law is looked for
LEFT_CHANCE = 0.5  # of the slope that the plateau must have given back there
BEFORE_TURN = 0.35  # of the slope that the turn may have taken there
ENDS = 0.03  # of the points at either end of a stretch


@dataclass(frozen=True)
class Figures:
    """Figures of one fit; ``shift`` takes P^(−γ0) out of the curves first."""

    found: Samples
    shift: bool = False

    @cached_property
    def gamma0(self) -> float:
        """What is taken out."""
        return float(self.found.early_exponents[1][0]) if self.shift else 0.0

    @cached_property
    def curves(self) -> Floats:
        """Mean curves less their dependence on P where it is taken out. (B, K, G)."""
        p = self.found.log_sizes
        found: Floats = self.found.curves + self.gamma0 * (p - p.mean())[:, None]
        return found

    @cached_property
    def lowest(self) -> Floats:
        """Ln ε_opt of the same. (B, K)."""
        p = self.found.log_sizes
        found: Floats = self.found.log_error + self.gamma0 * (p - p.mean())
        return found

    @cached_property
    def known(self) -> Bools:
        """Points of the data's descents. (K, G)."""
        found = self.found
        known = np.isfinite(found.curves[0]) & found.panel.trusted
        result: Bools = known & (found.panel.grid <= found.log_norm[0][:, None])
        return result

    @cached_property
    def start(self) -> Floats:
        """Ln error where each size starts on the data. (K,)."""
        return np.array(
            [
                row[known][0] if known.any() else np.nan
                for row, known in zip(self.curves[0], self.known, strict=True)
            ]
        )

    @cached_property
    def fall(self) -> Floats:
        """How far each size falls, in ln error. (B, K)."""
        return np.asarray(np.fmax(self.start - self.lowest, 1e-9) + 0 * self.start)

    @np.errstate(invalid="ignore")
    def common_share(self, forgiven: float = 0.0) -> Floats:
        """Share of its fall that a size does on the curve of the next larger ones. (B,).

        Going down, a size leaves where it differs from the mean of the next two by a tenth of its
        fall. The median over sizes.

        Args:
            forgiven: standard errors of that difference, by which it is to be larger. Noise can
                make a size leave too early, never too late.
        """
        sizes = self.curves.shape[1]
        shares = []
        for k in range(sizes - 1):
            if self.known[k].sum() < 3:
                continue
            larger, along = self._larger(k)
            if along.sum() < 3:
                continue
            mine = self.curves[:, k][:, along]
            off = mine - larger
            limit = LEAVES * self.fall[:, k, None]
            if forgiven:
                limit = limit + forgiven * np.ma.masked_invalid(off[1:]).std(axis=0).filled(0.0)
            away = np.abs(off) > limit
            first = np.argmax(away, axis=1)
            there = np.take_along_axis(mine, first[:, None], axis=1)[:, 0]
            share = np.clip((self.start[k] - there) / self.fall[:, k], 0.0, 1.0)
            shares.append(np.where(away.any(axis=1), share, 1.0))
        if not shares:
            return np.full(len(self.curves), np.nan)
        return np.asarray(np.median(np.stack(shares, axis=1), axis=1))

    def _larger(self, k: int) -> tuple[Floats, Bools]:
        """Mean of the next larger sizes along size k, and where both are known."""
        next_ones = slice(k + 1, k + 1 + LARGER)
        covered = (np.isfinite(self.curves[0]) & self.found.panel.trusted)[next_ones]
        along = self.known[k] & covered.all(axis=0)
        if along.sum() < 3:
            along = self.known[k] & covered.any(axis=0)
        larger = self.curves[:, next_ones][:, :, along]
        known = np.isfinite(larger)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(known, larger, 0.0).sum(axis=1) / known.sum(axis=1)
        return np.asarray(mean), along

    @cached_property
    def stretch(self) -> Stretch | None:
        """Where the power law is looked for; None without a joint fit or with too few points."""
        found = self.found
        if found.joint is None:
            return None
        theta = found.joint.crossover.parameters[None]
        centre = found.joint.crossover.centre
        x = np.broadcast_to(found.panel.grid - centre[0], self.known.shape)
        p = np.broadcast_to((found.log_sizes - centre[1])[:, None], self.known.shape)
        at = pieces(theta, x.ravel(), p.ravel(), np.array([-np.inf]))
        y, core, pull, left = (
            part[0].reshape(x.shape) for part in (at.y, at.core, at.pull, at.left)
        )
        share = (self.start[:, None] - self.curves[0]) / self.fall[0][:, None]
        inside = self.known & (share >= FROM) & (share <= TO)
        inside &= (left >= LEFT_CHANCE) & (pull <= BEFORE_TURN * abs(theta[0, G1]))
        inside[inside.sum(axis=1) < 2] = False
        if inside.sum() < 8 or inside.any(axis=1).sum() < min(3, len(inside)):
            return None
        k, g = np.nonzero(inside)
        values = found.curves[:, k, g]
        return Stretch(
            x=found.panel.grid[g],
            p=found.log_sizes[k] - found.log_sizes.mean(),
            owner=k,
            rest=(values - y[inside]) / core[inside],
            gamma1=float(theta[0, G1]),
            gamma0=float(theta[0, G0]),
            weight=core[inside] ** 2,
        )

    def hidden_bend(self) -> Floats | None:
        """Ln ratio of slopes along the stretch, plateau and turn fitted with it. (B,)."""
        found = self.found.deviations
        if found is None or self.stretch is None:
            return None
        return found.bend_between(*self.stretch.ends)

    @property
    def has_plateau(self) -> bool:
        """Whether the joint fit sees one."""
        joint = self.found.joint
        return joint is not None and joint.crossover.parameters[LOG_CHANCE] < NO_PLATEAU / 2

    def collapse(self) -> Floats:
        """Squared spread of the aligned curves less what seed noise adds, over the fall. (B,)."""
        spread = self.found.alignment.spread
        noise = float(np.mean(spread[1:] ** 2) - spread[0] ** 2) if len(spread) > 1 else 0.0
        squares = spread**2 - np.where(np.arange(len(spread)) == 0, 1.0, 2.0) * max(noise, 0.0)
        fall = self.fall[0][np.isfinite(self.fall[0])]
        return np.asarray(squares / float(np.median(fall)) ** 2 if len(fall) else spread)

    def late_residual(self) -> Floats:
        """Scatter of ln λ_opt about the late law over its range. (B,).

        Of averages without seeds it is about their own line: whether the joint fit's slope is
        within their noise cannot be told there.
        """
        found = self.found
        used, p = found.used, found.log_sizes[found.used]
        place = found.log_norm[:, used]
        slope = found.minima if found.panel.seedless else found.late[:, 1]
        off = place - place.mean(axis=1, keepdims=True) - slope[:, None] * (p - p.mean())
        scatter = np.sqrt((off**2).sum(axis=1) / max(used.sum() - 2, 1))
        reach = np.abs(found.late[:, 1]) * max(float(np.ptp(p)), 1e-9)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(scatter / reach)


@dataclass(frozen=True)
class Stretch:
    """Points on the power law: curves less the joint fit, its plateau and turn divided out.

    Attributes:
        x, p, owner: (N,) log norm, ln P over the mean, size of each point.
        rest: (B, N) what is left.
        gamma1, gamma0: of the joint fit on the data.
        weight: (N,).
    """

    x: Floats
    p: Floats
    owner: np.ndarray
    rest: Floats
    gamma1: float
    gamma0: float
    weight: Floats

    @property
    def ends(self) -> tuple[float, float]:
        """Log norms between which it lies."""
        low, high = np.quantile(self.x, (ENDS, 1 - ENDS))
        return float(low), float(high)

    @property
    def factor(self) -> float:
        """Factor in the error from end to end."""
        low, high = self.ends
        return float(np.exp(abs(self.gamma1) * (high - low)))

    def slope_change(self) -> Floats:
        """ln of the ratio of slopes, lower end over upper end. (B,).

        One intercept a size and a quadratic for all.
        """
        centre = float(self.x.mean())
        x = self.x - centre
        sizes = np.unique(self.owner)
        own = (self.owner[:, None] == sizes).astype(float)
        linear, square = self._solve(np.column_stack([own, x, x**2]))[:, -2:].T
        first, last = (self.gamma1 - linear - 2 * square * (end - centre) for end in self.ends)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.log(last / first)
        return np.where((first > 0) & (last > 0), change, np.inf)

    def dependence(self) -> tuple[Floats, Floats]:
        """γ0 at the upper and at the lower end of the stretch. (B,) each."""
        centre = float(self.x.mean())
        x = self.x - centre
        design = np.column_stack([np.ones_like(x), x, x**2, self.p, self.p * x])
        shift, opening = self._solve(design)[:, -2:].T
        low, high = (self.gamma0 - shift - opening * (end - centre) for end in self.ends)
        return low, high

    def _solve(self, design: Floats) -> Floats:
        """Weighted least squares of every row. (B, q)."""
        root = np.sqrt(self.weight)
        return np.asarray(
            np.nan_to_num(self.rest * root) @ np.linalg.pinv(design * root[:, None]).T
        )

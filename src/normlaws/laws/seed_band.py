"""Where the rescaled curves would lie if seeds alone moved them from one common curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.distributions import t_quantile
from normlaws.laws.estimators.resampled_fit import Samples

ROWS = 200  # resamples that are enough for a standard deviation
CENTRAL = 0.975  # 95 % of the curves at each point


@dataclass(frozen=True)
class SeedBand:
    """Rescaled curves and the band that seeds explain.

    Attributes:
        log_norm, log_error: (K,) what is subtracted from ln λ and ln ε of each size: the shifts of
            the alignment that the finding on collapse rests on, the optimum where there is none.
        axis: (M,) ln λ over the shift; empty where no band can be had.
        common: (M,) ln ε over the shift of the common curve.
        curves: (K, M) ln ε over the shift of every size; NaN where it does not reach.
        half: (M,) half-width of the band in ln ε; NaN without resamples.
    """

    log_norm: Floats
    log_error: Floats
    axis: Floats
    common: Floats
    curves: Floats
    half: Floats

    @property
    def known(self) -> bool:
        """Whether there is a band."""
        return bool(np.isfinite(self.half).any())


@np.errstate(invalid="ignore")
def seed_band(found: Samples) -> SeedBand:
    """The shifts of all sizes, their common curve, and how far seeds move a mean curve from it."""
    aligned = found.alignment
    taking = np.isfinite(aligned.log_norm[0])
    log_norm = np.where(taking, aligned.log_norm[0], found.log_norm[0])
    log_error = np.where(taking, aligned.log_error[0], found.log_error[0])
    inside = np.isfinite(aligned.master)
    axis, common = aligned.axis[inside], aligned.master[inside]
    curves = np.full((len(taking), len(axis)), np.nan)
    moved = np.array([_moved(found, int(k), axis) for k in np.flatnonzero(taking)])
    if len(moved):
        curves[taking] = moved[:, 0]
    half = _half_width(moved, found.freedom) if len(moved) else np.full(len(axis), np.nan)
    return SeedBand(log_norm, log_error, axis, common, curves, half)


def _half_width(moved: Floats, freedom: int) -> Floats:
    """From the curves of the sizes under the data and the resamples. (K, B, M) -> (M,)."""
    if moved.shape[1] < 3:
        return np.full(moved.shape[2], np.nan)
    sizes = np.isfinite(moved[:, 0]).sum(axis=0)
    squares = (moved[:, 1:] - moved[:, :1]) ** 2
    counted = np.maximum(np.isfinite(squares).sum(axis=(0, 1)), 1)
    about_mean = 1 - 1 / np.maximum(sizes, 1)  # the common curve is the mean of these curves
    deviation = np.sqrt(np.nansum(squares, axis=(0, 1)) / counted * about_mean)
    return np.where(sizes > 1, t_quantile(CENTRAL, max(freedom, 1)) * deviation, np.nan)


def _moved(found: Samples, k: int, axis: Floats) -> Floats:
    """The rescaled curve of size k under the data and the resamples, on the axis. (B, M)."""
    aligned, grid, rows = found.alignment, found.panel.grid, slice(0, ROWS + 1)
    out = []
    for curve, x, y in zip(
        found.curves[rows, k], aligned.log_norm[rows, k], aligned.log_error[rows, k], strict=True
    ):
        known = np.isfinite(curve) & found.panel.trusted[k]
        if known.sum() < 2:
            out.append(np.full(len(axis), np.nan))
            continue
        out.append(np.interp(axis, grid[known] - x, curve[known] - y, left=np.nan, right=np.nan))
    return np.array(out)

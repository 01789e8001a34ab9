"""The compute-optimal exponent from the lower envelope of curves at a constant learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.laws.collapse.ladder import Track
from normlaws.laws.estimators.least_squares import one_line

POINTS = 1000
DECADES = 4


@dataclass(frozen=True)
class Frontier:
    """Where which size is best: c* = (size / scale)^exponent along the axis.

    Attributes:
        exponent: slope of ln c against ln size.
        scale: size at which c* is 1, in the unit of the axis.
        table: ``compute`` (or the axis's own name), ``size`` of the best model, its ``value``;
            points at which the smallest or largest size is best are left out.
    """

    exponent: float
    scale: float
    table: pd.DataFrame

    def end(self, size: float) -> float:
        """The place at which ``size`` is the best choice."""
        return float((size / self.scale) ** self.exponent)


def frontier_of(
    tracks: tuple[Track, ...],
    axis: str,
    points: int = POINTS,
    between: tuple[float, float] | None = None,
) -> Frontier:
    """Best size at log-spaced places, and the straight line of ln place against ln size.

    Args:
        tracks: runs at a constant learning rate; those of one size are averaged.
        axis: name of the axis, as a column of the table.
        points: how many places.
        between: first and last place; by default the last record of all, and the power of ten that
            lies at least four decades below it.

    Raises:
        InputError: fewer than four sizes, or fewer than two that are best somewhere.
    """
    sizes = np.unique([track.size for track in tracks])
    if len(sizes) < 4:
        raise InputError(f"expected a frontier of four sizes or more, got {len(sizes)}")
    highest = max(float(track.at[-1]) for track in tracks)
    lowest = min(float(track.at[track.at > 0][0]) for track in tracks)
    start = max(10.0 ** np.floor(np.log10(highest) - DECADES), lowest)
    low, high = between or (start, highest)
    places = np.geomspace(low, high, points)
    values = np.stack([_mean(tracks, size, places) for size in sizes])
    best = np.argmin(values, axis=0)
    inner = np.isfinite(values.min(axis=0)) & (best > 0) & (best < len(sizes) - 1)
    if len(np.unique(best[inner])) < 2:
        raise InputError(
            "expected curves that cross, so that the best size changes along "
            f"{axis}, but {len(np.unique(best[inner]))} of the inner sizes is best anywhere"
        )
    constant, slope = one_line(np.log(sizes[best[inner]]), np.log(places[inner]))
    table = pd.DataFrame(
        {axis: places[inner], "size": sizes[best[inner]], "value": values.min(axis=0)[inner]}
    )
    return Frontier(slope, float(np.exp(-constant / slope)), table)


def _mean(tracks: tuple[Track, ...], size: float, places: Floats) -> Floats:
    """Mean over the runs of one size where all are recorded, else infinity. (points,)."""
    curves = [
        np.interp(places, track.at, track.value, left=np.inf, right=np.inf)
        for track in tracks
        if track.size == size
    ]
    return np.asarray(np.mean(curves, axis=0))

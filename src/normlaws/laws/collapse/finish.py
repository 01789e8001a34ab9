"""The final value of a running curve, from the part that is there and the collapsed curve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.laws.collapse.floor import FEWEST
from normlaws.laws.collapse.ladder import WINDOW, Ladder, Track, different
from normlaws.laws.distributions import t_quantile
from normlaws.laws.estimators.least_squares import one_line
from normlaws.laws.estimators.profile import power_law_with_floor
from normlaws.laws.result import Estimate

BACKTESTED = 3  # largest finished groups that the interval is read off
ALIKE = 1.2  # horizons of one kind, as a factor
LEVEL = 0.975


@dataclass(frozen=True)
class Finish:
    """What a run is expected to end at.

    Attributes:
        run: its name.
        size: its size.
        x: how far it has come, as a share of its horizon.
        end: its horizon along the axis.
        value: the expected final value with a 95 % interval, from back-tests on finished sizes.
        size_law: what the law of the other sizes' final values says, without the curve; NaN where
            there is none.
        residual: how far ``value`` lies above ``size_law``, in standard deviations of ``value``.
        reference: the size whose collapsed curve was used.
    """

    run: str
    size: float
    x: float
    end: float
    value: Estimate
    size_law: float
    residual: float
    reference: float

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "run": self.run, "size": self.size, "x": self.x, "end": self.end,
            "value": self.value.as_dict(), "size_law": self.size_law, "residual": self.residual,
        }  # fmt: skip

    def __str__(self) -> str:
        beside = "" if np.isnan(self.residual) else f", residual {self.residual:+.1f} σ"
        return f"expected final value {_with_error(self.value)} (from x = {self.x:.2f}){beside}"


def _with_error(value: Estimate) -> str:
    """``2.87 ± 0.01``: the half-width to two digits at most, the value to as many decimals."""
    half = 0.0 if value.low is None else value.value - value.low
    if not 0 < half < np.inf:
        return f"{value.value:.4g}"
    decimals = max(0, 1 - int(np.floor(np.log10(half))))
    return f"{value.value:.{decimals}f} ± {half:.{decimals}f}"


def finish_track(ladder: Ladder, floor: float, track: Track, upto: float | None = None) -> Finish:
    """Align the curve of one run with the collapsed one.

    L = L0 + s ℓ(x), with s by least squares on [x/2, x] and ℓ the mean normalised curve of the
    nearest finished size, smaller ones first: what the floor or the horizons have wrong changes
    with size, and hardly from one size to the next. The interval comes from doing the same to the
    largest finished sizes.

    Args:
        ladder: the finished runs.
        floor: L0.
        track: the run, with its end known.
        upto: use the curve only up to this x.

    Raises:
        InputError: the curve ends before x = .1, or its values do not lie above the floor.
    """
    values = track.on(ladder.grid)
    x = min(track.at[-1] / track.end, 1.0) if upto is None else upto
    if x < WINDOW[0]:
        raise InputError(
            f"expected a curve that is recorded beyond x = {WINDOW[0]} of its horizon, but run "
            f"{track.name} ends at x = {x:.3g}"
        )
    errors = _backtested(ladder, floor, x)
    spread, freedom = float(np.sqrt(np.mean(np.square(errors)))), len(errors) - 1
    group = _reference(ladder, track, leave_out=None)
    final = _aligned(ladder, floor, values, group, x, leave_out=track.name)
    if not np.isfinite(final):
        raise InputError(
            f"expected a curve above the floor {floor:.4g} with records between x = {x / 2:.2g} "
            f"and {x:.2g}, but run {track.name} has none"
        )
    half = float(t_quantile(LEVEL, freedom) * spread) if freedom > 0 else float("nan")
    known = np.isfinite(half)
    law = _size_law(ladder, track)
    return Finish(
        run=track.name,
        size=track.size,
        x=float(x),
        end=track.end,
        value=Estimate(final, final - half if known else None, final + half if known else None),
        size_law=law,
        residual=(final - law) / spread if spread > 0 else float("nan"),
        reference=float(ladder.sizes[group]),
    )


def _aligned(
    ladder: Ladder, floor: float, values: Floats, group: int, x: float, leave_out: str
) -> float:
    """Final value of the curve ``values`` (G,) by the collapsed curve of one group."""
    part = (ladder.grid >= x / 2 - 1e-9) & (ladder.grid <= x + 1e-9) & np.isfinite(values)
    above = values[part] - floor
    if not part.any() or not (above > 0).all():
        return float("nan")
    curve = _collapsed(ladder, floor, group, leave_out)[part]
    return float(floor + (curve * above).sum() / (curve**2).sum())


def _collapsed(ladder: Ladder, floor: float, group: int, leave_out: str) -> Floats:
    """Mean normalised curve of a group, one run left out. (G,)."""
    rows = [
        i for i in np.flatnonzero(ladder.group == group) if ladder.finished[i].name != leave_out
    ]
    reducible = ladder.values[rows] - floor
    return np.asarray((reducible / reducible[:, -1:]).mean(axis=0))


def _reference(ladder: Ladder, track: Track, leave_out: int | None) -> int:
    """The group whose curves stand for the run's: of its kind of horizon, nearest in size.

    Sizes up to the run's own come first. Where runs of one size have several horizons, those whose
    horizon is most like the run's in proportion to size are of its kind.
    """
    usable = [
        k
        for k in range(len(ladder.sizes))
        if k != leave_out
        and {ladder.finished[i].name for i in np.flatnonzero(ladder.group == k)} - {track.name}
    ]
    off = np.abs(_horizon_kind(ladder, ladder.ends, ladder.sizes) - _kind_of(ladder, track))
    alike = [k for k in usable if off[k] <= off[usable].min() + np.log(ALIKE)]
    return min(alike, key=lambda k: (ladder.sizes[k] > track.size, _far(ladder, k, track)))


def _far(ladder: Ladder, k: int, track: Track) -> float:
    return float(abs(np.log(ladder.sizes[k] / track.size)))


def _horizon_kind(ladder: Ladder, ends: Floats, sizes: Floats) -> Floats:
    """Ln of the horizon over what is usual for its size: 0 where each size has one horizon."""
    if len(np.unique(ladder.sizes)) == len(ladder.sizes):
        return np.zeros(np.broadcast(ends, sizes).shape)
    constant, slope = one_line(np.log(ladder.sizes), np.log(ladder.ends))
    return np.asarray(np.log(ends) - constant - slope * np.log(sizes))


def _kind_of(ladder: Ladder, track: Track) -> float:
    return float(_horizon_kind(ladder, np.array([track.end]), np.array([track.size]))[0])


@lru_cache(maxsize=64)
def _backtested(ladder: Ladder, floor: float, x: float) -> tuple[float, ...]:
    """Errors of finishing every run of the three largest groups at x, each from another group."""
    errors = []
    for k in range(len(ladder.sizes))[-BACKTESTED:]:
        for i in np.flatnonzero(ladder.group == k):
            track = ladder.finished[i]
            other = _reference(ladder, track, leave_out=k)
            found = _aligned(ladder, floor, ladder.values[i], other, x, leave_out=track.name)
            errors.append(found - ladder.values[i, -1])
    return tuple(errors)


def _size_law(ladder: Ladder, track: Track) -> float:
    """The other sizes' law of final values at the run's horizon; NaN where it has too few."""
    groups = [k for k in range(len(ladder.sizes)) if ladder.sizes[k] != track.size]
    finals = np.array([ladder.values[ladder.group == k, -1].mean() for k in groups])
    if len(groups) <= FEWEST or not (finals > 0).all():
        return float("nan")
    if different(ladder.places[groups]) < FEWEST:
        return float("nan")
    fit = power_law_with_floor(ladder.places[groups], finals, objective="log")
    return float(fit.predict(ladder.place_of(track.size, track.end))[0, 0])

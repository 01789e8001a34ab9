"""Runs of a ladder of sizes as arrays, each cut at its end, on one grid of x = t / t*."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, allowed, meant
from normlaws.laws.collapse.axis import Axis, axis_of, per_run_variable
from normlaws.laws.data.optimum import optimum
from normlaws.laws.data.runs import runs_of

GRID: Floats = np.arange(1, 101) / 100
WINDOW = (0.1, 1.0)  # of x, both ends left out: where Δ and σ are compared
SAME_HORIZON = 0.02  # relative difference of ends up to which runs of one size are seeds
SAME_SCHEDULE = 0.05  # mean difference of learning rates over their peaks
REACHED = 0.01  # a run that ends this much short of its horizon has reached it
MIN_RECORDS = 3
FEWEST_PLACES = 3  # horizons or sizes through which a law with a floor can be drawn
_KNOWN = ("run", "size", "seed", "status", "error", "settings", "versions", "hardware", "code",
          "scale")  # fmt: skip
End = str | float | Mapping[float, float]


@dataclass(frozen=True)
class Track:
    """One run along the axis: strictly increasing places and the metric there.

    Attributes:
        end: t*, the place that x = 1 stands for; NaN where it is not known.
        rate: learning rate at the places, where it was recorded.
        label: what else tells a run without a seed from others of its size, such as its schedule.
    """

    name: str
    size: float
    seed: int | None
    status: str
    at: Floats
    value: Floats
    end: float
    rate: Floats | None = None
    label: str = ""

    def ending(self, end: float) -> Track:
        """The same run with another horizon."""
        return replace(self, end=float(end))

    def on(self, x: Floats) -> Floats:
        """The metric at x · t*; NaN beyond what was recorded. (G,)."""
        places = x * self.end
        found = np.interp(places, self.at, self.value, left=np.nan)
        return np.where(places > self.at[-1] * (1 + REACHED), np.nan, found)

    def rate_on(self, x: Floats) -> Floats | None:
        """The learning rate over its largest at x · t*. (G,)."""
        if self.rate is None or not np.nanmax(self.rate) > 0:
            return None
        return np.asarray(np.interp(x * self.end, self.at, self.rate) / np.nanmax(self.rate))

    @property
    def reached(self) -> bool:
        """Whether the run was recorded up to its end."""
        return bool(np.isfinite(self.end) and self.at[-1] >= self.end * (1 - REACHED))


@dataclass(frozen=True, eq=False)
class Ladder:
    """Finished runs in groups of one size and one horizon; R runs, K groups, G places.

    Attributes:
        finished: runs recorded to their end, ordered by group.
        running: the others: still in training, or ended early.
        group: (R,) index of the group.
        values: (R, G) the metric on ``grid``.
    """

    axis: str
    is_norm: bool
    metric: str
    scale: str
    finished: tuple[Track, ...]
    running: tuple[Track, ...]
    group: NDArray[np.int64]
    grid: Floats
    values: Floats

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Index of the first run of every group. (K,)."""
        return np.flatnonzero(np.diff(self.group, prepend=-1))

    @cached_property
    def sizes(self) -> Floats:
        """Size of every group. (K,)."""
        return np.array([self.finished[i].size for i in self.starts])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Runs in every group. (K,)."""
        return np.bincount(self.group)

    @cached_property
    def ends(self) -> Floats:
        """Mean horizon of every group. (K,)."""
        ends = np.array([track.end for track in self.finished])
        return np.asarray(np.add.reduceat(ends, self.starts) / self.counts)

    @cached_property
    def by_size(self) -> bool:
        """Whether final values are a law of the size: too few horizons differ for one of those."""
        return different(self.ends) < FEWEST_PLACES <= different(self.sizes)

    @property
    def places(self) -> Floats:
        """What the law of the final values depends on: the groups' horizons, or sizes. (K,)."""
        return self.sizes if self.by_size else self.ends

    def place_of(self, size: float, end: float) -> float:
        """The same for one run."""
        return size if self.by_size else end

    def normalised(self, floor: float) -> Floats:
        """Every run's part above ``floor`` over what it is at the run's end, ℓ. (R, G)."""
        reducible = self.values - floor
        return np.asarray(reducible / reducible[:, -1:])

    @cached_property
    def seeded(self) -> bool:
        """Whether some group has runs to compare with one another."""
        return bool((self.counts > 1).any())

    @property
    def window(self) -> NDArray[np.bool_]:
        """Places at which Δ and σ are compared. (G,)."""
        return (self.grid > WINDOW[0] + 1e-9) & (self.grid < WINDOW[1] - 1e-9)

    @property
    def covers_window(self) -> bool:
        """Whether every run is recorded all through the window."""
        return bool(self.grid[0] <= WINDOW[0] + 0.01 + 1e-9)


def different(places: Floats) -> int:
    """How many of these differ by more than rounding."""
    return len(np.unique(np.round(np.log(places), 6)))


def ladder_of(curves: Curves, along: str | None, metric: str | None, end: End) -> Ladder:
    """Read the runs of ``curves`` along an axis.

    Args:
        curves: runs of two sizes or more.
        along: an axis; the first usual one by default.
        metric: a recorded metric, or any numeric column; the usual one by default.
        end: ``"last"`` record; the name of a variable of the runs; {size: place}; or the exponent
            e of t* ∝ size^e, with the largest factor that every run reaches. A norm ends at each
            run's optimum.

    Raises:
        InputError: an unknown axis or metric, no end for a size, or no two usable runs.

    Warns:
        NormlawsWarning: runs that are left out.
    """
    axis = axis_of(curves, along)
    name = metric or curves.default_metric()
    if name not in curves.frame or curves.frame[name].isna().all():
        raise InputError(
            f"expected a recorded metric, got {name!r}; recorded are "
            f"{allowed(curves.metrics or ['none'])}{meant(name, curves.metrics)}"
        )
    tracks = _with_ends(_tracks(curves, axis, name), curves, axis, name, end)
    return assemble(tracks, axis=axis.name, is_norm=axis.is_norm, metric=name, scale=curves.scale)


def tracks_of(curves: Curves, axis: str, metric: str) -> list[Track]:
    """The runs of other curves along the same axis, their ends not known.

    Raises:
        InputError: the axis or the metric is not recorded.
    """
    found = axis_of(curves, axis)
    if metric not in curves.frame:
        raise InputError(f"expected a recorded metric, got {metric!r}")
    return _tracks(curves, found, metric)


def assemble(tracks: list[Track], *, axis: str, is_norm: bool, metric: str, scale: str) -> Ladder:
    """Group runs of one size and one horizon, and put the finished ones on a common grid.

    Raises:
        InputError: fewer than two groups of finished runs, or no common x.
    """
    finished = [track for track in tracks if track.reached and track.status == "complete"]
    running = [
        track
        for track in tracks
        if track.status != "diverged" and not (track.reached and track.status == "complete")
    ]
    finished.sort(key=lambda track: (track.size, _rounded(track.end), track.label, track.end))
    finished = _by_schedule(finished)
    group = _groups(finished)
    kinds = len({track.size for track in finished})
    if kinds < 2:
        raise InputError(
            f"expected runs of two or more sizes recorded to their end along {axis}, "
            f"got {kinds} ({len(finished)} of {len(tracks)} runs are finished)"
        )
    values = np.stack([track.on(GRID) for track in finished])
    known = np.isfinite(values).all(axis=0)
    if not (known & (WINDOW[0] + 1e-9 < GRID) & (WINDOW[1] - 1e-9 > GRID)).any():
        late = max(finished, key=lambda track: track.at[0] / track.end)
        raise InputError(
            f"expected curves with records between x = {WINDOW[0]} and the end, but run "
            f"{late.name} begins at {late.at[0] / late.end:.2g} of its own"
        )
    return Ladder(
        axis=axis,
        is_norm=is_norm,
        metric=metric,
        scale=scale,
        finished=tuple(finished),
        running=tuple(running),
        group=group,
        grid=GRID[known],
        values=values[:, known],
    )


def _rounded(end: float) -> int:
    """Ends that differ by little share a number, but for those at the border of two."""
    return int(np.floor(np.log(end) / SAME_HORIZON))


def _groups(finished: list[Track]) -> NDArray[np.int64]:
    """Index of the group of every run: one size, one label, ends that differ by little. (R,)."""
    group, found = -1, []
    for i, track in enumerate(finished):
        before = finished[i - 1] if i else None
        same = before is not None and (before.size, before.label) == (track.size, track.label)
        if before is None or not same or abs(np.log(track.end / before.end)) > SAME_HORIZON:
            group += 1
        found.append(group)
    return np.array(found, dtype=np.int64)


def _by_schedule(finished: list[Track]) -> list[Track]:
    """Runs of one size whose recorded learning rates differ get different labels."""
    labelled: list[Track] = []
    kinds: list[Floats] = []
    for track in finished:
        rate = track.rate_on(GRID)
        kind = "" if rate is None else f"|{_kind(kinds, rate)}"
        labelled.append(replace(track, label=track.label + kind))
    key = [(track.size, _rounded(track.end), track.label, track.end) for track in labelled]
    return [labelled[i] for i in sorted(range(len(key)), key=key.__getitem__)]


def _kind(kinds: list[Floats], rate: Floats) -> int:
    """Index of the schedule among those met, which it joins if it is new."""
    for number, known in enumerate(kinds):
        if np.abs(rate - known)[len(GRID) // 10 :].mean() < SAME_SCHEDULE:
            return number
    kinds.append(rate)
    return len(kinds) - 1


def _tracks(curves: Curves, axis: Axis, metric: str) -> list[Track]:
    rows_of = dict(list(curves.frame.assign(_at=axis.values).groupby("run", sort=False)))
    labels = _labels(curves)
    tracks, short = [], []
    for record in curves.runs.to_dict("records"):
        rows = rows_of.get(record["run"])
        track = None if rows is None else _track(record, _in_order(rows, axis.is_norm), metric)
        if track is None:
            short.append(str(record["run"]))
        else:
            tracks.append(replace(track, label=labels.get(track.name, "")))
    if short:
        warnings.warn(
            f"{len(short)} of {len(curves.runs)} runs are left out, because fewer than "
            f"{MIN_RECORDS} records have both {axis.name} and {metric}: {', '.join(short[:4])}",
            NormlawsWarning,
            stacklevel=5,
        )
    return tracks


def _labels(curves: Curves) -> dict[str, str]:
    """For runs without a seed, their own variables: those of runs that differ are no repeats."""
    own = [name for name in curves.runs.columns if name not in _KNOWN]
    without = curves.runs[curves.runs["seed"].isna()]
    return {
        str(record["run"]): "|".join(str(record[name]) for name in own)
        for record in without.to_dict("records")
    }


def _in_order(rows: pd.DataFrame, is_norm: bool) -> pd.DataFrame:
    """Rows in the order of training: by step where it is known, else by progress."""
    if rows["step"].notna().all():
        return rows.sort_values("step", kind="stable")
    return rows if is_norm else rows.sort_values("_at", kind="stable")


def _track(record: Mapping[object, object], rows: pd.DataFrame, metric: str) -> Track | None:
    columns = ["_at", metric, *(["lr"] if "lr" in rows else [])]
    found = rows[columns].to_numpy(dtype=float, na_value=np.nan)
    found = found[np.isfinite(found[:, :2]).all(axis=1)]
    found = _rising(found)
    if len(found) < MIN_RECORDS:
        return None
    seed = record["seed"]
    return Track(
        name=str(record["run"]),
        size=float(str(record["size"])),
        seed=None if pd.isna(seed) else int(str(seed)),
        status=str(record["status"]),
        at=found[:, 0],
        value=found[:, 1],
        end=float("nan"),
        rate=found[:, 2] if "lr" in rows and np.isfinite(found[:, 2]).all() else None,
    )


def _rising(found: Floats) -> Floats:
    """Records at which the axis is higher than ever before; of ties, the last."""
    if not len(found):
        return found
    at = found[:, 0]
    last_of_tie = np.append(at[1:] != at[:-1], True)
    found = found[last_of_tie]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(found[:-1, 0])])
    return found[found[:, 0] > before]


def _with_ends(
    tracks: list[Track], curves: Curves, axis: Axis, metric: str, end: End
) -> list[Track]:
    if axis.is_norm:
        ends = _optima(curves, axis.name, metric)
    elif isinstance(end, str):
        ends = _named_ends(tracks, curves, end)
    elif isinstance(end, Mapping):
        given = {float(size): float(place) for size, place in end.items()}
        missing = sorted({track.size for track in tracks} - set(given))
        if missing:
            raise InputError(
                f"expected the end of every size, but {missing[0]:g} has none; given are "
                f"{allowed(f'{size:g}' for size in given)}"
            )
        ends = {track.name: given[track.size] for track in tracks}
    else:
        ends = power_ends(tracks, float(end))
    return [track.ending(ends.get(track.name, float("nan"))) for track in tracks]


def power_ends(tracks: list[Track], exponent: float) -> dict[str, float]:
    """Ends t* = κ size^e with the largest κ that every finished run reaches."""
    factor = min(
        track.at[-1] / track.size**exponent for track in tracks if track.status == "complete"
    )
    return {track.name: float(factor * track.size**exponent) for track in tracks}


def _named_ends(tracks: list[Track], curves: Curves, end: str) -> dict[str, float]:
    last = {
        track.name: float(track.at[-1]) if track.status == "complete" else float("nan")
        for track in tracks
    }
    if end == "last":
        return last | _planned(tracks, curves)
    variable = per_run_variable(curves, end)
    if variable is None:
        raise InputError(
            f"expected an end 'last', a variable of the runs, {{size: place}} or an exponent, got "
            f"{end!r}; the runs have {allowed(curves.runs.columns)}"
        )
    return {str(run): float(value) for run, value in variable.items()}


def _planned(tracks: list[Track], curves: Curves) -> dict[str, float]:
    """Ends of unfinished runs, from the variable that equals the ends of all finished ones."""
    done = {track.name: track.at[-1] for track in tracks if track.status == "complete"}
    open_runs = [track.name for track in tracks if track.status != "complete"]
    if not open_runs or len(done) < 2:
        return {}
    for name in curves.runs.select_dtypes("number").columns:
        values = per_run_variable(curves, str(name))
        if values is None or name in ("size", "seed"):
            continue
        ratio = np.array([values.get(run, np.nan) / end for run, end in done.items()])
        if (np.abs(ratio - 1) < REACHED).all():
            return {run: float(values[run]) for run in open_runs}
    return {}


def _optima(curves: Curves, norm: str, metric: str) -> dict[str, float]:
    """The norm λ_opt at which every run is best; NaN where it may not have been reached."""
    found = {}
    for run in runs_of(curves, norm, metric):
        best = optimum(run) if run.usable else None
        reached = best is not None and not best.at_start
        found[run.name] = float(np.exp(best.log_norm)) if best and reached else float("nan")
    return found

"""``Collapse``: what a ladder of normalised curves shows, frozen."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.laws.collapse import render
from normlaws.laws.collapse.ahead import SizeForecast, forecast_size, usual_end
from normlaws.laws.collapse.exponent import HorizonExponent, exponent_of
from normlaws.laws.collapse.finish import Finish, finish_track
from normlaws.laws.collapse.floor import SizeLaw
from normlaws.laws.collapse.frontier import Frontier, frontier_of
from normlaws.laws.collapse.ladder import Ladder, Track, tracks_of
from normlaws.laws.collapse.measure import Measured
from normlaws.laws.collapse.rank import ranked
from normlaws.laws.collapse.residuals import Residuals
from normlaws.laws.presented import Figures, Presented
from normlaws.laws.result import Estimate, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Collapse(Presented):
    """Normalised curves ℓ(x) of a ladder, their deviation Δ(x) and the noise floor σ(x).

    x = t / t* is the place along the axis over the run's horizon, and
    ℓ = (L(x t*) − L0) / (L(t*) − L0), each run over its own end (arXiv 2507.02119).

    Attributes:
        axis: what the curves are followed along. metric: what is normalised.
        scale: what the sizes count.
        x: (G,) places.
        curve: (G,) mean ℓ, sizes weighted alike.
        deviation: (G,) Δ: standard deviation of ℓ over sizes and seeds, over its mean.
        noise: (K, G) σ: standard deviation over seeds of the reducible metric itself, over its
            mean, of every group of one size and one horizon; NaN without seeds.
        mean_noise: (G,) σ̄, the mean of ``noise`` over groups.
        between: (G,) the part of Δ that lies between groups. within: the part between seeds;
            Δ² = between² + within².
        share: share of x in (.1, 1) with Δ < σ̄.
        ratio: rms of Δ over rms of σ̄ there.
        onset: d, with Δ < σ̄ for all x > 1 − d there.
        rms: rms of Δ there.
        floor: L0. Every interval is 95 % by resampling seeds, and the sizes that the floor is
            fitted to.
        verdict: words, codes, next steps.
        curves: what was collapsed. ladder: the runs as arrays. size_law: final values and their
            law. measured: every quantity under every resample.
        settings: what was asked.
    """

    axis: str
    metric: str
    scale: str
    x: Floats
    curve: Floats
    deviation: Floats
    noise: Floats
    mean_noise: Floats
    between: Floats
    within: Floats
    share: Estimate
    ratio: Estimate
    onset: Estimate
    rms: Estimate
    floor: Estimate
    verdict: Verdict
    order: Residuals
    curves: Curves
    ladder: Ladder
    size_law: SizeLaw
    measured: Measured
    settings: dict[str, Any]

    def _figures(self) -> Figures:
        return render.figures(self)

    def _as_dict(self) -> dict[str, Any]:
        return render.as_dict(self)

    def table(self) -> pd.DataFrame:
        """``x``, ``curve``, ``deviation`` with ``low`` and ``high``, ``noise`` (σ̄)."""
        return render.table(self)

    def residuals(self) -> Residuals:
        """How far each run lies from the collapsed curve, in units of σ̄, and the trend in size."""
        return self.order

    def exponent(self, between: tuple[float, float] | None = None) -> HorizonExponent:
        """The exponent e of t* ∝ size^e at which the curves collapse best.

        For curves at a constant learning rate, which may be cut anywhere.

        Raises:
            InputError: no exponent leaves the runs a common range.
        """
        asked = self.settings
        return exponent_of(
            self.ladder, asked["floor"], min(int(asked["resamples"]), 50), int(asked["seed"]),
            between,
        )  # fmt: skip

    def frontier(self, points: int = 1000, between: tuple[float, float] | None = None) -> Frontier:
        """The best size at every place along the axis, and its power law.

        For curves at a constant learning rate.

        Raises:
            InputError: fewer than four sizes, or curves that do not cross.
        """
        return frontier_of(self.ladder.finished + self.ladder.running, self.axis, points, between)

    def finish(
        self, run: str | Curves, *, end: float | None = None, upto: float | None = None
    ) -> Finish:
        """The final value that a running curve is expected to reach.

        Args:
            run: the id of one of the runs, or curves that hold one run.
            end: its horizon along the axis; by default the run's own, where it is planned, or what
                the finished sizes' horizons say.
            upto: use its curve only up to this x.

        Raises:
            InputError: an unknown run, no horizon, or a curve that ends before x = .1.
        """
        track = self._track(run)
        track = track.ending(end if end is not None else self._end_of(track))
        return finish_track(self.ladder, self.floor.value, track, upto)

    def unfinished(self, end: float | None = None) -> tuple[Finish, ...]:
        """What every run that is not finished is expected to end at.

        Args:
            end: their horizon along the axis; by default as in :meth:`finish`.

        Warns:
            NormlawsWarning: a run that cannot be finished, and why.
        """
        found = []
        for track in self.ladder.running:
            try:
                found.append(self.finish(track.name, end=end))
            except InputError as error:
                warnings.warn(f"left out: {error}", NormlawsWarning, stacklevel=2)
        return tuple(found)

    def forecast(self, size: float, *, end: float | None = None) -> SizeForecast:
        """The final value of one new run of a size, by the law of the finished sizes' final values.

        Args:
            size: how large.
            end: its horizon along the axis; by default that of its finished runs, or the power law
                of the finished sizes' horizons.

        Raises:
            InputError: a size or horizon that is not positive, or a horizon that has to be given.
        """
        return forecast_size(self.ladder, self.size_law, size, end)

    def rank(self, runs: Iterable[str] | Curves | None = None, **options: Any) -> pd.DataFrame:
        """Runs of a sweep by their expected final value; which can stop, and at what regret.

        Args:
            runs: ids, or curves; by default all runs that are not finished.
            options: ``end`` and ``upto`` of :meth:`finish`.

        Raises:
            InputError: nothing to rank, or as :meth:`finish`.
        """
        if runs is None:
            runs = [track.name for track in self.ladder.running]
        if isinstance(runs, Curves):
            parts: list[str | Curves] = [_one(runs, name) for name in runs.runs["run"]]
        else:
            parts = list(runs)
        if not parts:
            raise InputError("expected runs to rank, but none is unfinished; name some")
        return ranked([self.finish(part, **options) for part in parts])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the normalised curves with Δ and σ̄ as an inset; return the axes."""
        from normlaws.report.figures.normalised import normalised_curves
        from normlaws.report.style import shown_in_notebooks

        with shown_in_notebooks():
            return normalised_curves(self, ax)

    def _track(self, run: str | Curves) -> Track:
        if isinstance(run, Curves):
            found = tracks_of(run, self.axis, self.metric)
            if len(found) != 1:
                raise InputError(
                    f"expected curves of one run with both {self.axis} and {self.metric}, got "
                    f"{len(found)}"
                )
            known = {track.name: track.end for track in self.ladder.finished + self.ladder.running}
            return found[0].ending(known.get(found[0].name, float("nan")))
        for track in self.ladder.finished + self.ladder.running:
            if track.name == run:
                return track
        names = [track.name for track in self.ladder.running + self.ladder.finished]
        raise InputError(f"expected one of the runs, got {run!r}; there are {allowed(names[:12])}")

    def _end_of(self, track: Track) -> float:
        """The horizon of a run: its own, that of its size, or the power law of the horizons."""
        if np.isfinite(track.end):
            return track.end
        end = usual_end(self.ladder, track.size)
        if np.isnan(end):
            raise InputError(
                f"expected the horizon of run {track.name}, because those of the finished sizes "
                "follow no power of size; give it with end=…"
            )
        return end


def _one(curves: Curves, name: str) -> Curves:
    return Curves(
        curves.frame[curves.frame["run"] == name], curves.runs[curves.runs["run"] == name]
    )


def given_end(end: Any) -> str | float | dict[float, float]:
    """An end as settings record it."""
    if isinstance(end, Mapping):
        return {float(size): float(place) for size, place in end.items()}
    return end if isinstance(end, str) else float(end)

"""The horizon's exponent that collapses best, t* ∝ size^e, at a constant learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.errors import InputError, NormlawsError
from normlaws.laws.collapse.floor import size_law
from normlaws.laws.collapse.ladder import Ladder, Track, assemble, power_ends
from normlaws.laws.collapse.measure import measure
from normlaws.laws.collapse.resampling import estimated, freedom_of, weights_of
from normlaws.laws.estimators.least_squares import one_line
from normlaws.laws.result import Estimate

COARSE = 61
SPREAD = 2.5  # exponents up to this factor around the one that the ends have
FINE = 3  # rounds of a tenfold finer grid


@dataclass(frozen=True)
class HorizonExponent:
    """The exponent e of t* ∝ size^e at which curves cut at t* collapse best.

    Attributes:
        value: e with a 95 % interval by resampling seeds.
        table: ``exponent``, and what was minimised: ``score``, the rms of Δ over that of σ̄, or of
            Δ alone without seeds.
        judged_by: ``ratio`` or ``deviation``.
    """

    value: Estimate
    table: pd.DataFrame
    judged_by: str


def exponent_of(
    ladder: Ladder, floor: float | str, resamples: int, seed: int,
    between: tuple[float, float] | None = None,
) -> HorizonExponent:  # fmt: skip
    """Search e, with the floor fitted anew at every e unless it is given.

    Δ alone must not be minimised over the floor (a floor far too low swamps every difference), so
    the floor always comes from the final losses, and with seeds Δ/σ is what is judged.

    Raises:
        InputError: no exponent leaves every run a common range.
    """
    tracks = list(ladder.finished)
    low, high = between or _around(ladder)
    grid = np.linspace(low, high, COARSE)
    scores = _scores(tracks, ladder, grid, floor, resamples, seed)
    if not np.isfinite(scores[:, 0]).any():
        raise InputError(
            f"expected horizons t* ∝ size^e that leave the runs a common range for some e in "
            f"[{low:.3g}, {high:.3g}], but there is none"
        )
    finer_grid, finer = _refined(tracks, ladder, grid, scores[:, 0], floor)
    best = np.array([_lowest(grid, column) for column in scores.T])
    best[0] = _lowest(finer_grid, finer)
    both = pd.DataFrame(
        {"exponent": np.append(grid, finer_grid), "score": np.append(scores[:, 0], finer)}
    )
    return HorizonExponent(
        value=estimated(best, freedom_of(ladder), low, high),
        table=both.sort_values("exponent", ignore_index=True),
        judged_by="ratio" if ladder.seeded else "deviation",
    )


def _around(ladder: Ladder) -> tuple[float, float]:
    """Exponents around that of the last records, which are the latest possible ends."""
    last = np.log([track.at[-1] for track in ladder.finished])
    sizes = np.log([track.size for track in ladder.finished])
    centre = max(one_line(sizes, last)[1], 1.0)
    return centre / SPREAD, centre * SPREAD


def _scores(
    tracks: list[Track], ladder: Ladder, grid: Floats, floor: float | str, resamples: int, seed: int
) -> Floats:
    """What is minimised, (exponents, 1 + resamples); infinite where nothing can be compared."""
    found = np.full((len(grid), 1 + resamples), np.inf)
    for i, exponent in enumerate(grid):
        generator = np.random.default_rng(seed)  # the same draws at every exponent
        try:
            cut = _cut(tracks, ladder, float(exponent))
            if not cut.covers_window:
                continue
            weights = weights_of(cut, resamples, generator)
            law = size_law(cut, weights, floor, generator)
        except NormlawsError:
            continue
        seen = measure(cut, weights, law.floor)
        score = seen.ratio if ladder.seeded else seen.rms
        found[i] = np.where(np.isfinite(score), score, np.inf)
    return found


def _refined(
    tracks: list[Track], ladder: Ladder, grid: Floats, scores: Floats, floor: float | str
) -> tuple[Floats, Floats]:
    centre, step = grid[np.argmin(scores)], grid[1] - grid[0]
    for _ in range(FINE):
        fine = np.linspace(centre - step, centre + step, 21)
        found = _scores(tracks, ladder, fine, floor, 0, 0)[:, 0]
        centre, step = fine[np.argmin(found)], step / 10
    return fine, found


def _cut(tracks: list[Track], ladder: Ladder, exponent: float) -> Ladder:
    ends = power_ends(tracks, exponent)
    moved = [track.ending(ends[track.name]) for track in tracks]
    return assemble(
        moved, axis=ladder.axis, is_norm=ladder.is_norm, metric=ladder.metric, scale=ladder.scale
    )


def _lowest(grid: Floats, scores: Floats) -> float:
    """The lowest place, refined by a parabola through its neighbours."""
    i = int(np.argmin(scores))
    if not 0 < i < len(grid) - 1 or not np.isfinite(scores[i - 1 : i + 2]).all():
        return float(grid[i])
    before, here, after = scores[i - 1 : i + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(grid[i] + shift * (grid[1] - grid[0]))

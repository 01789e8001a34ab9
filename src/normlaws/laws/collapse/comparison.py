"""``collapse``: from curves to the deviation, the noise floor and the verdict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from normlaws.curves import Curves
from normlaws.errors import InputError, allowed
from normlaws.laws.collapse.floor import size_law
from normlaws.laws.collapse.ladder import ladder_of
from normlaws.laws.collapse.measure import measure
from normlaws.laws.collapse.resampling import (
    between_percentiles,
    estimated,
    freedom_of,
    weights_of,
)
from normlaws.laws.collapse.residuals import residuals_of
from normlaws.laws.collapse.result import Collapse, given_end
from normlaws.laws.collapse.verdict import judge

NORMALISATIONS = ("own", "mean")


def collapse(
    curves: Curves,
    along: str | None = None,
    metric: str | None = None,
    *,
    scale: str = "size",
    end: str | float | Mapping[float, float] = "last",
    floor: float | str = "fit",
    normalise: str = "own",
    resamples: int = 200,
    seed: int = 0,
) -> Collapse:
    """Compare the normalised curves of a ladder of sizes along any axis (arXiv 2507.02119).

    >>> import normlaws as nl, pandas as pd
    >>> points = [(p, s, t) for p in (10, 40, 160) for s in (0, 1) for t in range(1, 101)]
    >>> table = pd.DataFrame(points, columns=["size", "seed", "step"])
    >>> table["run"] = table["size"].astype(str) + "-" + table["seed"].astype(str)
    >>> table["test_loss"] = 2 + table["size"] ** -0.5 * table["step"] ** -0.3
    >>> found = nl.collapse(nl.Curves(table), along="step", floor=2.0, resamples=0)
    >>> found.rms.value < 1e-9  # one shape for all sizes: an exact collapse
    True

    Args:
        curves: runs of two or more sizes, best with several seeds each.
        along: ``compute``, ``tokens``, ``step``, ``epoch``, any numeric column, or a recorded norm,
            whose runs end at λ_opt and have no floor by default. By default the first of these
            that is recorded.
        metric: a recorded error or loss, or any numeric column; the first usual one by default.
        scale: what the sizes count, by its name; or a variable of the runs that is to be the size.
        end: where x = 1 lies: ``"last"`` record, a variable of the runs by its name, {size: place},
            or the exponent e of t* ∝ size^e, with the largest factor that every run reaches.
        floor: L0, or ``"fit"`` it to the final values.
        normalise: divide by each run's ``own`` reducible end, or by its ``mean`` over seeds, which
            leaves the seeds' common noise in and so has no supercollapse.
        resamples: of seeds, and of the sizes that the floor is fitted to; 0 leaves out intervals.
        seed: of the resampling.

    Raises:
        InputError: an unknown axis, metric, end or scale; one size; too few sizes for a floor; a
            floor above a value; or curves that leave no common range.

    Warns:
        NormlawsWarning: runs that are left out, and compute that is made of tokens and parameters.
    """
    if normalise not in NORMALISATIONS:
        raise InputError(f"expected normalise {allowed(NORMALISATIONS)}, got {normalise!r}")
    if resamples < 0:
        raise InputError(f"expected 0 or more resamples, got {resamples}")
    curves = _scaled(curves, scale)
    ladder = ladder_of(curves, along, metric, end)
    if ladder.is_norm and floor == "fit":
        floor = 0.0
    generator = np.random.default_rng(seed)
    weights = weights_of(ladder, resamples, generator)
    law = size_law(ladder, weights, floor, generator)
    measured = measure(ladder, weights, law.floor, normalise)
    freedom = freedom_of(ladder)
    order = residuals_of(ladder, measured, float(law.floor[0]))
    level = estimated(law.floor, freedom, low=0.0) if law.fit else estimated(law.floor[:1], freedom)
    return Collapse(
        axis=ladder.axis,
        metric=ladder.metric,
        scale=ladder.scale,
        x=ladder.grid,
        curve=measured.curve[0],
        deviation=measured.deviation[0],
        noise=measured.noise[0],
        mean_noise=measured.mean_noise[0],
        between=np.sqrt(measured.between[0]),
        within=np.sqrt(measured.within[0]),
        share=between_percentiles(measured.share),
        ratio=between_percentiles(measured.ratio),
        onset=between_percentiles(measured.onset),
        rms=between_percentiles(measured.rms),
        floor=level,
        verdict=judge(ladder, measured, law, level, order),
        order=order,
        curves=curves,
        ladder=ladder,
        size_law=law,
        measured=measured,
        settings={
            "end": given_end(end), "floor": floor, "normalise": normalise, "resamples": resamples,
            "seed": seed,
        },
    )  # fmt: skip


def _scaled(curves: Curves, scale: str) -> Curves:
    """The curves with ``scale`` as their size."""
    if scale in ("size", curves.scale):
        return curves
    if scale not in curves.runs:
        raise InputError(
            f"expected a scale variable of the runs, got {scale!r}; there are "
            f"{allowed(curves.runs.columns)}"
        )
    runs = curves.runs.assign(size=curves.runs[scale], scale=scale)
    sizes = runs.set_index("run")["size"]
    return Curves(curves.frame.assign(size=curves.frame["run"].map(sizes)), runs)

"""Forecasts of sizes that were hidden: which form is closest, and do intervals hold the runs.

``python benchmarks/forecasts.py forms [FOLDER]`` hides the largest third of the sizes of drawn
studies, of the committed reproductions and, with a FOLDER of published ``.npy`` files, of every
published panel, and prints the mean |ln(predicted/actual)| of every form: those of the contest, M4,
the broken power law, means of forms, and the route through the two laws.

``python benchmarks/forecasts.py coverage [--studies N] [--resamples R] [--first SEED]`` hides the
largest third likewise and prints how often the 95 % interval of a new run holds the runs hidden, on
drawn studies in which the laws hold, on those whose γ2 changes with P, and on the reproductions;
behind it how often an interval a tenth narrower would.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import normlaws as nl
from normlaws.interop import panels_of, read_deep_norm
from normlaws.laws.estimators.size_law import FORMS, fit_size_law, predict
from normlaws.laws.forecasts.baselines import BASELINES, fit_baseline
from normlaws.laws.plant import FAMILIES, draw

REPRODUCTIONS = Path(__file__).parents[1] / "docs" / "reproduction"
HOLDING = [name for name, family in FAMILIES.items() if family.holds == "yes"]
BENT = ["drifting_exponent"]
NARROWER = 0.9  # of the half-widths, in ln ε
Studies = Iterator[tuple[str, nl.Curves, str | None]]


def reproductions() -> Studies:
    for path in sorted(REPRODUCTIONS.glob("*.parquet")):
        yield "reproductions", nl.Curves.read(path), None


def published(folder: Path) -> Studies:
    for path in sorted(folder.glob("*.npy")):
        for panel in range(panels_of(path)):
            curves = read_deep_norm(path, panel)
            yield "published", curves, curves.norms[0]


def drawn(names: list[str], kind: str, seeds: range) -> Studies:
    for name in names:
        for seed in seeds:
            yield kind, draw(name, seed).curves, None


def forms(folder: Path | None) -> None:
    sources = [drawn(HOLDING, "laws hold", range(2)), drawn(BENT, "γ2 changes", range(6))]
    sources += [reproductions(), *([published(folder)] if folder else [])]
    rows = [
        {"kind": kind, "form": form, "error": error}
        for source in sources
        for kind, curves, norm in source
        for form, error in compared(curves, norm).items()
    ]
    table = pd.DataFrame(rows).pivot_table(index="form", columns="kind", values="error")
    print(table.assign(mean=table.mean(axis=1)).sort_values("mean").round(3).to_string())


def compared(curves: nl.Curves, norm: str | None) -> dict[str, float]:
    """Mean |ln(predicted/actual)| over the hidden sizes, by form."""
    found = nl.fit(curves, norm=norm, resamples=0).samples
    used = np.flatnonzero(found.used)
    hidden = max(len(used) // 3, 1)
    if len(used) - hidden < 5:
        return {}
    seen, held = used[:-hidden], used[-hidden:]
    log_p, actual = found.log_sizes, found.log_error[0]
    law = fit_size_law(log_p[seen], actual[None, seen])
    x = log_p[held] - law.centre
    guess = {form: predict(law.theta[:, i], x)[0] for i, form in enumerate(FORMS)}
    guess["winner of these"] = law.log_error(log_p[held])[0]
    guess["mean of these"] = np.mean([guess[form] for form in FORMS], axis=0)
    for baseline in BASELINES[2:]:
        fitted = fit_baseline(baseline, log_p[seen], actual[seen])
        if fitted is not None:
            guess[baseline.name] = fitted.log_error(log_p[held])
    if "m4" in guess:
        guess["winner and m4"] = (guess["winner of these"] + guess["m4"]) / 2
    visible = curves.select(sizes=[int(size) for size in found.panel.sizes[seen]])
    product = nl.fit(visible, norm=norm, resamples=0).product.value
    guess["two laws"] = actual[seen].mean() - product * (log_p[held] - log_p[seen].mean())
    return {form: float(np.mean(np.abs(at - actual[held]))) for form, at in guess.items()}


def coverage(studies: int, resamples: int, first: int) -> None:
    seeds = range(first, first + studies)
    sources = [
        *(drawn([name], name, seeds) for name in HOLDING),
        drawn(BENT, "γ2 changes", range(first, first + 4 * studies)),
        reproductions(),
    ]
    total: dict[str, list[list[bool]]] = {}
    for source in sources:
        for kind, curves, norm in source:
            total.setdefault(kind, []).extend(held_runs(curves, norm, resamples))
    good = [one for kind in HOLDING for one in total.get(kind, [])]
    for kind, inside in [*total.items(), ("laws hold, all", good)]:
        if inside:
            whole, narrower = np.mean(inside, axis=0)
            print(f"{kind:<20}{whole:>7.1%} of {len(inside)} hidden runs; {narrower:.1%}")


def held_runs(curves: nl.Curves, norm: str | None, resamples: int) -> list[list[bool]]:
    """Whether each run of the hidden sizes is within the interval of a new run, and within 0.9."""
    full = nl.fit(curves, norm=norm, resamples=0)
    sizes = full.sizes["size"][full.sizes["used"]].tolist()
    hidden = max(len(sizes) // 3, 1)
    if len(sizes) - hidden < 4:
        return []
    laws = nl.fit(curves.select(sizes=sizes[:-hidden]), norm=norm, resamples=resamples)
    inside = []
    for size in sizes[-hidden:]:
        value, low, high = laws.forecast(size).error
        runs = full.optima.loc[full.optima["size"] == size, "error"] / value
        below, above = low / value, high / value
        inside += [
            [below**part <= error <= above**part for part in (1.0, NARROWER)] for error in runs
        ]
    return inside


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("forms", "coverage"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--studies", type=int, default=3)
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--first", type=int, default=70_000)
    asked = parser.parse_args(sys.argv[1:])
    if asked.what == "forms":
        forms(asked.folder)
    else:
        coverage(asked.studies, asked.resamples, asked.first)


if __name__ == "__main__":
    main()

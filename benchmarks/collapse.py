"""Speed of the collapse, of floors and of surfaces against plain loops; coverage of ``finish``.

    OMP_NUM_THREADS=1 python benchmarks/collapse.py [--repeats 5]
    OMP_NUM_THREADS=1 python benchmarks/collapse.py --coverage [TABLE]

Seconds are CPU seconds of this process, medians of interleaved repeats. The alternatives do the
same work run by run and resample by resample, with SciPy's solvers; where they would take minutes,
some resamples are timed and the rest reckoned from them. ``--coverage`` finishes every run of the
larger half of a ladder from x = .2, .3, .5 and .8 by the smaller sizes alone, and prints how often
the interval holds the run's end: on planted ladders, or on TABLE (one row per run and record, with
params, seed, compute_pflop and test_loss, such as the published runs on CIFAR-5M).
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numpy as np
import pandas as pd
from scipy.optimize import least_squares, minimize

import normlaws as nl
from normlaws.interop import read_table
from normlaws.laws.collapse import plant_ladder
from normlaws.laws.estimators.profile import power_law_with_floor

SHARES = (0.2, 0.3, 0.5, 0.8)
SIZES = tuple(np.geomspace(1e7, 1e8, 8).round())
RECORDS = 900
FEW = 20  # resamples of an alternative that are timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--coverage", nargs="?", const="", metavar="TABLE")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    if chosen.coverage is not None:
        coverage(chosen.coverage)
        return
    collapses(chosen.repeats)
    floors(chosen.repeats)
    surfaces(chosen.repeats)


def used(call) -> float:
    """Seconds of this process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def report(name: str, ours: list[float], theirs: list[float], times: float, against: str) -> None:
    mine, other = statistics.median(ours), times * statistics.median(theirs)
    print(f"{name}: {mine:.2f} s; {against} {other:.2f} s, {other / mine:.0f} times as long")


def ladder() -> nl.Curves:
    """Eight sizes, five seeds, 900 records per run, as the published runs have."""
    whole = plant_ladder(SIZES, floor=3.0, seeds=5, noise=0.01)
    frames = []
    for run, rows in whole.frame.groupby("run", sort=False):
        x = np.linspace(rows["compute"].min(), rows["compute"].max(), RECORDS)
        loss = np.interp(x, rows["compute"], rows["test_loss"])
        one = pd.DataFrame({"run": run, "step": np.arange(RECORDS), "compute": x})
        frames.append(one.assign(size=rows["size"].iloc[0], seed=rows["seed"].iloc[0],
                                 test_loss=loss))  # fmt: skip
    return nl.Curves(pd.concat(frames, ignore_index=True), whole.runs)


def collapses(repeats: int) -> None:
    curves = ladder()
    groups = {
        size: [
            (rows["compute"].to_numpy(), rows["test_loss"].to_numpy())
            for _, rows in part.groupby("run")
        ]
        for size, part in curves.frame.groupby("size")
    }
    generator = np.random.default_rng(0)
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(used(lambda: nl.collapse(curves, along="compute", resamples=200)))
        theirs.append(used(lambda: [plain_collapse(groups, generator) for _ in range(FEW)]))
    name = f"nl.collapse, {len(curves.runs)} runs x {RECORDS} records, 200 resamples"
    report(name, ours, theirs, 200 / FEW, "one resample after another with SciPy's least squares")


def plain_collapse(groups, generator) -> float:
    """The ratio of Δ and σ for one draw of seeds, run by run."""
    x = np.arange(1, 101) / 100
    drawn = {
        size: [runs[i] for i in generator.integers(len(runs), size=len(runs))]
        for size, runs in groups.items()
    }
    ends = np.array([runs[0][0][-1] for runs in drawn.values()])
    finals = np.array([np.mean([loss[-1] for _, loss in runs]) for runs in drawn.values()])
    floor = plain_floor(ends, finals)
    normal, noise = [], []
    for runs in drawn.values():
        curves = np.array([np.interp(x * at[-1], at, loss) - floor for at, loss in runs])
        normal.append(curves / curves[:, -1:])
        noise.append(curves.std(axis=0, ddof=1) / curves.mean(axis=0))
    every = np.concatenate(normal)
    return float(np.mean(every.std(axis=0, ddof=1) / every.mean(axis=0) / np.mean(noise, axis=0)))


def plain_floor(ends, finals) -> float:
    """L0 of L0 + a c^(−b), as it is usually fitted: from several starts."""
    log_ends = np.log(ends) - np.log(ends).mean()
    best = min(
        (
            least_squares(
                lambda t: (
                    np.log(np.exp(t[0] - np.exp(t[1]) * log_ends) + np.exp(t[2])) - np.log(finals)
                ),
                [np.log(np.ptp(finals)), np.log(exponent), np.log(share * finals.min())],
            )
            for exponent in (0.1, 0.5)
            for share in (0.5, 0.95)
        ),
        key=lambda found: found.cost,
    )
    return float(np.exp(best.x[2]))


def floors(repeats: int) -> None:
    sizes = np.geomspace(1e3, 1e6, 8)
    generator = np.random.default_rng(0)
    data = 3.0 + 2.0 * sizes**-0.35 * np.exp(0.01 * generator.normal(size=(1000, 8)))
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(used(lambda: power_law_with_floor(sizes, data, objective="log")))
        theirs.append(used(lambda: [plain_floor(sizes, row) for row in data[:FEW]]))
    name = "floors, 1000 resamples of 8 sizes"
    report(name, ours, theirs, 1000 / FEW, "SciPy's least squares from four starts each")
    for share in (0.0, 0.5, 0.9, 0.99, 0.999):
        exact = sizes**-0.35
        floor = share / (1 - share) * exact.min()
        found = power_law_with_floor(sizes, exact + floor, objective="log").floor[0]
        scale = floor or exact.min()
        off = abs(found - floor) / scale
        print(f"  floor of {share:.1%} of the lowest value, without noise: off by {off:.1e}")


def surfaces(repeats: int) -> None:
    generator = np.random.default_rng(0)
    params = np.exp(generator.uniform(np.log(5e7), np.log(2e10), 240))
    tokens = np.exp(generator.uniform(np.log(1e9), np.log(5e11), 240))
    loss = 1.8 + 480 * params**-0.35 + 2100 * tokens**-0.37
    loss *= np.exp(0.003 * generator.normal(size=240))
    table = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})
    ours, theirs = [], []
    for _ in range(max(repeats // 2, 1)):
        ours.append(used(lambda: nl.surface(table, family="chinchilla", resamples=1000)))
        theirs.append(used(lambda: [plain_surface(table, generator) for _ in range(FEW // 4)]))
    name = "surface, 1000 resamples of 240 points"
    report(name, ours, theirs, 1000 / (FEW // 4), "SciPy's BFGS on Huber's loss, one start each")


def plain_surface(table, generator) -> None:
    rows = table.iloc[generator.integers(len(table), size=len(table))]
    n, d, loss = (np.log(rows[name].to_numpy()) for name in ("params", "tokens", "loss"))

    def huber(t):
        off = np.abs(np.logaddexp(np.logaddexp(t[0] - t[1] * n, t[2] - t[3] * d), t[4]) - loss)
        return np.where(off < 1e-3, off**2 / 2, 1e-3 * (off - 5e-4)).sum()

    minimize(huber, [6.0, 0.35, 7.5, 0.37, 0.6], method="BFGS")


def coverage(table: str) -> None:
    if table:
        kinds = {"published": [read_table(table, {"size": "params"})]}
        end = "compute_opt_pflop"
    else:
        kinds = {
            f"planted, noise {noise:g}": [
                plant_ladder(SIZES, floor=3.0, seeds=5, noise=noise, seed=seed) for seed in range(5)
            ]
            for noise in (0.003, 0.01, 0.03)
        }
        end = ""
    for kind, ladders in kinds.items():
        held = {x: [] for x in SHARES}
        for curves in ladders:
            for x, inside in finishes(curves, end):
                held[x].append(inside)
        every = np.concatenate(list(held.values()))
        each = ", ".join(f"{np.mean(one):.1%} at {x:g}" for x, one in held.items())
        print(f"{kind}: {every.mean():.1%} of {len(every)} intervals hold the end; {each}")


def finishes(curves: nl.Curves, end: str):
    """(x, whether the interval holds the end) of every run of the larger half of the sizes."""
    for k in range(len(curves.sizes) // 2, len(curves.sizes)):
        smaller = nl.collapse(curves.select(sizes=curves.sizes[:k]), along="compute", resamples=0)
        larger = curves.select(sizes=[curves.sizes[k]])
        for run in larger.runs.to_dict("records"):
            one = larger.select(run=[run["run"]])
            place = float(run[end]) if end else float(one.frame["compute"].iloc[-1])
            truth = float(one.frame["test_loss"].iloc[-1])
            for x in SHARES:
                found = smaller.finish(one, end=place, upto=x).value
                yield x, found.low <= truth <= found.high


if __name__ == "__main__":
    main()

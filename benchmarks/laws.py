"""Planted laws: bias, coverage, null cases; and the time of one fit against a loop over resamples.

``python benchmarks/laws.py [studies [others]]`` prints, for every planted kind, the bias of each
exponent relative to its truth (absolute where the truth is 0) and how often the 95 % interval holds
it; how often null cases are called so; and the time of a fit of 12 sizes × 5 seeds × 50 records
with 1000 resamples. The first kind is planted ``studies`` times (500), the others ``others`` (100).

``python benchmarks/laws.py published FOLDER`` prints the tables of docs/published.md from the
published ``.npy`` files in FOLDER.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

import normlaws as nl
from normlaws.interop import panels_of, read_deep_norm
from normlaws.laws.plant import Planted, plant

NAMES = ("gamma", "gamma0", "gamma1", "gamma2", "product")
LAWS = {
    "plain": (Planted(), {}),
    "shifted early curves": (Planted(gamma0=0.2), {}),
    "soft crossover": (Planted(gamma1=0.4, gamma2=1.3, sharpness=1.0, rise=0.2), {}),
    "sharp crossover": (Planted(sharpness=5.0, rise=0.4), {}),
    "plateau at chance": (Planted(plateau=0.8), {}),
    "a third censored": (Planted(), {"censored": 1 / 3}),
}
NULLS = {
    "P-dependent slopes": (Planted(early_spread=0.15), {}, {"no_common_early_curve"}),
    "saturating error": (Planted(rise=0.0), {"past": 4.0}, {"no_optimum", "optima_censored"}),
    "still falling": (Planted(rise=-0.1), {}, {"optima_censored", "no_optimum"}),
    "no dependence on P": (
        Planted(gamma1=1e-3, gamma2=1e-3, rise=0.0),
        {},
        {"error_does_not_fall"},
    ),
}


def truth(law: Planted) -> dict[str, float]:
    return {
        "gamma": law.gamma,
        "gamma0": law.gamma0,
        "gamma1": law.gamma1,
        "gamma2": law.gamma2,
        "product": law.gamma,
    }


def planted(first: int, others: int) -> None:
    print(f"{'planted':<22}{'exponent':<10}{'bias':>9}{'coverage':>10}{'width':>9}")
    for kind, (law, how) in LAWS.items():
        studies = first if kind == "plain" else others
        known = truth(law)
        values = {name: [] for name in NAMES}
        held = {name: [] for name in NAMES}
        widths = {name: [] for name in NAMES}
        codes: dict[str, int] = {}
        for study in range(studies):
            laws = nl.fit(plant(law, generator=study, **how), resamples=200, seed=study)
            for code in laws.verdict.codes:
                codes[code] = codes.get(code, 0) + 1
            for name in NAMES:
                found = getattr(laws, name)
                values[name].append(found.value)
                held[name].append(found.low <= known[name] <= found.high)
                widths[name].append(found.high - found.low)
        for name in NAMES:
            bias = np.mean(values[name]) - known[name]
            bias = bias / known[name] if known[name] else bias
            print(
                f"{kind:<22}{name:<10}{bias:>9.2%}{np.mean(held[name]):>10.1%}"
                f"{np.mean(widths[name]):>9.3f}"
            )
        print(f"{'':<22}{studies} studies, codes {codes}", flush=True)


def nulls(studies: int) -> None:
    for kind, (law, how, wanted) in NULLS.items():
        called, wrongly = 0, 0
        codes: dict[str, int] = {}
        for study in range(studies):
            laws = nl.fit(plant(law, generator=study, **how), resamples=100, seed=study)
            called += bool(wanted & set(laws.verdict.codes))
            wrongly += "laws_hold" in laws.verdict.codes
            for code in laws.verdict.codes:
                codes[code] = codes.get(code, 0) + 1
        print(
            f"{kind:<22}called so {called / studies:.1%}, laws_hold {wrongly / studies:.1%} "
            f"{codes}",
            flush=True,
        )


def speed() -> None:
    curves = plant(sizes=[100 * 2**i for i in range(12)], seeds=5, records=50)
    single, batch = [], []
    for _ in range(3):
        start = time.process_time()
        nl.fit(curves, resamples=1000)
        batch.append(time.process_time() - start)
        start = time.process_time()
        nl.fit(curves, resamples=0)
        single.append(time.process_time() - start)
    print(
        f"1000 resamples of 12 × 5 × 50: {np.median(batch):.2f} s of one core; "
        f"{np.median(single) * 1001 / np.median(batch):.0f} times a loop of single fits"
    )


def published(folder: Path) -> None:
    fits = {
        path.stem + (f"[{panel}]" if panels_of(path) > 1 else ""): fit_panel(path, panel)
        for path in sorted(folder.glob("*.npy"))
        for panel in range(panels_of(path))
    }
    print("| panel | γ | γ0 | γ1 | γ2 | γ0 + γ1·γ2 | collapse γ | collapse γ2 | codes |")
    for name, laws in fits.items():
        scaling = laws.collapse_exponents()
        cells = [getattr(laws, each).value for each in NAMES] + [each.value for each in scaling]
        print(
            f"| {name} | {' | '.join(f'{v:.3f}' for v in cells)} | {' '.join(laws.verdict.codes)} |"
        )
    for name, laws in fits.items():
        scores = laws.backtest().scores.sort_index()
        cells = " | ".join(f"{method} {score:.3f}" for method, score in scores.items())
        print(f"| {name} | {laws.samples.size_law.form} | {cells} |")


def fit_panel(path: Path, panel: int) -> nl.Laws:
    curves = read_deep_norm(path, panel)
    return nl.fit(curves, norm=curves.norms[0])


def main() -> None:
    if sys.argv[1:2] == ["published"]:
        return published(Path(sys.argv[2]))
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    others = int(sys.argv[2]) if len(sys.argv) > 2 else min(studies, 100)
    speed()
    nulls(others)
    planted(studies, others)


if __name__ == "__main__":
    main()

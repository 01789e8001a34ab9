"""The page of the nine panels: its tables, its figures and what its numbers are.

``docs/scripts/reproduction.py`` calls :func:`redraw`; everything comes from the curves committed in
``docs/reproduction/panels``, fitted with the library's defaults.
"""

from __future__ import annotations

import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import figures as drawing
import normlaws as nl
from normlaws.laws.data.counting import examples_of
from normlaws.laws.estimators.bootstrap import quantile
from normlaws.laws.forecasts.backtest import MIN_VISIBLE
from normlaws.laws.forecasts.baselines import BASELINES, fit_baseline
from normlaws.report import figures

DOCS = Path(__file__).resolve().parents[1]
CURVES = DOCS / "reproduction" / "panels"
NOTES = CURVES / "notes.toml"
PAGE = DOCS / "nine-panels.md"
BEGIN, END = "<!-- written by docs/scripts/reproduction.py -->", "<!-- end -->"
PANELS = {
    "cnn-mnist": "CNN, MNIST",
    "cnn-cifar10": "CNN, CIFAR-10",
    "cnn-cifar100": "CNN, CIFAR-100",
    "resnet-mnist": "ResNet, MNIST",
    "resnet-cifar10": "ResNet, CIFAR-10",
    "resnet-cifar100": "ResNet, CIFAR-100",
    "vit-mnist": "ViT, MNIST",
    "vit-cifar10": "ViT, CIFAR-10",
    "vit-cifar100": "ViT, CIFAR-100",
}
OTHERS = {
    "cnn-cifar10-sgd": "CNN, CIFAR-10, SGD",
    "cnn-cifar100-sgd": "CNN, CIFAR-100, SGD",
    "cnn-cifar10-wd-5e-4": "CNN, CIFAR-10, weight decay",
    "resnet-cifar10-wd-5e-4": "ResNet, CIFAR-10, weight decay",
    "cnn-mnist-full-width": "CNN, MNIST, the paper's width",
}
PUBLISHED = {  # γ1, γ2, direct γ: arXiv 2505.13230, Adam without weight decay
    "cnn-mnist": ("0.591", "1.011", "0.545"),
    "cnn-cifar10": ("0.210", "1.321", "0.245"),
    "resnet-cifar10": ("0.531", "1.013", "0.564"),
    "vit-mnist": ("0.139", "3.411", "0.538"),
}
PUBLISHED["cnn-mnist-full-width"] = PUBLISHED["cnn-mnist"]
FINDINGS = {
    "common_early_curve": "common curve",
    "power_law": "power law",
    "collapse": "collapse",
    "late_law": "late law",
    "no_dependence_on_size": "no P left",
    "laws_meet": "laws meet",
}
READ = {
    "Where the laws hold and where not": (
        "The figure of every finding and the letter of its grade: **e**stablished, "
        "**c**ontradicted, **u**ndecided ([what each asks](laws-reference.md#verdict-codes))."
    ),
    "Exponents": (
        "With 95 % intervals, beside the published ones where those exist. γ1 and γ2 apart need "
        "not agree: the published code uses another norm, and a norm that is raised to a power "
        "divides γ1 and multiplies γ2 by it. Their product and the direct γ are what both must "
        "share, and those depend on the network's width. *Scored*: of 10,000 test examples, how "
        "many scored a record (the fewest of a run), and by how much the interval of the direct γ "
        "would narrow at most, had all scored the optimum."
    ),
    "Norms and clocks compared": (
        "The spread of the rescaled curves in per cent of their fall, smaller is better. The "
        "paper's claim is that the spectral complexity does better than the step. There the "
        "curves are aligned freely. *Over noise* is of curves rescaled by their optima, along the "
        "spectral complexity, and over the standard error of a mean curve "
        "([`collapse`](laws-reference.md)): near 1, seeds explain all of it. Errors of the optima "
        "count against it."
    ),
    "Forecasts": (
        "The largest third of the sizes is hidden, and each form is fitted to the others; the "
        "figure is the mean absolute ln(forecast/actual) over the hidden sizes. A dash: the form "
        "has more parameters than there are known sizes, or fewer than four sizes have an optimum. "
        "*Hidden runs inside 95 %*: single runs in our intervals. *Unfinished runs*: finished "
        "sizes, cut where the spectral complexity passes the optimum of the next smaller one, are "
        "forecast along it; root mean square of ln(forecast/actual)."
    ),
}
VISIBLE = 2 / 3
TEST_EXAMPLES = 10_000  # of each of the three data sets
BETTER = 0.8  # of the step's spread: what the protocol calls better
WIDTH = 120
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Panel:
    """One committed study and its fit."""

    name: str
    title: str
    curves: nl.Curves
    laws: nl.Laws
    clocks: pd.DataFrame


def committed() -> list[Panel]:
    """Every study of the protocol, fitted with the defaults."""
    found = []
    for name, title in (PANELS | OTHERS).items():
        curves = nl.Curves.read(CURVES / f"repro-{name}.parquet")
        laws = nl.fit(curves)
        found.append(Panel(name, title, curves, laws, laws.clocks().set_index("clock")))
    return found


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def head(*cells: str) -> list[str]:
    return [row(*cells), row(*["---"] * len(cells))]


def exponents(panels: list[Panel]) -> list[str]:
    """Ours beside the published ones."""
    lines = head("panel", "direct γ", "γ1", "γ2", "γ0", "published γ1, γ2, direct γ", "scored")
    for panel in panels:
        laws = panel.laws
        found = (laws.gamma, laws.gamma1, laws.gamma2, laws.gamma0)
        theirs = ", ".join(PUBLISHED.get(panel.name, ())) or "–"
        lines.append(row(panel.title, *map(drawing.estimate, found), theirs, scored(panel)))
    return lines


def scored(panel: Panel) -> str:
    """How many test examples, and what scoring all would take off the direct γ's interval.

    Counting noise as if every run drew its own: runs of a seed share theirs, which takes part of it
    out of slopes, so that the share is an upper bound.
    """
    used = panel.laws.sizes[panel.laws.sizes["used"]]
    examples = examples_of(panel.curves, "test_error")
    centred = np.log(used["size"]) - np.log(used["size"]).mean()
    counting = (1 / used["error"] - 1) / used["n_seeds"] * (1 / examples - 1 / TEST_EXAMPLES)
    variance = float((centred**2 * counting).sum() / (centred**2).sum() ** 2)
    whole = (panel.laws.gamma.high - panel.laws.gamma.low) / 2
    share = variance * (quantile(panel.laws.samples.freedom) / whole) ** 2
    return f"{examples:,} ({100 * (1 - np.sqrt(max(0, 1 - share))):.0f}{NO_BREAK}%)"


def findings(panels: list[Panel]) -> list[str]:
    """Where the laws hold and where not: the figure of every finding and its grade."""
    lines = head("panel", "verdict", *FINDINGS.values())
    for panel in panels:
        verdict = panel.laws.verdict
        cells = {one.name: cell(one) for one in verdict.findings}
        codes = ", ".join(f"`{code}`" for code in verdict.codes)
        lines.append(row(panel.title, codes, *[cells.get(name, "–") for name in FINDINGS]))
    return lines


def cell(one: nl.laws.Finding) -> str:
    """The figure and the first letter of its grade."""
    if not np.isfinite(one.figure.value):
        return "–"
    return f"{one.figure.value:.2g}{NO_BREAK}{one.grade[0]}".replace("-", "−")


def clocks(panels: list[Panel]) -> list[str]:
    """How closely the rescaled curves collapse along each clock, in per cent of their fall.

    The last column is the collapse along the spectral complexity against its noise.
    """
    names = [*drawing.NORMS, "step", "train_loss"]
    lines = head("panel", *[name.replace("_", " ") for name in names], "over noise")
    for panel in panels:
        spread = panel.clocks["collapse"]
        cells = [share(spread.get(name, np.nan)) for name in names]
        lines.append(row(panel.title, *cells, f"{panel.laws.collapse:.1f}"))
    return lines


def share(value: float) -> str:
    return f"{100 * value:.1f}" if np.isfinite(value) else "–"


def scorecard(panels: list[Panel]) -> list[str]:
    """The largest third of the sizes hidden: mean |ln(forecast/actual)| of each form; coverage.

    The last column is of finished sizes cut short and forecast along the spectral complexity.
    """
    scores = {panel.title: score(panel) for panel in panels}
    forms = ["normlaws", *(form.name for form in BASELINES)]
    lines = head("panel", *forms, "hidden runs inside 95 %", "unfinished runs")
    for panel, (found, within) in zip(panels, scores.values(), strict=True):
        shown = [f"{found[form]:.3f}" if form in found else "–" for form in forms]
        held = f"{sum(within)} of {len(within)}" if within else "–"
        cut = panel.clocks["unfinished"].iloc[0]
        lines.append(row(panel.title, *shown, held, f"{cut:.3f}" if np.isfinite(cut) else "–"))
    every = [one for _, within in scores.values() for one in within]
    means = [mean([found[form] for found, _ in scores.values() if form in found]) for form in forms]
    return [*lines, row("all", *means, f"{sum(every)} of {len(every)}", "")]


def mean(values: list[float]) -> str:
    return f"{np.mean(values):.3f}" if values else "–"


def score(panel: Panel) -> tuple[dict[str, float], list[bool]]:
    """Errors of the forms, and whether each hidden run lies inside its interval."""
    used = panel.laws.sizes[panel.laws.sizes["used"]]
    seen = int(np.ceil(VISIBLE * len(used)))
    if seen < MIN_VISIBLE:
        return {}, []
    log_p, log_error = (np.log(used[name].to_numpy(float)) for name in ("size", "error"))
    errors = {
        name: float(np.mean(np.abs(at - log_error[seen:])))
        for name, at in forms_at(log_p, log_error, seen).items()
    }
    part = nl.fit(panel.curves.select(sizes=used["size"].iloc[:seen].tolist()))
    hidden = [int(size) for size in used["size"].iloc[seen:]]
    forecasts = [part.forecast(size) for size in hidden]
    ours = [np.log(one.error.value) for one in forecasts]
    errors["normlaws"] = float(np.mean(np.abs(np.array(ours) - log_error[seen:])))
    return errors, [one for at in forecasts for one in inside(panel.laws, at)]


def forms_at(log_p: np.ndarray, log_error: np.ndarray, seen: int) -> dict[str, np.ndarray]:
    """ln of the error that each form, fitted to the sizes seen, gives for the hidden ones."""
    fitted = {form.name: fit_baseline(form, log_p[:seen], log_error[:seen]) for form in BASELINES}
    return {name: one.log_error(log_p[seen:]) for name, one in fitted.items() if one is not None}


def inside(laws: nl.Laws, forecast: nl.laws.Forecast) -> list[bool]:
    runs = laws.optima.loc[laws.optima["size"] == forecast.size, "error"]
    return [forecast.error.low <= error <= forecast.error.high for error in runs]


def pictures(panels: list[Panel]) -> list[str]:
    """Both figures of every panel, side by side, with what the verdict and the notes say."""
    notes, lines = tomllib.loads(NOTES.read_text(encoding="utf-8")), []
    for panel in panels:
        axes = drawing.panels(["", ""], 2)
        figures.error_against_norm(panel.curves, panel.laws, ax=axes[0])
        figures.error_against_size(panel.laws, ax=axes[1])
        drawing.save(axes[0], f"panel-{panel.name}")
        hours = panel.curves.frame.groupby("run")["seconds"].max().sum() / 3600
        said = f"{len(panel.curves.runs)} runs, {hours:.1f} hours of runs."
        lines += [
            f"### {panel.title}",
            "",
            f"![{panel.title}: both laws](images/panel-{panel.name}.png)",
            "",
            filled(f"{panel.laws.verdict.text} {said}"),
            "",
            filled(f"Against the paper: {agreement(panel)}"),
            "",
            filled(notes[panel.name]),
            "",
        ]
    return lines


def filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def agreement(panel: Panel) -> str:
    """What the protocol calls agreement with the paper, each in words."""
    laws, said = panel.laws, []
    if panel.name in PUBLISHED:
        gamma1, gamma2, direct = map(float, PUBLISHED[panel.name])
        said = [
            held("the direct γ", laws.gamma, direct),
            held("γ0 + γ1·γ2", laws.product, gamma1 * gamma2),
        ]
    return "; ".join([*said, norm_against_step(panel)]) + "."


def norm_against_step(panel: Panel) -> str:
    """Which clock the protocol calls better, or that the step gives no collapse to compare with."""
    norm, step = panel.clocks["collapse"].reindex(["spectral_complexity", "step"])
    if not np.isfinite([norm, step]).all():
        return "norm and step cannot be compared, since the curves do not rescale along both"
    better = "does better" if norm < BETTER * step else "does no better"
    return (
        f"the norm {better} than the step (rescaled curves spread {share(norm)} % of their fall "
        f"against {share(step)} %)"
    )


def held(what: str, ours: nl.laws.Estimate, published: float) -> str:
    """Whether our interval holds the paper's value."""
    word = "agrees with" if ours.low <= published <= ours.high else "differs from"
    return f"{what}, {drawing.estimate(ours)}, {word} the published {published:.3g}"


def summary(panels: list[Panel]) -> str:
    """Nine small figures in one."""
    main = [panel for panel in panels if panel.name in PANELS]
    axes = drawing.panels([panel.title for panel in main], 3)
    for ax, panel in zip(axes, main, strict=True):
        figures.laws_overview(panel.laws, ax)
        ax.set_title(panel.title, loc="left")
        if legend := ax.get_legend():
            legend.remove()
    drawing.save(axes[0], "nine-panels")
    return "![Both laws in every panel](images/nine-panels.png)"


def written(panels: list[Panel]) -> str:
    """The part of the page that the script writes, without the pictures' section."""
    parts = {
        "Where the laws hold and where not": findings(panels),
        "Exponents": exponents(panels),
        "Norms and clocks compared": clocks(panels),
        "Forecasts": scorecard(panels),
    }
    return "\n\n".join(
        f"## {title}\n\n{filled(READ[title])}\n\n" + "\n".join(lines)
        for title, lines in parts.items()
    )


def redraw() -> None:
    """Write the page's tables and draw its figures."""
    panels = committed()
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    shown = [
        summary(panels),
        written(panels),
        "## Panel by panel",
        "\n".join(pictures(panels)).strip(),
    ]
    PAGE.write_text(before + BEGIN + "\n\n" + "\n\n".join(shown) + "\n\n" + END + after, "utf-8")

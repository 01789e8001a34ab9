"""The docs' own figures: ``python docs/scripts/figures.py [--demo DIR] [--study DIR]``.

Planted studies and the exact perceptron need nothing. Those of the README and the gallery are of
``normlaws run teacher-mlp``, which is run into ``--demo`` where it is not there yet (a minute); the
one of several norms is of ``normlaws run digits-cnn``, in ``--study`` (two minutes). The one of the
published norm ablation needs its file, CNN_CIFAR10_norms.npy, and is left out without it; the
picture of the explorer needs Chromium. ``--only`` names the parts to draw.
"""

from __future__ import annotations

import argparse
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import normlaws as nl
from normlaws.laws.headline import headline
from normlaws.laws.plant import Planted, plant
from normlaws.report import figures
from normlaws.report.style import INK, SMALL, new_axes, size_colours, size_key

IMAGES = Path(__file__).resolve().parents[1] / "images"
DPI = 110
NORMS = ("spectral_complexity", "spectral_product", "frobenius", "group_21", "l1")
INTERVALS = """() => [...document.querySelectorAll('#exponents td.number')].some(
  one => one.textContent.includes(' to '))"""
FAILURES = {
    "slopes depend on P": (Planted(early_spread=0.15), {}),
    "the error saturates": (Planted(rise=0.0), {"past": 4.0}),
    "training ends too early": (Planted(), {"past": -0.5}),
    "nothing gained from data": (Planted(gamma1=1e-3, gamma2=1e-3, rise=0.0), {}),
}


def save(ax: Axes, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    ax.figure.savefig(IMAGES / f"{name}.png", dpi=DPI)
    print(IMAGES / f"{name}.png")


def panels(titles: Sequence[str], columns: int) -> list[Axes]:
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.5 * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title, fontsize=SMALL + 1, loc="left", color=INK)
    for ax in axes[len(titles) :]:
        ax.remove()
    return axes[: len(titles)]


def planted() -> None:
    laws = nl.fit(plant(noise=0.02), resamples=100)
    save(laws.plot(), "two-laws-curves")
    save(figures.collapse_by_optimum(laws), "two-laws-collapse")


def failures() -> None:
    axes = panels(list(FAILURES), 2)
    for ax, (law, how) in zip(axes, FAILURES.values(), strict=True):
        curves = plant(law, noise=0.02, **how)
        figures.error_against_norm(curves, ax=ax)
        print(ax.get_title(loc="left"), nl.fit(curves, resamples=100).verdict.codes)
    save(axes[0], "two-laws-failures")


def perceptron() -> None:
    alphas = [1, 3, 10, 30, 100, 300, 1000]
    axes = panels(["exact error against norm", "the same, rescaled by α"], 2)
    theory = nl.theory.FixedNormPerceptron()
    colours = size_colours(alphas)
    for alpha in alphas:
        norm = np.geomspace(0.1, 30 * alpha, 120)
        error = theory.generalization_error(alpha=alpha, norm=norm)
        best = theory.optimum(alpha=alpha)
        axes[0].plot(norm, error, color=colours[alpha])
        axes[0].plot(best.norm, best.generalization_error, "o", ms=5, color=colours[alpha], mec=INK)
        axes[1].plot(norm / alpha, error * alpha, color=colours[alpha])
    for ax in axes:
        new_axes(ax).set(xscale="log", yscale="log")
    axes[0].set(xlabel="norm λ", ylabel="generalisation error ε")
    axes[1].set(xlabel="λ / α", ylabel="ε α", xlim=(1e-3, 30), ylim=(0.2, 15))
    size_key(axes[1], colours)
    axes[1].child_axes[-1].set_title("α", fontsize=SMALL, loc="left", color=INK)
    save(axes[0], "two-laws-perceptron")


def demo(laws: nl.Laws) -> None:
    """The README's figure: the curves with both laws, and what is left of them after rescaling."""
    axes = panels(["test error along the norm", "each size over its own optimum"], 2)
    figures.laws_overview(laws, axes[0])
    figures.collapse_by_optimum(laws, axes[1])
    for ax in axes:
        ax.set_title(ax.get_title(loc="left"), fontsize=SMALL + 1, loc="left", color=INK, pad=36)
    save(axes[0], "teacher-mlp")


def real(curves: nl.Curves) -> None:
    laws = nl.fit(curves)
    print(headline(laws))
    demo(laws)
    drawn: dict[str, Callable[[], Axes]] = {
        "gallery-error-against-norm": lambda: figures.error_against_norm(curves, laws),
        "gallery-collapse": lambda: figures.collapse_by_optimum(laws),
        "gallery-collapse-by-exponents": lambda: figures.collapse_by_exponents(laws),
        "gallery-crossover": lambda: figures.crossover_fit(laws),
        "gallery-error-against-size": lambda: figures.error_against_size(laws),
        "gallery-norm-against-size": lambda: figures.norm_against_size(laws),
        "gallery-norm-against-step": lambda: figures.norm_against_step(curves),
    }
    for name, draw in drawn.items():
        save(draw(), name)


def by_norm(curves: nl.Curves, name: str) -> None:
    """Every recorded norm of one study, and what a fit finds against each."""
    norms = [norm for norm in NORMS if norm in curves.norms]
    axes = panels([norm.replace("_", " ") for norm in norms], 3 if len(norms) > 4 else 2)
    print("| norm | γ | γ1 | γ0 | γ2 | γ0 + γ1·γ2 | codes |")
    for ax, norm in zip(axes, norms, strict=True):
        laws = nl.fit(curves, norm=norm)
        figures.laws_overview(laws, ax)
        if legend := ax.get_legend():
            legend.remove()
        found = (laws.gamma, laws.gamma1, laws.gamma0, laws.gamma2, laws.product)
        print(f"| {norm} | {' | '.join(map(estimate, found))} | {' '.join(laws.verdict.codes)} |")
    save(axes[0], name)


def estimate(found: nl.laws.Estimate) -> str:
    text = f"{found.value:.3f}"
    if found.low is not None:
        text = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
    return text.replace("-", "−")


def explorer(study: Path) -> None:
    """The page of a study in headless Chromium, once it is drawn and intervals are there."""
    from playwright.sync_api import sync_playwright

    from normlaws.explore.server import prepare

    server = prepare(study)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(viewport={"width": 1280, "height": 1400})
            page.set_default_timeout(300_000)
            page.goto(f"http://127.0.0.1:{server.port}/?size=100000")
            page.wait_for_function(INTERVALS)
            page.wait_for_timeout(3000)
            page.screenshot(path=IMAGES / "explore.png")
            browser.close()
        print(IMAGES / "explore.png")
    finally:
        server.shutdown()
        thread.join()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--demo", type=Path, default=Path("runs/teacher-mlp"))
    options.add_argument("--study", type=Path, default=Path("runs/digits-cnn"))
    options.add_argument("--published", type=Path, help="CNN_CIFAR10_norms.npy")
    parts = ("planted", "failures", "perceptron", "demo", "explorer", "norms", "published")
    options.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART")
    chosen = options.parse_args()
    draw: dict[str, Callable[[], None]] = {
        "planted": planted,
        "failures": failures,
        "perceptron": perceptron,
        "demo": lambda: real(nl.Study.load("teacher-mlp").run(chosen.demo)),
        "explorer": lambda: explorer(chosen.demo),
        "norms": lambda: by_norm(nl.Study.load("digits-cnn").run(chosen.study), "norms-digits"),
    }
    if chosen.published:
        draw["published"] = lambda: by_norm(
            nl.interop.read_deep_norm(chosen.published), "norms-published"
        )
    for part in chosen.only:
        if part in draw:
            draw[part]()


if __name__ == "__main__":
    main()

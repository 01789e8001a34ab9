"""What the initial scale does: lazy error, effective parameters, and the exponent of the data.

    python docs/scripts/regimes.py [--out runs/regimes]

Diagonal networks on sparse regression, trained by the pipeline at three initial scales, and the
exact flow of logistic regression at three (in all about two minutes; what ``--out`` holds is not
computed again). Draws ``gauges-lazy.png``, ``gauges-parameters.png`` and ``gauges-regimes.png`` of
``docs/images`` and prints the numbers of ``docs/gauges.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

import figures as drawing
import normlaws as nl
from normlaws.report.style import SMALL, new_axes

SCALES = (0.1, 0.3, 1.0)  # lowest to highest: rich to kernel
EXACT = (1e-3, 0.1, 10.0)
SIZE, SIZES = 40, (40, 80, 160, 320, 640, 1280)
MARKERS = "osD"


def study(scale: float) -> nl.Study:
    """Squared loss, f₀ = 0, every gauge of a network that is not recurrent."""
    return nl.Study.load(
        {
            "extends": "diagonal-regression",
            "name": f"regimes-{scale:g}",
            "sizes": [SIZE],
            "seeds": 1,
            "data": {"dimension": 100, "scored_test": 500},
            "model": {"init_scale": scale},
            "training": {"batch_size": SIZE, "records": 20, "steps": 1000},
            "gauges": {
                "distance": True,
                "telescope": {"probes": 64},
                "effective_parameters": {"probes": 200},
            },
        }
    )


def along(ax: Axes, found: dict[float, nl.Curves], column: str, against: str = "step") -> None:
    """One recorded value against the step or another one; logarithms are undone."""
    for marker, (scale, curves) in zip(MARKERS, found.items(), strict=True):
        frame = curves.frame[curves.frame["step"] > 0]
        x, y = (
            np.exp(frame[name]) if name.startswith("log_") else frame[name]
            for name in (against, column)
        )
        ax.plot(x, y, marker=marker, ms=3, lw=1.2, label=f"scale {scale:g}")
    new_axes(ax).set(xlabel=against)
    if against == "step":
        ax.set_xscale("log")
    ax.legend(fontsize=SMALL, frameon=False)


def lazy(found: dict[float, nl.Curves]) -> None:
    """How far from its linearisation the network is, and how far its kernel has moved."""
    axes = drawing.panels(["lazy error", "change of the tangent kernel"], 2)
    along(axes[0], found, "log_lazy_error")
    along(axes[1], found, "log_kernel_change")
    axes[0].set(yscale="log", ylabel="|f − l| / |f − f₀|")
    axes[1].set(yscale="log", ylabel="|(K − K₀)U| / |K₀U|")
    drawing.save(axes[0], "gauges-lazy")


def parameters(found: dict[float, nl.Curves]) -> None:
    """Effective parameters along the training, and the test loss with them as the axis."""
    axes = drawing.panels(["effective parameters of 40 examples", "as the axis"], 2)
    along(axes[0], found, "log_effective_parameters_train")
    along(axes[1], found, "test_loss", against="log_effective_parameters_train")
    axes[0].set(ylabel="p at the training inputs")
    axes[1].set(yscale="log", ylabel="test loss", xlabel="p at the training inputs")
    drawing.save(axes[0], "gauges-parameters")


def ends(scale: float, curves: nl.Curves) -> None:
    """The gauges at the last record."""
    last = curves.frame.iloc[-1]
    for name in curves.frame.filter(like="log_"):
        print(f"scale {scale:g}, {name.removeprefix('log_')}: {np.exp(last[name]):.3g}")
    print(f"scale {scale:g}, test_loss: {last['test_loss']:.3g}")


def exact(out: Path, scale: float) -> nl.Curves:
    """The flow of logistic regression; read where it was solved before."""
    path = out / f"exact-{scale:g}.parquet"
    if not path.exists():
        network = nl.theory.DiagonalNetwork(scale)
        network.curves(SIZES, dimension=200, sparsity=5, seeds=3).write(path)
    return nl.Curves.read(path)


def exponents(ax: Axes, out: Path) -> None:
    """The lowest test error of the exact flow against the size."""
    for marker, scale in zip(MARKERS, EXACT, strict=True):
        curves = exact(out, scale)
        laws = nl.fit(curves, norm="frobenius", metric="test_error")
        lowest = curves.frame.groupby(["size", "run"])["test_error"].min()
        best = lowest.groupby("size").mean()
        gamma = drawing.estimate(laws.gamma)
        print(f"scale {scale:g}: gamma {gamma}; {best.round(4).to_dict()}")
        ax.plot(best.index, best, marker=marker, ms=4, lw=1.2, label=f"scale {scale:g}, γ {gamma}")
    new_axes(ax).set(xscale="log", yscale="log", xlabel="P", ylabel="lowest test error")
    ax.set_ylim(bottom=3e-4)  # room for the legend
    ax.legend(fontsize=SMALL, frameon=False)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("runs/regimes"))
    out = options.parse_args().out
    found = {scale: study(scale).run(out / f"{scale:g}", workers=1) for scale in SCALES}
    for scale, curves in found.items():
        ends(scale, curves)
    lazy(found)
    parameters(found)
    (ax,) = drawing.panels(["logistic loss, exact flow"], 1)
    exponents(ax, out)
    drawing.save(ax, "gauges-regimes")


if __name__ == "__main__":
    main()

"""Associative recall by number of sequences, and its time to emergence against repetition.

    python docs/scripts/recall.py [--out runs/recall] [--seeds 5]

A decoder of two attention layers learns to recall the value of a key. Its study over sizes and the
trainings until recall emerges take some minutes of one core; what ``--out`` holds is not run again.
The theory's model, one head that must find the relevant token, is trained by SGD on fresh data
beside it (``nl.theory.simulate_attention``). Draws ``docs/images/recall-emergence.png`` and prints
the tables of ``docs/theory/sparse-attention.md``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from scipy import stats

import figures as drawing
import normlaws as nl
from normlaws.report import figures
from normlaws.report.scales import log_axis
from normlaws.report.style import INK, SMALL, new_axes

PAIRS = 4  # of a sequence; as many keys and as many values
LEVEL = 0.05  # test error below which a value is recalled
SIZES, STEPS = (500, 1000, 2000, 4000), 500
MANY = 8000  # sequences, enough to be as good as fresh ones until recall emerges
BATCH, RATE, PATIENCE = 128, 0.001, 2000
LENGTH, DIMENSION, BELOW = 32, 16, 0.1  # of the theory's model; L = .1 is a fifth of its start
RECALL, ONE_HEAD = "tab:blue", "tab:orange"


@dataclass(frozen=True)
class Knob:
    """One way to repeat the relevant token, in the data set and in the theory's model.

    Attributes:
        symbol: of the theory.
        data: its name in the data set, with the values of recall.
        theory: its name in the theory, with the values of the one head.
        label: of the axis.
    """

    symbol: str
    data: tuple[str, Sequence[float]]
    theory: tuple[str, Sequence[float]]
    label: str

    def law(self, value: np.ndarray) -> np.ndarray:
        """The theory's leading order over the first value; T, d → ∞."""
        if self.symbol == "B":
            return value**-0.5
        return (1 + (DIMENSION - 1) * value**2) ** -0.5


REPEATED = Knob(
    "B", ("repetition", (1, 2, 3)), ("repeated", (1, 2, 4, 8)), "B, copies in a context"
)
SHARED = Knob(
    "p", ("fixed", (0.0, 0.2, 0.4)), ("shared", (0.0, 0.2, 0.4)), "p, share of one fixed pair"
)
Times = dict[float, np.ndarray]


def study(sizes: Sequence[int], seeds: int = 1, **data: float) -> nl.Study:
    """Recall by two layers of attention without MLPs; the pool holds the largest size."""
    task = {"name": "associative-recall", "keys": PAIRS, "values": PAIRS, "pairs": PAIRS}
    task |= {"pool": max(sizes) + 500, "test": 300, "validation": 200, "scored_test": 300}
    model = {"family": "transformer", "width": 64, "depth": 2, "heads": 1, "mlp_ratio": 0}
    return nl.Study.load(
        {
            "name": "recall",
            "sizes": list(sizes),
            "seeds": seeds,
            "data": task | data,
            "model": model | {"init_scale": 2.0},
            "optimizer": {"name": "adam", "learning_rate": RATE},
            "training": {
                "steps": STEPS,
                "batch_size": BATCH,
                "records": 20,
                "evaluation_share": 0.1,
            },
        }
    )


def emergence(seed: int, patience: int = PATIENCE, **data: float) -> float:
    """First step at which the test error is below the level; NaN if there is none in time."""
    run = study((MANY,), **data).settings.runs()[0]
    drawn = run.data.load(Path())
    model = run.model.build(tuple(drawn.pool_images.shape[1:]), drawn.classes, seed=seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    batches = torch.Generator().manual_seed(seed)
    look = 1
    for step in range(1, patience + 1):
        chosen = torch.randint(MANY, (BATCH,), generator=batches)
        optimizer.zero_grad()
        outputs = model(drawn.pool_images[chosen])
        torch.nn.functional.cross_entropy(outputs, drawn.pool_labels[chosen]).backward()
        optimizer.step()
        if step >= look:
            look = max(step + 1, int(1.05 * step))
            with torch.no_grad():
                wrong = model(drawn.test_images).argmax(1) != drawn.test_labels
            if float(wrong.float().mean()) < LEVEL:
                return float(step)
    return np.nan


def recall_times(out: Path, knob: Knob, seeds: int) -> Times:
    """Of every value of a knob and every seed; what ``out`` holds is read, not trained again."""
    path = out / "times.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    name, values = knob.data
    found = {}
    for value in values:
        data = {"repetition": 1, "fixed": 0.0} | {name: value}
        keys = [f"{data} {seed}" for seed in range(seeds)]
        for seed, key in enumerate(keys):
            if key not in kept:
                kept[key] = emergence(seed, **data)
                path.write_text(json.dumps(kept))
        found[value] = np.array([kept[key] for key in keys], dtype=float)
    return found


def one_head_times(knob: Knob, seeds: int) -> Times:
    """The theory's model under SGD."""
    name, values = knob.theory
    found = {}
    for value in values:
        model = nl.theory.SparseAttention(LENGTH, DIMENSION, **{name: value})
        curves = nl.theory.simulate_attention(model, steps=int(2 * model.plateau()), seeds=seeds)
        below = curves.frame[curves.frame["test_loss"] < BELOW].groupby("seed")["time"].min()
        found[value] = below.reindex(range(seeds)).to_numpy(float)
    return found


def interval(times: np.ndarray) -> tuple[float, float, float]:
    """Low, geometric mean, high: the 95 % interval of Student's t over seeds, in logarithms."""
    logs = np.log(times[np.isfinite(times)])
    if len(logs) < 2:
        return np.nan, float(np.exp(logs.mean())) if len(logs) else np.nan, np.nan
    half = stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs))
    low, mean, high = np.exp(logs.mean() + np.array([-half, 0, half]))
    return float(low), float(mean), float(high)


def relative(times: Times) -> Times:
    """Times over those of the first value, seed by seed: their networks start alike."""
    first = next(iter(times.values()))
    return {value: each / first for value, each in times.items()}


def exponent(times: Times) -> str:
    """Slope of ln t against ln B within seeds, with its 95 % interval; no majority decides."""
    few = {copies: np.log(each) for copies, each in times.items() if copies <= PAIRS / 2}
    y = np.array(list(few.values()))
    y = y[:, np.isfinite(y).all(axis=0)]
    x = np.log(list(few))[:, None] + np.zeros_like(y)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    slope = (x * y).sum() / (x**2).sum()
    left, freedom = y - slope * x, y.size - y.shape[1] - 1
    half = stats.t.ppf(0.975, freedom) * np.sqrt((left**2).sum() / freedom / (x**2).sum())
    return f"{slope:.2f} [{slope - half:.2f}, {slope + half:.2f}]"


def draw(ax: Axes, knob: Knob, times: Times, label: str, marker: str, color: str) -> None:
    """Times over the first one, with intervals over seeds; prints a row of the table each."""
    style = {"label": label, "marker": marker, "color": color, "ls": ""}
    found = {value: interval(each) for value, each in relative(times).items()}
    low, mean, high = np.array(list(found.values())).T
    ax.errorbar(list(found), mean, [mean - low, high - mean], capsize=3, **style)
    for value, each in times.items():
        absolute, over = (
            "{1:{0}} [{2:{0}}, {3:{0}}]".format(form, middle, least, most)
            for form, (least, middle, most) in ((".0f", interval(each)), (".2f", found[value]))
        )
        emerged = f"{np.isfinite(each).sum()} of {len(each)}"
        print(f"| {label} | {knob.symbol} = {value:g} | {absolute} | {over} | {emerged} |")


def beside_theory(ax: Axes, knob: Knob, out: Path, seeds: int) -> None:
    """Recall and the theory's model against one knob, with the flow and its leading order."""
    recall, one_head = recall_times(out, knob, seeds), one_head_times(knob, seeds)
    draw(ax, knob, recall, "recall", "o", RECALL)
    draw(ax, knob, one_head, "one head, SGD", "s", ONE_HEAD)
    name, values = knob.theory
    flows = [nl.theory.SparseAttention(LENGTH, DIMENSION, **{name: v}).plateau() for v in values]
    print(f"flow, {knob.symbol} = {list(values)}:", np.round(np.array(flows) / flows[0], 3))
    ax.plot(values, np.array(flows) / flows[0], "-", color=ONE_HEAD, lw=1.2, label="one head, flow")
    fine = np.linspace(values[0], values[-1], 60)
    ax.plot(fine, knob.law(fine), ":", color=INK, label="leading order")
    new_axes(ax).set(yscale="log", xlabel=knob.label, ylabel="time to emergence, relative")
    if knob.symbol == "B":
        log_axis(ax, "x", values)
        print(f"exponents, B ≤ {PAIRS / 2:g}: recall {exponent(recall)}, one head", end=" ")
        print(exponent(one_head))
    ax.legend(fontsize=SMALL, frameon=False)


def early_curves(axes: Sequence[Axes], curves: nl.Curves) -> None:
    """Test error of every size along the norm and along the step, and where it halves."""
    figures.error_against_norm(curves, ax=axes[0])
    frame = curves.frame[curves.frame["step"] > 0]
    for size, rows in frame.groupby("size"):
        mean = rows.groupby("step")["test_error"].mean()
        axes[1].plot(mean.index, mean, marker="o", ms=3, lw=1.2, label=f"P = {size}")
        half = rows[rows["test_error"] < frame["test_error"].max() / 2].groupby("seed")["step"]
        print(f"P = {size}: lowest error {mean.min():.3f}, below half from {half.min().to_dict()}")
    new_axes(axes[1]).set(xscale="log", xlabel="step", ylabel="test error")
    axes[1].legend(fontsize=SMALL, frameon=False)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("runs/recall"))
    options.add_argument("--seeds", type=int, default=5)
    chosen = options.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    titles = ["recall along the norm", "along the step", "copies in a context", "across contexts"]
    axes = drawing.panels(titles, 2)
    print("| trained | repetition | steps [95 %] | relative [95 %] | emerged |")
    print("|---|---|---|---|---|")
    for ax, knob in zip(axes[2:], (REPEATED, SHARED), strict=True):
        beside_theory(ax, knob, chosen.out, chosen.seeds)
    early_curves(axes, study(SIZES).run(chosen.out / "sizes", workers=1))
    drawing.save(axes[0], "recall-emergence")


if __name__ == "__main__":
    main()

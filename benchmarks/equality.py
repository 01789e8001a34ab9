"""How far stacked and plain runs of one seed part, beside what rounding alone does to plain runs.

    python benchmarks/equality.py [--preset digits-resnet] [--steps 2000] [--seeds 3]

Each seed is trained in a stack of all seeds; alone on one thread; alone on two threads, which adds
in another order; and alone from initial weights scaled by 1 + 1e-7. Figures are the largest
differences along the curve from the run alone on one thread, the largest of all seeds: relative for
losses, absolute for log norms and errors. The last line compares two seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import torch

from normlaws.problems import data_root
from normlaws.training import RunSettings, train, train_stack
from runs import changed, run_of, seeds_of

SIZE = 128
COLUMNS = ("train_loss", "test_loss", "test_error", "log_spectral_complexity", "log_frobenius")


def nudged(run: RunSettings) -> RunSettings:
    """The same run from weights that differ in their last digits."""
    model = run.model.model_copy(update={"init_scale": run.model.init_scale * (1 + 1e-7)})
    return run.model_copy(update={"model": model})


def differences(found: pd.DataFrame, plain: pd.DataFrame) -> list[float]:
    values = []
    for column in COLUMNS:
        mine, other = found[column].to_numpy(), plain[column].to_numpy()
        scale = np.abs(other) if column.endswith("loss") else 1.0
        values.append(float(np.nanmax(np.abs(mine - other) / scale)))
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="digits-resnet")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    run = changed(run_of(arguments.preset, SIZE), epochs=None, steps=arguments.steps)
    runs = seeds_of(run, arguments.seeds)
    data = runs[0].data.load(data_root(None))

    def alone(run: RunSettings, threads: int = 1) -> pd.DataFrame:
        torch.set_num_threads(threads)
        return train(run, data=data).frame

    plain = [alone(run) for run in runs]
    torch.set_num_threads(1)
    frame = train_stack(runs, data=data).frame
    stacked = [frame[frame["seed"] == run.seed] for run in runs]
    compared = {
        "in a stack": stacked,
        "two threads": [alone(run, threads=2) for run in runs],
        "weights x (1 + 1e-7)": [alone(nudged(run)) for run in runs],
        "another seed": plain[1:] + plain[:1],
    }
    optimizer = runs[0].optimizer.name
    print(f"{arguments.preset} ({optimizer}), P = {runs[0].size}, {runs[0].steps} steps, "
          f"{len(runs)} seeds")  # fmt: skip
    print(" " * 22 + "".join(f"{column:>25s}" for column in COLUMNS))
    for label, found in compared.items():
        pairs = zip(found, plain, strict=True)
        worst = np.max([differences(*pair) for pair in pairs], axis=0)
        print(f"{label:22s}" + "".join(f"{value:25.1e}" for value in worst))


if __name__ == "__main__":
    main()

"""Weights made so that a meter's kept pairs stay exact while something else overtakes.

    python benchmarks/adversarial.py [--seeds 3] [--records 14] [--plain]

Every sequence is measured by a warm meter, flat matrices to 1e-6 and convolutions as operators to
1e-4, and by full decompositions in float64. Printed: values outside the wanted error, how far off
the worst was, the longest run of records that were off by more than 1 % (at most five are
promised), and how many values outside the wanted error were called a proof (none may be).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from normlaws.norms import NormMeter
from normlaws.norms.layer_norms import layer_norms
from normlaws.norms.model.plan import Plan, Settings

Random = np.random.Generator
Weights = Iterator[np.ndarray]
Sequence = Callable[[Random, int], Weights]
OFF, PROMISED = 0.01, 5


def turned(random: Random, values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Random left and right singular vectors."""
    m = len(values)
    square, tall = random.standard_normal((m, m)), random.standard_normal((n, m))
    return np.linalg.qr(square)[0], np.linalg.qr(tall)[0]


def spread(lead: float = 1.0) -> np.ndarray:
    return np.concatenate([[lead, 0.97, 0.94], np.linspace(0.9, 0.1, 93)])


def growing(random: Random, records: int, rate: float, noise: float, decay: float = 1.0) -> Weights:
    """One direction grows, orthogonal to all that lead."""
    values = spread()
    u, v = turned(random, values, 110)
    at = int(random.integers(30, 90))
    for record in range(records):
        values = values * decay
        values[at] = 0.5 * rate**record
        yield (u * values) @ v.T + noise * random.standard_normal((96, 110))


def exchanged(random: Random, records: int) -> Weights:
    """The leading values sink one after the other beneath others that rise."""
    u, v = turned(random, spread(), 110)
    for record in range(records):
        values = spread()
        values[: 2 + record] *= 0.8
        values[-2 - record :] += 0.06 * record
        yield (u * values) @ v.T


def diagonal_under_sgd(random: Random, records: int) -> Weights:
    """A diagonal network of three layers, whose parts grow one after the other."""
    target, factor = random.uniform(0.1, 3, 90), np.full(90, 0.4)
    for _ in range(records):
        for _ in range(12):
            x = random.standard_normal((6, 90))
            error = (x * x * (factor**3 - target)).mean(0)
            factor = np.clip(factor - 0.03 * error * factor**2, 0, 3)
        yield np.diag(factor)


def block_by_block(random: Random, records: int) -> Weights:
    """Four blocks, of which one at a time is trained."""
    parts = random.standard_normal((4, 24, 30)) / 10
    for record in range(records):
        parts[record % 4] *= 1.25
        whole = np.zeros((96, 120))
        for index, part in enumerate(parts):
            whole[24 * index :, 30 * index :][:24, :30] = part
        yield whole.copy()


def columns_drawn_anew(random: Random, records: int) -> Weights:
    a = np.diag(np.concatenate([np.linspace(1, 0.85, 8), np.full(92, 0.15)]))
    for record in range(records):
        chosen = random.integers(8, 100, 12)
        a[8:, chosen] = random.standard_normal((92, 12)) * 0.03 * (1 + 0.5 * record)
        yield a.copy()


def shuffled(random: Random, records: int) -> Weights:
    a = random.standard_normal((90, 100)) / 10
    for _ in range(records):
        yield a[random.permutation(90)][:, random.permutation(100)]


def frozen_then_larger(random: Random, records: int) -> Weights:
    """Nothing moves for half the records; then a value beside the leading ones is the largest."""
    values = spread()
    u, v = turned(random, values, 96)
    for record in range(records):
        values[70] = 0.3 if 2 * record < records else 1.4
        yield (u * values) @ v.T


FLAT: dict[str, Sequence] = {
    "grows by 5 %": lambda random, records: growing(random, 2 * records, 1.05, 0),
    "grows by 10 %": lambda random, records: growing(random, records, 1.1, 0),
    "grows under noise": lambda random, records: growing(random, records, 1.08, 1e-4),
    "grows under decay": lambda random, records: growing(random, records, 1.07, 0, 0.985),
    "leads exchanged": exchanged,
    "diagonal, SGD": diagonal_under_sgd,
    "block by block": block_by_block,
    "columns drawn anew": columns_drawn_anew,
    "shuffled": shuffled,
    "frozen, then larger": frozen_then_larger,
}


def kernels(
    random: Random, records: int, groups: int, rate: float, noise: float = 0, decay: float = 1.0
) -> Weights:
    """Waves along a circle of twelve: one grows beside those that lead."""
    taps = np.arange(12)
    waves = np.cos(2 * np.pi * np.outer(np.arange(1, 6), taps) / 12) / 6
    heights, at = np.array([1.0, 0.93, 0.6, 0.55, 0.5]), int(random.integers(2, 5))
    for record in range(records):
        heights = heights * decay
        heights[at] = 0.5 * rate**record
        kernel = np.tile((heights @ waves)[None, None, None], (groups, 1, 1, 1))
        yield kernel + noise * random.standard_normal(kernel.shape)


def channels(random: Random, records: int, rate: float, swap: bool = False) -> Weights:
    """Matrices between channels at the middle tap, and small taps around: one direction grows."""
    values = np.array([1.0, 0.95, 0.9, 0.5])
    u, v = turned(random, values, 4)
    around = 0.01 * random.standard_normal((4, 4, 3, 3))
    for record in range(records):
        values[3] = 0.5 * rate**record
        kernel = around.copy()
        kernel[:, :, 1, 1] += (u * values) @ v.T
        yield kernel[random.permutation(4)] if swap else kernel


def filters(random: Random, records: int, change: str) -> Weights:
    kernel = random.standard_normal((4, 4, 3, 3)) / 6
    for record in range(records):
        if change == "pruned":
            yield kernel * (random.random(kernel.shape) < 0.85) if record % 3 else kernel
        elif change == "signs":
            yield kernel * random.choice([-1.0, 1.0], (4, 1, 1, 1))
        elif change == "one filter":
            kernel[record % 4] *= 1.3
            yield kernel.copy()
        else:
            kernel[int(random.integers(4))] = random.standard_normal((4, 3, 3)) / 6
            yield kernel.copy()


def frozen_wave(random: Random, records: int) -> Weights:
    for record, kernel in enumerate(kernels(random, records, 1, 1.0)):
        taps = np.cos(2 * np.pi * 5 * np.arange(12) / 12) / 6
        yield kernel + (0.9 * taps if 2 * record >= records else 0)


CONVOLUTIONS: dict[str, Sequence] = {
    "wave grows by 5 %": lambda random, records: kernels(random, 2 * records, 1, 1.05),
    "wave grows by 10 %": lambda random, records: kernels(random, records, 1, 1.1),
    "wave under noise": lambda random, records: kernels(random, records, 1, 1.08, 2e-5),
    "wave under decay": lambda random, records: kernels(random, records, 1, 1.06, 0, 0.985),
    "waves of groups": lambda random, records: kernels(random, records, 2, 1.07),
    "frozen, then larger": frozen_wave,
    "channel grows": lambda random, records: channels(random, records, 1.08),
    "channels swapped": lambda random, records: channels(random, records, 1.08, True),
    "taps pruned": lambda random, records: filters(random, records, "pruned"),
    "signs flipped": lambda random, records: filters(random, records, "signs"),
    "one filter grows": lambda random, records: filters(random, records, "one filter"),
    "filters drawn anew": lambda random, records: filters(random, records, "drawn"),
}


def layer_of(weight: np.ndarray) -> tuple[nn.Module, dict[str, object]]:
    """A layer for weights of that shape, and the settings of its meter."""
    if weight.ndim == 2:
        return nn.Linear(weight.shape[1], weight.shape[0], bias=False), {}
    outputs, inputs, *taps = weight.shape
    groups = outputs if inputs == 1 else 1
    mode = "circular" if inputs == 1 else "zeros"
    conv = nn.Conv2d(
        groups * inputs, outputs, tuple(taps), padding="same", padding_mode=mode, groups=groups,
        bias=False,
    )  # fmt: skip
    side = 12 if inputs == 1 else 8
    return conv, {"conv": "operator", "example_input": torch.zeros(1, groups * inputs, side, side)}


def judged(sequence: Sequence, seed: int, records: int, compiled: bool) -> np.ndarray:
    """Error and whether it was called a proof, for every record, (records, 2); and the wanted."""
    random = np.random.default_rng(seed)
    layer, settings = layer_of(next(sequence(random, records)))
    plan = Plan.of(layer, Settings(**settings))
    conv = next(iter(plan.convolutions.values()), None)
    meter = NormMeter(layer, seed=seed, compiled=compiled, **settings)
    rows = []
    for weight in sequence(random, records):
        layer.weight.data = torch.tensor(weight, dtype=torch.float32)
        found = meter.measure()["log_spectral_product"]
        exact = layer_norms(plan.layers[0], conv, None).log_spectral_norm
        [status] = meter.statuses.values()
        rows.append((abs(math.expm1(found - exact)), status == "proof", meter.relative_error))
    return np.array(rows)


def longest(wrong: np.ndarray) -> int:
    best = run = 0
    for each in wrong:
        run = run + 1 if each else 0
        best = max(best, run)
    return best


def report(kind: str, sequences: dict[str, Sequence], arguments: argparse.Namespace) -> None:
    total = np.zeros(4, int)
    print(f"{kind:<22} values  outside     worst  > 1 % in a row  outside, called a proof")
    for name, sequence in sequences.items():
        runs = [
            judged(sequence, seed, arguments.records, not arguments.plain)
            for seed in range(arguments.seeds)
        ]
        every = np.concatenate(runs)
        outside = every[:, 0] > every[:, 2]
        row = max(longest(run[:, 0] > OFF) for run in runs)
        proofs = int((outside & (every[:, 1] > 0)).sum())
        worst = every[:, 0].max()
        print(f"{name:<22} {len(every):6} {outside.sum():8} {worst:9.1e} {row:15} {proofs:24}")
        total += [len(every), outside.sum(), row > PROMISED, proofs]
    print(
        f"{total[1]} of {total[0]} values outside the wanted error, {total[3]} of them called a "
        f"proof; {total[2]} sequences off by more than 1 % for more than {PROMISED} records\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--records", type=int, default=14)
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    report("flat, 1e-6", FLAT, arguments)
    report("operator, 1e-4", CONVOLUTIONS, arguments)


if __name__ == "__main__":
    main()

"""Diagonal networks and sparse attention against slower ways to the same numbers.

Limits of diagonal networks at d = 1000, a flow against that of the weights themselves, and the
plateau of sparse attention against training.

    OMP_NUM_THREADS=1 python benchmarks/theory_flows.py [--repeats 3]
"""

from __future__ import annotations

import argparse
import runpy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from normlaws.theory import DiagonalNetwork, SparseAttention, simulate_attention
from normlaws.theory.diagonal.experiment import SparseProblem

TESTS = Path(__file__).resolve().parents[1] / "tests" / "theory"
SLOW = runpy.run_path(str(TESTS / "diagonal" / "slow_diagonal.py"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    limits(repeats)
    flow(repeats)
    plateau(repeats)


def limits(repeats: int) -> None:
    for size in (100, 400):
        problem = SparseProblem.draw(size, 1000, 5, 0.01, 0)
        for scale in (1e-5, 1e-3, 0.1):
            network = DiagonalNetwork(scale)
            times = [
                seconds(lambda n=network, p=problem: n.limit(p.inputs, p.targets))
                for _ in range(repeats)
            ]
            print(f"limit, d = 1000, P = {size}, scale {scale:g}: {statistics.median(times):.2f} s")


def flow(repeats: int) -> None:
    inputs, targets, _ = SLOW["by_formula"](8, 12)
    times, fast, slow = [0.05, 0.2], [], []
    for _ in range(repeats):
        network = DiagonalNetwork(0.1)
        fast.append(seconds(lambda n=network: n.flow(inputs, targets, times)))
        slow.append(seconds(lambda: SLOW["weight_flow"](inputs, targets, 0.1, 2, times)))
    compare("flow, P = 8, d = 12", fast, slow, "flow of the weights")


def plateau(repeats: int) -> None:
    model, fast, slow = SparseAttention(64, 32, 4), [], []
    for _ in range(repeats):
        fast.append(seconds(model.plateau))
        slow.append(seconds(lambda: simulate_attention(model, steps=300, seeds=1, every=300)))
    compare("plateau, T = 64, d = 32, B = 4", fast, slow, "one training to its end")


def compare(what: str, fast: list[float], slow: list[float], other: str) -> None:
    ours, theirs = statistics.median(fast), statistics.median(slow)
    print(f"{what}: {ours:.3f} s of processor time, {other} {theirs / ours:.1f} times as long")


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    main()

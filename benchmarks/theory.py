"""Speed and accuracy of the solvable models.

Fixed-norm perceptron: the whole grid that a figure needs against an independent scalar solve
(adaptive quadrature, SciPy's hybrid Newton), and both on random points. Random features: eight
sizes at sixty times against the solver in the time domain. Committees: the path to α = 1000 against
the same equations without their Jacobian.

    OMP_NUM_THREADS=1 python benchmarks/theory.py [--points 40]
"""

from __future__ import annotations

import argparse
import runpy
import statistics
import time
from pathlib import Path

import numpy as np
from scipy.integrate import odeint

from normlaws.theory import FixedNormPerceptron, RandomFeatures, SoftCommittee
from normlaws.theory.perceptron import _quadrature

TESTS = Path(__file__).resolve().parents[1] / "tests" / "theory"
SLOW = runpy.run_path(str(TESTS / "perceptron" / "slow_solver.py"))["solve"]
SLOW_FEATURES = runpy.run_path(str(TESTS / "random_features" / "slow_features.py"))["Slow"]
GRID = (np.geomspace(0.1, 100, 50)[:, None], np.geomspace(0.01, 300, 50))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=7)
    chosen = parser.parse_args()
    speed(chosen.repeats)
    nodes()
    accuracy(chosen.points)
    features(chosen.repeats)
    committee(chosen.repeats)


def speed(repeats: int) -> None:
    theory = FixedNormPerceptron()
    found = theory.solve(*GRID)
    grid, point = [], []
    for _ in range(repeats):
        grid.append(timed(lambda: theory.solve(*GRID)))
        point.append(timed(lambda: SLOW(5.0, 10.0, (-1.28, 3.09))))
    each = statistics.median(grid) / found.alpha.size
    print(f"50 x 50 grid: {statistics.median(grid):.2f} s, {1e6 * each:.0f} us a point, ", end="")
    print(f"{np.sum(found.status != 'solved')} failed")
    print(
        f"scalar solve: {statistics.median(point):.2f} s a point, started at the solution; ", end=""
    )
    print(f"{statistics.median(point) / each:.0f} times as long")


def features(repeats: int) -> None:
    model = RandomFeatures(1.5, 1.5)
    sizes, times = np.geomspace(1e5, 1e8, 8)[:, None], np.geomspace(0.1, 1e9, 60)
    grid, point = [], []
    for _ in range(repeats):
        grid.append(used(lambda: model.solve(sizes, times)))
        point.append(used(lambda: SLOW_FEATURES(1.5, 1.5, 200, 100, np.inf, 1.0).test_loss(2.0)))
    each = statistics.median(grid) / (sizes.size * times.size)
    print(
        f"random features, 8 sizes x 60 times, M = 1e8: {statistics.median(grid):.2f} s, ", end=""
    )
    print(f"{1e6 * each:.0f} us a point; time-domain solver with 200 modes, one point: ", end="")
    print(f"{statistics.median(point) / each:.0f} times as long")


def committee(repeats: int) -> None:
    model = SoftCommittee(2, 2, 16, 1.0, 0.5, "erf", 0.01, 0.001)
    blocks, (x, q) = model.blocks, model.start
    ones = np.full((16, 1, 1), blocks.share)
    start = blocks.pack(ones * x, ones * q)

    def plain():
        return odeint(lambda x, _: blocks.speed(x), start, [0, 1000], rtol=1e-11, atol=1e-15,
                      mxstep=10**6)  # fmt: skip

    exact, without = [], []
    for _ in range(repeats):
        exact.append(used(lambda: model.solve(1000.0)))
        without.append(used(plain))
    print(f"committee, L = 16 to alpha 1000: {statistics.median(exact):.2f} s; ", end="")
    ratio = statistics.median(without) / statistics.median(exact)
    print(f"without the Jacobian {ratio:.1f} times as long")


def used(call) -> float:
    """Seconds of this process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def nodes() -> None:
    alpha, norm = np.geomspace(0.2, 1000, 30)[:, None], np.geomspace(1e-3, 1e3, 30)
    for name, flip, counts in (("CLEAN", 0.0, (48, 64, 96)), ("NOISY", 0.1, (96, 128, 192))):
        theory, chosen = FixedNormPerceptron(flip), getattr(_quadrature, name)
        setattr(_quadrature, name, 4 * chosen)
        exact = theory.generalization_error(alpha, norm)
        for count in counts:
            setattr(_quadrature, name, count)
            found = _unchecked(alpha, norm, flip)
            worst = np.max(np.abs(found / exact - 1))
            print(f"{name} {count} nodes: largest relative error {worst:.1e}")
        setattr(_quadrature, name, chosen)


def _unchecked(alpha, norm, flip):
    from normlaws.theory.perceptron._saddle import find

    points = np.broadcast_arrays(alpha, norm)
    a, _ = find(*(array.ravel() for array in points), flip)
    return (np.arctan(np.exp(a)) / np.pi).reshape(points[0].shape)


def accuracy(points: int) -> None:
    rng = np.random.default_rng(1)
    alpha = np.exp(rng.uniform(np.log(0.2), np.log(1000), points))
    norm = np.exp(rng.uniform(np.log(1e-3), np.log(1e3), points))
    found = FixedNormPerceptron().solve(alpha, norm)
    start = np.log(np.tan(np.pi * found.generalization_error)) + 0.01, found.log_chi + 0.01
    exact = np.array([SLOW(p, n, (a, b)) for p, n, a, b in zip(alpha, norm, *start, strict=True)])
    worst = np.max(np.abs(found.generalization_error / exact - 1))
    print(f"{points} random points against the scalar solve: largest relative error {worst:.1e}")


if __name__ == "__main__":
    main()
